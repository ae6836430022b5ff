"""Inner factories written in Python: the base class users subclass, and a complete WebSocket client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from c4trace.factories.socket_factory import Address, ErrorDomain, Framing, Socket, SocketFactory

if TYPE_CHECKING:
    from c4trace.factories.websocket import WebSocketFactory

__all__ = ["Address", "ErrorDomain", "Framing", "Socket", "SocketFactory", "WebSocketFactory"]


def __getattr__(name: str) -> Any:
    """Load the WebSocket client only where it is used: it brings asyncio, ssl and websockets."""
    if name == "WebSocketFactory":
        from c4trace.factories.websocket import WebSocketFactory  # noqa: PLC0415  # that is the point

        return WebSocketFactory
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
