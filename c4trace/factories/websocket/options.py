"""What `open` was given, checked: LiteCore's options as typed values. Secrets are in no repr and in no error."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from c4trace.decode.errors import NetworkCode
from c4trace.factories.websocket.failure import network

__all__ = ["ConnectOptions", "ProxyOptions", "Settings", "TlsOptions", "parse_options"]

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Settings:
    """What the user of the factory chose; see `WebSocketFactory`. Times in seconds, sizes in bytes."""

    user_agent: str = "c4trace"
    connect_timeout: float = 14
    close_timeout: float = 4
    heartbeat: float = 300
    pong_timeout: float = 20
    receive_limit: int = 64 * 1024
    max_message_size: int = 16 * 1024 * 1024
    session_cookie: str = "SyncGatewaySession"


@dataclass(frozen=True)
class TlsOptions:
    """Whom to trust. Without any of these: the system's root certificates."""

    pinned: bytes | None = None
    roots: bytes | None = None
    only_self_signed: bool = False
    accept_all: bool = False
    certificate: bytes | None = None
    key: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class ProxyOptions:
    """The proxy to go through: `kind` is HTTP, HTTPS, SOCKS4 or SOCKS5."""

    kind: str
    host: str
    port: int
    username: str | None = field(default=None, repr=False)
    password: str = field(default="", repr=False)

    @property
    def authorization(self) -> str | None:
        """The value of Proxy-Authorization (RFC 7617)."""
        return None if self.username is None else _basic(self.username, self.password)


@dataclass(frozen=True)
class ConnectOptions:
    """Everything a connection is made by, but for the address."""

    protocols: str = ""
    heartbeat: float = 300
    headers: Headers = field(default=(), repr=False)
    cookies: str = field(default="", repr=False)
    authorization: str | None = field(default=None, repr=False)
    challenge: bool = False
    """Send `authorization` only to a server that asks for it."""
    proxy: ProxyOptions | None = None
    tls: TlsOptions = TlsOptions()
    interface: str = ""
    parent_domain_cookies: bool = False

    def for_a_stranger(self) -> ConnectOptions:
        """The same without anything that is meant for one server only."""
        agent = tuple(header for header in self.headers if header[0].lower() == "user-agent")
        return replace(
            self, headers=agent, cookies="", authorization=None, tls=replace(self.tls, certificate=None, key=None)
        )


def parse_options(options: Mapping[str, Any], settings: Settings) -> ConnectOptions:
    """Read the options of `open`; unknown keys are LiteCore's own. Raises Failure (Network/13), naming the option."""
    auth = _Dict(options.get("auth"), "auth")
    top = _Dict(options, "")
    heartbeat = top.get("heartbeat", int, 0)
    return ConnectOptions(
        protocols=_line(top.get("WS-Protocols", str, ""), "WS-Protocols"),
        heartbeat=heartbeat if heartbeat > 0 else settings.heartbeat,
        headers=_headers(options.get("headers")),
        cookies="; ".join(filter(None, (_line(top.get("cookies", str, ""), "cookies"), _session(auth, settings)))),
        authorization=_authorization(auth),
        challenge=auth.flag("challengeAuth"),
        proxy=_proxy(_Dict(options.get("proxy"), "proxy")),
        tls=TlsOptions(
            pinned=top.blob("pinnedCert"),
            roots=top.blob("rootCerts"),
            only_self_signed=top.flag("onlySelfSignedServer"),
            accept_all=top.flag("acceptAllCerts"),
            certificate=auth.blob("clientCert"),
            key=auth.blob("clientCertKey"),
        ),
        interface=top.get("networkInterface", str, ""),
        parent_domain_cookies=top.flag("acceptParentDomainCookies"),
    )


T = TypeVar("T")


class _Dict:
    """A dictionary of the options, whose values are asked for by type."""

    def __init__(self, members: Any, name: str) -> None:
        if members is not None and not isinstance(members, Mapping):
            raise network(NetworkCode.Unknown, f"option {name} is no dictionary")
        self.members: Mapping[str, Any] = members or {}
        self._prefix = f"{name}." if name else ""

    def get(self, key: str, kind: type[T], default: T) -> T:
        value = self.members.get(key)
        if value is None:
            return default
        if not isinstance(value, kind):
            raise network(NetworkCode.Unknown, f"option {self._prefix}{key} is no {kind.__name__}")
        return value

    def flag(self, key: str) -> bool:
        return bool(self.get(key, int, 0))  # bindings write booleans as 0 and 1, too

    def blob(self, key: str) -> bytes | None:
        """Data, or text in which PEM came."""
        value = self.members.get(key)
        if value is None or isinstance(value, bytes):
            return value or None
        return self.get(key, str, "").encode() or None


def _line(text: str, name: str) -> str:
    """A text that may stand in a line of HTTP: what breaks the line would let it add headers of its own."""
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
        raise network(NetworkCode.Unknown, f"option {name} has a control character")
    return text


# What the handshake itself is made of.
MANAGED = frozenset({"connection", "upgrade", "content-length", "transfer-encoding"})


def _headers(given: Any) -> Headers:
    """Name and text, or texts, of each; or an array of "Name: text"."""
    if isinstance(given, list):
        pairs = [tuple(part.strip() for part in str(line).partition(":")[::2]) for line in given]
        if not all(":" in str(line) for line in given):
            raise network(NetworkCode.Unknown, "option headers has a line that is no header")
    else:
        members = _Dict(given, "headers").members.items()
        pairs = [(name, text) for name, texts in members for text in (texts if isinstance(texts, list) else [texts])]
    headers = []
    for name, text in pairs:
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or not isinstance(text, str):
            raise network(NetworkCode.Unknown, "option headers has something that is no header")
        if name.lower() not in MANAGED and not name.lower().startswith("sec-websocket-"):
            headers.append((name, _line(text, f"headers.{name}")))
    return tuple(headers)


def _authorization(auth: _Dict) -> str | None:
    kind = auth.get("type", str, "Basic")
    if kind == "Basic" and "username" in auth.members:
        return _basic(auth.get("username", str, ""), auth.get("password", str, ""))
    if kind in {"OpenID Connect", "Facebook"} and "token" in auth.members:
        return f"Bearer {_line(auth.get('token', str, ''), 'auth.token')}"
    return None


def _basic(username: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


def _session(auth: _Dict, settings: Settings) -> str:
    """Sync Gateway's session authentication is a cookie."""
    token = _line(auth.get("token", str, ""), "auth.token")
    return f"{settings.session_cookie}={token}" if auth.get("type", str, "") == "Session" and token else ""


PROXY_KINDS = {"HTTP": "HTTP", "HTTPS": "HTTPS", "SOCKS": "SOCKS5", "SOCKS4": "SOCKS4", "SOCKS5": "SOCKS5"}


def _proxy(proxy: _Dict) -> ProxyOptions | None:
    kind = proxy.get("type", str, "none")
    if kind.lower() == "none":
        return None
    if kind.upper() not in PROXY_KINDS:
        raise network(NetworkCode.Unknown, "option proxy.type is none of none, HTTP, HTTPS, SOCKS")
    host, port = proxy.get("host", str, ""), proxy.get("port", int, 0)
    if not host or not 0 < port < 65536:
        raise network(NetworkCode.Unknown, "option proxy has no host or no port")
    auth = _Dict(proxy.members.get("auth"), "proxy.auth")
    username = auth.get("username", str, "") if "username" in auth.members else None
    return ProxyOptions(PROXY_KINDS[kind.upper()], host, port, username, auth.get("password", str, ""))
