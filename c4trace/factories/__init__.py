"""Inner factories written in Python: the base class users subclass, and a complete WebSocket client."""

from __future__ import annotations

from c4trace.factories.socket_factory import Address, ErrorDomain, Framing, Socket, SocketFactory

__all__ = ["Address", "ErrorDomain", "Framing", "Socket", "SocketFactory"]
