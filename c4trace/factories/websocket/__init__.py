"""`WebSocketFactory`: a complete WebSocket client for LiteCore, and the worked example of an inner factory.

From the outside in: factory.py takes LiteCore's calls, connection.py is the life of one socket, dial.py gets it
connected, conversation.py is the time between `opened` and the end. Below them options.py reads what `open` was given,
handshake.py is HTTP, tls.py and certificate.py say whom to trust, proxy.py, connect.py and stream.py move bytes,
cookies.py keeps cookies, failure.py names what went wrong.
"""

from __future__ import annotations

from c4trace.factories.websocket.factory import WebSocketFactory

__all__ = ["WebSocketFactory"]
