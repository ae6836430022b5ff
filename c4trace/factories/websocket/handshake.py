"""The HTTP part of a WebSocket connection, sans-IO: where to, what to ask, what was answered (RFC 6455 section 4)."""

from __future__ import annotations

import http
import logging
import re
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI

from c4trace.decode.errors import ErrorDomain, NetworkCode
from c4trace.factories.socket_factory import Address
from c4trace.factories.websocket.failure import Failure, Outcome, network
from c4trace.factories.websocket.options import ConnectOptions, Settings

__all__ = ["MAX_HEAD", "Refused", "ResponseHead", "Target", "handshake_request", "upgrade"]

MAX_HEAD = 64 * 1024
"""Bytes of an HTTP response before its body."""

# The library logs whole requests, with their credentials, as soon as somebody turns on debugging.
SILENT = logging.getLogger("c4trace.silent")
SILENT.disabled = True

SECURE = {"ws": False, "http": False, "blip": False, "wss": True, "https": True, "blips": True}


@dataclass(frozen=True)
class Target:
    """The server and what to ask it for."""

    secure: bool
    host: str
    port: int
    resource: str

    @classmethod
    def of(cls, address: Address) -> Target:
        """Check an address. Raises Failure (Network/4)."""
        scheme = address.scheme.lower()
        if scheme not in SECURE or not address.hostname or re.search(r"[\x00-\x20/?#@\\]", address.hostname):
            raise network(NetworkCode.InvalidURL, "the address has no known scheme or no host")
        port = address.port or (443 if SECURE[scheme] else 80)
        return cls(SECURE[scheme], address.hostname, port, _quoted(f"/{address.path.removeprefix('/')}"))

    @property
    def name(self) -> str:
        """Host and port, as HTTP writes them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def http_url(self) -> str:
        """The same as an URL of HTTP: what cookies and redirects are about."""
        return f"{'https' if self.secure else 'http'}://{self.name}{self.resource}"

    def redirected(self, location: str | None) -> Target:
        """The target that a redirection names. Raises Failure (Network/12), also for one that gives up TLS."""
        invalid = network(NetworkCode.InvalidRedirect, f"{self.name} redirects to an address that cannot be used")
        try:
            url = urlsplit(urljoin(self.http_url, location or ""))
            secure, port = SECURE[url.scheme], url.port
        except (ValueError, KeyError):
            raise invalid from None
        if not location or not url.hostname or (self.secure and not secure):
            raise invalid
        query = f"?{url.query}" if url.query else ""
        return Target(secure, url.hostname, port or (443 if secure else 80), _quoted(f"{url.path or '/'}{query}"))

    def is_same_server(self, other: Target) -> bool:
        """Whether what is meant for one may be sent to the other."""
        return (self.secure, self.host.lower(), self.port) == (other.secure, other.host.lower(), other.port)


def _quoted(resource: str) -> str:
    return quote(resource, safe="/?:@!$&'()*+,;=-._~%[]")


@dataclass(frozen=True)
class ResponseHead:
    """Status and headers of an HTTP response."""

    status: int
    fields: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, head: bytes) -> ResponseHead:
        """Read all up to the empty line. Raises Failure (WebSocket/1002)."""
        status_line, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        status = re.match(r"HTTP/1\.[01] ([1-9]\d\d)(?: |$)", status_line)
        fields = [re.fullmatch(r"([^\s:]+):[ \t]*(.*?)[ \t]*", line, re.DOTALL) for line in lines]
        if not status or not all(fields):
            raise _no_handshake("the answer is no HTTP response")
        return cls(int(status[1]), tuple((field[1], field[2]) for field in fields if field))

    def get_all(self, name: str) -> list[str]:
        """Every value of a header, whatever the case of its name."""
        return [value for field, value in self.fields if field.lower() == name.lower()]

    @property
    def headers(self) -> dict[str, str | list[str]]:
        """All headers as LiteCore wants them: Title-Case, repeated ones as a list."""
        names = dict.fromkeys(_title(name) for name, _ in self.fields)
        values = {name: self.get_all(name) for name in names}
        return {name: texts[0] if len(texts) == 1 else texts for name, texts in values.items()}


SPELLINGS = {"Websocket": "WebSocket", "Www": "WWW", "Etag": "ETag", "Id": "Id"}


def _title(name: str) -> str:
    return "-".join(SPELLINGS.get(part, part) for part in (part.capitalize() for part in name.split("-")))


class Refused(Exception):  # noqa: N818  # an answer like any other
    """The server, or the proxy, answered by a status that is no upgrade."""

    def __init__(self, head: ResponseHead) -> None:
        super().__init__(f"HTTP {head.status}")
        self.head = head

    @property
    def outcome(self) -> Outcome:
        """How LiteCore is told: the status as a WebSocket error, where it can be one (300..599)."""
        status = self.head.status
        if not 300 <= status < 600:
            return Outcome(ErrorDomain.WEBSOCKET, 1002, f"HTTP {status} instead of an upgrade")
        phrase = {int(known): known.phrase for known in http.HTTPStatus}.get(status, "")
        return Outcome(ErrorDomain.WEBSOCKET, status, f"HTTP {status} {phrase}".rstrip())


def handshake_request(
    target: Target, options: ConnectOptions, settings: Settings, *, cookies: str, authorize: bool
) -> tuple[ClientProtocol, bytes]:
    """Make the request, and the protocol that will check its answer and then carry the messages."""
    uri = WebSocketURI(target.secure, target.host, target.port, target.resource, "", None, None)
    offered = [Subprotocol(name) for name in re.split(r"\s*,\s*", options.protocols) if name]
    protocol = ClientProtocol(uri, subprotocols=offered or None, max_size=settings.max_message_size, logger=SILENT)
    request = protocol.connect()
    headers = request.headers
    if options.protocols:
        # As one header and to the letter: servers compare it as a string (C4S-021).
        del headers["Sec-WebSocket-Protocol"]
        headers["Sec-WebSocket-Protocol"] = options.protocols
    for name, value in options.headers:
        if name.lower() == "host":
            del headers["Host"]
        if name.lower() != "cookie":
            headers[name] = value
    own_cookies = [value for name, value in options.headers if name.lower() == "cookie"]
    if cookie := "; ".join(filter(None, (cookies, *own_cookies, options.cookies))):
        headers["Cookie"] = cookie
    if options.authorization and authorize and "Authorization" not in headers:
        headers["Authorization"] = options.authorization
    if "User-Agent" not in headers:
        headers["User-Agent"] = settings.user_agent
    protocol.send_request(request)
    return protocol, b"".join(protocol.data_to_send())


def upgrade(protocol: ClientProtocol, head: bytes) -> None:
    """Check the answer with status 101; the protocol is then open. Raises Failure (WebSocket/1002)."""
    protocol.receive_data(head)
    protocol.events_received()
    if protocol.handshake_exc is None:
        return
    # What the library says may quote the answer: its kind and the header's name will do.
    error = protocol.handshake_exc
    header = getattr(error, "name", "") if isinstance(error, InvalidHandshake) else ""
    raise _no_handshake(f"the answer is no upgrade to WebSocket: {type(error).__name__} {header}".rstrip())


def _no_handshake(message: str) -> Failure:
    return Failure(Outcome(ErrorDomain.WEBSOCKET, 1002, message))
