"""What the README's recipes take for granted: LITECORE, and a program that replicates through a C4SocketFactory.

$README_LITECORE is the path of a real libLiteCore.so, or empty: then an embedded host plays LiteCore's part. With
$README_STAYS the program goes on, its tracer open, until its standard input ends.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path

from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from c4trace.demo.litecore.database import Database
from c4trace.demo.litecore.library import LiteCore
from c4trace.demo.litecore.replicator import Replicator
from c4trace.demo.litecore.server import DatabaseServer
from c4trace.host import EmbeddedHost

__all__ = ["LITECORE", "replicate", "scrape"]

PATIENCE = 30.0
PROTOCOL = "BLIP_3+CBMobile_3"

LITECORE: str | EmbeddedHost = os.environ["README_LITECORE"] or EmbeddedHost()


def replicate(factory: int) -> None:
    """Replicate through the C4SocketFactory at this address, then look at the metrics page."""
    if isinstance(LITECORE, EmbeddedHost):
        _talk(LITECORE, factory)
    else:
        _replicate(LiteCore(LITECORE), factory)
    page = scrape(int(os.environ["README_PORT"]))
    assert 'call="write"' in page
    if os.environ.get("README_STAYS"):
        print("replicated", flush=True)
        sys.stdin.read()


def scrape(port: int) -> str:
    """The metrics page at this port of ours."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
        page: str = answer.read().decode()
    assert "c4trace_info{" in page
    return page


def _talk(host: EmbeddedHost, factory: int) -> None:
    with serve(_echo, "127.0.0.1", 0, subprotocols=[Subprotocol(PROTOCOL)]) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.socket.getsockname()[1]
        socket = host.connect(factory, f"ws://127.0.0.1:{port}/db/_blipsync", {"WS-Protocols": PROTOCOL})
        socket.send(b"hello")
        assert socket.receive(PATIENCE) == b"hello"
        socket.close()
        assert socket.wait_closed(PATIENCE).code == 1000
        socket.wait_disposed(PATIENCE)


def _echo(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)


def _replicate(litecore: LiteCore, factory: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = (Database(litecore, Path(folder), name) for name in ("ours", "theirs"))
        ours.put((f"order-{i}", {"number": i}) for i in range(20))
        with DatabaseServer(theirs) as server:
            replicator = Replicator.connecting(ours, server.url, factory)
            replicator.start()
            assert replicator.wait_stopped(PATIENCE) == ""
            replicator.free()
            assert server.end(PATIENCE) == []
        assert theirs.document_count == 20
