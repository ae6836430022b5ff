"""A host with a canary wherever a secret can be: in options, addresses, headers, messages, errors and its own argv.

    python -c "from tests.canary_host import main; main()" FOLDER WHERE LOG LEVEL CAPTURE [canaries in argv ...]

Every canary is another one, so that a leak says where it came from: it begins with PREFIX and a word for its place.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from prometheus_client import CollectorRegistry, generate_latest

from c4trace import Address, EmbeddedHost, Socket, Traced, TraceError, Tracer
from c4trace.collecting import Place
from tests.factories.in_place import InPlace
from tests.tracing import PATIENCE, page

PREFIX = "QzCanary"


def canary(place: str) -> str:
    """The secret that is at one place."""
    return f"{PREFIX}{place}Zx9"


def basic(place: str) -> str:
    """The same as the credentials of a header."""
    return base64.b64encode(f"user:{canary(place)}".encode()).decode()


def options(wire: str) -> dict[str, Any]:
    """Options of `open` with a secret at every place; `wire` tells the forms apart that headers can have."""
    headers: dict[str, Any] = {
        "Authorization": f"Basic {basic('OptHeaderBasic')}",
        "Proxy-Authorization": f"Bearer {canary('OptHeaderBearer')}",
        "Cookie": f"a=1; SyncGatewaySession={canary('OptHeaderCookie')}",
        "X-Api-Key": canary("OptHeaderKey"),
        "User-Agent": f"App/1 (https://user:{canary('OptAgent')}@host/)",
        "Accept": ["text/plain", f"token={canary('OptHeaderList')}"],
        "X-List": [canary("OptHeaderListItem"), {"deep": canary("OptHeaderDeep")}],
    }
    forms: dict[str, Any] = {
        "dict": headers,
        "lines": [f"{name}: {value}" for name, value in headers.items()] + [canary("OptHeaderLine")],
        "text": "\r\n".join(f"{name}: {value}" for name, value in headers.items()),
        "bytes": canary("OptHeaderBytes").encode(),
    }
    return {
        "auth": {
            "type": "Basic",
            "username": canary("OptUser"),
            "password": canary("OptPassword"),
            "clientCertKey": canary("OptKey").encode(),
            "sessionToken": canary("OptSession"),
            "list": [canary("OptAuthList")],
            "challengeAuth": {"nested": canary("OptChallenge")},
        },
        "proxy": {
            "type": "HTTP",
            "host": f"user:{canary('OptProxyHost')}@proxy",
            "port": 8080,
            "auth": {"username": canary("OptProxyUser"), "password": canary("OptProxyPassword")},
            "url": f"http://user:{canary('OptProxyUrl')}@proxy:8080/",
        },
        "headers": forms[wire],
        "cookies": f"SyncGatewaySession={canary('OptCookies')}; path=/",
        "WS-Protocols": f"BLIP_3, token={canary('OptProtocols')}",
        "docIDs": [canary("OptDocId")],
        "channels": [canary("OptChannel")],
        "filterParams": {"secret": canary("OptFilter")},
        "remoteDBUniqueID": canary("OptUnique"),
        "pinnedCert": canary("OptPinned").encode(),
        "unknown": canary("OptUnknown"),
        "unknownDeep": {"a": [{"b": canary("OptUnknownDeep")}]},
        "unknownBytes": canary("OptUnknownBytes").encode(),
        f"https://user:{canary('OptName')}@host/": 1,
    }


RESPONSE: dict[str, str | list[str]] = {
    "WWW-Authenticate": f'Digest realm="{canary("RespRealm")}", nonce="{canary("RespNonce")}"',
    "Proxy-Authenticate": f"Basic realm={canary('RespProxyRealm')}",
    "Set-Cookie": [f"SyncGatewaySession={canary('RespCookie')}; HttpOnly", f"b={canary('RespCookieTwo')}"],
    "Location": f"https://user:{canary('RespLocation')}@host/db?token={canary('RespLocationQuery')}",
    "X-Token": canary("RespHeader"),
    "Server": f"Gateway token={canary('RespServer')}",
    "Via": [f"1.1 https://user:{canary('RespVia')}@via/"],
}
MESSAGES = {
    "Basic": f"refused: Authorization: Basic {basic('MsgBasic')}",
    "Bearer": f"the server said Bearer {canary('MsgBearer')} is over",
    "Url": f"cannot reach wss://user:{canary('MsgUrl')}@host:4984/db/_blipsync",
    "Query": f"GET https://host/db?password={canary('MsgQuery')}&x=1 failed",
    "Pair": f"password={canary('MsgPair')}, token: {canary('MsgPairTwo')}",
    "Json": f'{{"session_id": "{canary("MsgJson")}", "password":"{canary("MsgJsonTwo")}"}}',
    "Cookie": f"Set-Cookie: SyncGatewaySession={canary('MsgCookie')}; path=/",
}


class Leaky(InPlace):
    """Answers 401 with all its headers, or opens and talks, then closes with a secret in its message."""

    message = ""
    refuses = False

    def __init__(self, document: bytes) -> None:
        super().__init__()
        self.document = document

    def open(self, socket: Socket, _address: Address, _options: dict[str, Any]) -> None:
        self.sockets.append(socket)
        if socket.state is None:
            socket.got_http_response(401 if self.refuses else 101, RESPONSE)
        if self.refuses:
            socket.closed(6, 401, self.message)
        else:
            socket.opened()
            socket.received(self.document)

    def request_close(self, socket: Socket, status: int, message: str) -> None:
        socket.closed(6, status, self.message or message)


class Failing(InPlace):
    """Fails with a secret in its exception."""

    def open(self, _socket: Socket, _address: Address, _options: dict[str, Any]) -> None:
        raise ConnectionError(MESSAGES["Url"].replace("MsgUrl", "Exception"))


def refuse(what: Callable[[], object]) -> str:
    """The text of the error that bad input meets."""
    try:
        what()
    except TraceError as error:
        return str(error)
    raise AssertionError("not refused")


def converse(host: EmbeddedHost, factory: Leaky, traced: Traced) -> None:
    """Sessions with a secret at every place where one can be."""
    url = f"wss://localhost:4984/db/https://user:{canary('Path')}@in/_blipsync?password={canary('Query')}"
    for wire in ("dict", "lines", "text", "bytes"):
        for factory.refuses in (True, False):
            for factory.message in MESSAGES.values():
                socket = host.connect(traced, url, options(wire))
                if not factory.refuses:
                    socket.send(factory.document)
                    socket.receive(PATIENCE)
                    factory.sockets[-1].close_requested(1000, factory.message)
                socket.wait_disposed(PATIENCE)
    factory.refuses, factory.message = False, ""
    for message in MESSAGES.values():
        socket = host.connect(traced, url)
        socket.wait_opened(PATIENCE)
        socket.close(1000, message)
        socket.wait_disposed(PATIENCE)
    user = f"user:{canary('HostUser')}@peer"
    incoming = traced.from_native("ws", user, 1234, f"/db?token={canary('IncomingQuery')}")
    accepted = host.accept(incoming.address)
    accepted.wait_opened(PATIENCE)
    incoming.got_peer_certificate(b"DER", f"user:{canary('CertificateHost')}@peer")
    incoming.closed(6, 1008, f"https://user:{canary('IncomingClosed')}@peer/ went away")
    accepted.wait_disposed(PATIENCE)


def main() -> None:
    """Be that host; copies of all that can be seen of it go into FOLDER."""
    folder, (where, log, level, capture) = Path(sys.argv[1]), sys.argv[2:6]
    seen = {}
    with EmbeddedHost() as host:
        tracer = Tracer(
            "canaries",
            litecore=host,
            record=folder / "recording.jsonl",
            capture=capture,
            metrics_port=0,
            log=folder / "log.jsonl" if log == "file" else log,
            log_level=cast(Any, level),
            collect_in=cast(Place, where),
        )
        # Who asks for contents gets them, and nothing else that is secret.
        factory = Leaky(b"a document" if capture in {"full", "bytes:64"} else canary("Document").encode())
        traced = tracer.wrap(factory, factory="leaky")
        converse(host, factory, traced)
        host.connect(tracer.wrap(Failing()), "ws://localhost/db").wait_disposed(PATIENCE)
        waiting = host.connect(traced, f"ws://localhost/db?token={canary('OpenQuery')}", options("dict"))
        waiting.wait_opened(PATIENCE)
        assert tracer.metrics_url is not None
        registry = CollectorRegistry()
        registry.register(tracer.collector)
        seen["page"] = page(tracer.metrics_url)
        seen["openmetrics"] = page(tracer.metrics_url, openmetrics=True)
        seen["collector"] = generate_latest(registry).decode()
        seen["reprs"] = "\n".join(map(repr, (tracer, traced, tracer.snapshot())))
        seen["errors"] = "\n".join(
            [
                refuse(lambda: tracer.wrap(f"ws://user:{canary('Wrap')}@host")),
                refuse(lambda: tracer.wrap(options("dict"))),
                refuse(lambda: Tracer("other", litecore=host, record=cast(Any, options("dict")))),
                refuse(lambda: Tracer("other", litecore=cast(Any, options("dict")))),
                refuse(lambda: Tracer("other", litecore=host, metrics_port=cast(Any, options("dict")))),
                refuse(lambda: Tracer("other", litecore=host, sessions=cast(Any, options("dict")))),
                refuse(lambda: Tracer(cast(Any, options("dict")), litecore=host)),
                refuse(lambda: tracer.set_capture(cast(Any, options("dict")))),
            ]
        )
        (folder / "live.seg").write_bytes(tracer.segment_path.read_bytes())
        waiting.close()
        waiting.wait_disposed(PATIENCE)
        (folder / "last.seg").write_bytes(tracer.segment_path.read_bytes())
        tracer.close()
        seen["final"] = repr(tracer.snapshot())
    for name, text in seen.items():
        (folder / f"{name}.txt").write_text(text)
