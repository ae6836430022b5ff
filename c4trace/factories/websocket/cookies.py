"""Cookies of one connection attempt: what a redirecting server sets, the next one it names is sent (RFC 6265)."""

from __future__ import annotations

import email.message
import http.cookiejar
import urllib.request
from urllib.parse import urlsplit

from c4trace.factories.websocket.handshake import ResponseHead, Target

__all__ = ["Cookies"]


class Cookies:
    """A cookie jar in memory. It lives as long as one `open`: sessions of other users must not leak into this one's.

    Cookies that are to live longer are LiteCore's: it sees Set-Cookie in `got_http_response`, and the option "cookies"
    says what to send.
    """

    def __init__(self, *, accept_parent_domain: bool) -> None:
        self._jar = http.cookiejar.CookieJar(_Policy(accept_parent_domain=accept_parent_domain))

    def store(self, target: Target, head: ResponseHead) -> None:
        """Take the cookies of a response."""
        response = _Response(head.get_all("Set-Cookie"))
        self._jar.extract_cookies(response, _request(target))  # type: ignore[arg-type]  # it has all that is asked for

    def header(self, target: Target) -> str:
        """The value of Cookie for a request; empty if there are none."""
        request = _request(target)
        self._jar.add_cookie_header(request)
        return request.get_header("Cookie", "")


def _request(target: Target) -> urllib.request.Request:
    """What the jar wants to see of a request."""
    return urllib.request.Request(target.http_url)  # noqa: S310  # it is never opened


class _Response:
    """What the jar wants to see of a response."""

    def __init__(self, set_cookies: list[str]) -> None:
        self._message = email.message.Message()
        for value in set_cookies:
            self._message["Set-Cookie"] = value

    def info(self) -> email.message.Message:
        return self._message


class _Policy(http.cookiejar.DefaultCookiePolicy):
    """Cookies for the server's own name only, unless acceptParentDomainCookies accepts those of its parent domains."""

    def __init__(self, *, accept_parent_domain: bool) -> None:
        super().__init__()
        self._accept_parent_domain = accept_parent_domain

    def set_ok_domain(self, cookie: http.cookiejar.Cookie, request: urllib.request.Request) -> bool:
        own = urlsplit(request.full_url).hostname
        if cookie.domain_specified and not self._accept_parent_domain and cookie.domain.removeprefix(".") != own:
            return False
        return super().set_ok_domain(cookie, request)
