"""The names of C4Error domains and codes, as facts about LiteCore 2.5 to 4.1."""

from __future__ import annotations

import enum
import errno
import http

__all__ = ["ErrorDomain", "LiteCoreCode", "NetworkCode", "error_name"]


class ErrorDomain(enum.IntEnum):
    """C4ErrorDomain (c4Base.h); `closed` may use NETWORK, WEBSOCKET and POSIX only (C4S-053)."""

    LITECORE = 1
    POSIX = 2
    SQLITE = 3
    FLEECE = 4
    NETWORK = 5
    WEBSOCKET = 6
    MBEDTLS = 7


class LiteCoreCode(enum.IntEnum):
    """C4ErrorCode (c4Error.h), unchanged from 2.5 to 4.1."""

    AssertionFailed = 1
    Unimplemented = 2
    UnsupportedEncryption = 3
    BadRevisionID = 4
    CorruptRevisionData = 5
    NotOpen = 6
    NotFound = 7
    Conflict = 8
    InvalidParameter = 9
    UnexpectedError = 10
    CantOpenFile = 11
    IOError = 12
    MemoryError = 13
    NotWriteable = 14
    CorruptData = 15
    Busy = 16
    NotInTransaction = 17
    TransactionNotClosed = 18
    Unsupported = 19
    NotADatabaseFile = 20
    WrongFormat = 21
    Crypto = 22
    InvalidQuery = 23
    MissingIndex = 24
    InvalidQueryParam = 25
    RemoteError = 26
    DatabaseTooOld = 27
    DatabaseTooNew = 28
    BadDocID = 29
    CantUpgradeDatabase = 30
    DeltaBaseUnknown = 31
    CorruptDelta = 32


class NetworkCode(enum.IntEnum):
    """C4NetworkErrorCode (c4Error.h). 13 and up came with 2.8, 16 and up with 3.0, 27 with 3.1."""

    DNSFailure = 1
    UnknownHost = 2
    Timeout = 3
    InvalidURL = 4
    TooManyRedirects = 5
    TLSHandshakeFailed = 6
    TLSCertExpired = 7
    TLSCertUntrusted = 8
    TLSCertRequiredByPeer = 9
    TLSCertRejectedByPeer = 10
    TLSCertUnknownRoot = 11
    InvalidRedirect = 12
    Unknown = 13
    TLSCertRevoked = 14
    TLSCertNameMismatch = 15
    NetworkReset = 16
    ConnectionAborted = 17
    ConnectionReset = 18
    ConnectionRefused = 19
    NetworkDown = 20
    NetworkUnreachable = 21
    NotConnected = 22
    HostDown = 23
    HostUnreachable = 24
    AddressNotAvailable = 25
    BrokenPipe = 26
    UnknownInterface = 27


DOMAIN_NAMES = {
    ErrorDomain.LITECORE: "LiteCore",
    ErrorDomain.POSIX: "POSIX",
    ErrorDomain.SQLITE: "SQLite",
    ErrorDomain.FLEECE: "Fleece",
    ErrorDomain.NETWORK: "Network",
    ErrorDomain.WEBSOCKET: "WebSocket",
    ErrorDomain.MBEDTLS: "mbedTLS",
}

WEBSOCKET_NAMES = {
    1000: "normal closure",
    1001: "going away",
    1002: "protocol error",
    1003: "data error",
    1005: "no status code",
    1006: "abnormal closure",
    1007: "bad message format",
    1008: "policy violation",
    1009: "message too big",
    1010: "missing extension",
    1011: "cannot fulfil",
    1015: "TLS handshake",
    4001: "app transient",
    4002: "app permanent",
}


def error_name(domain: int, code: int) -> str:
    """Name a C4Error: "WebSocket/1006 abnormal closure", "Network/8 TLSCertUntrusted", "POSIX/111 ECONNREFUSED".

    Code 0 is "no error" in every domain; a code without a name gives "domain/code" alone. POSIX codes are read as this
    machine's errno, so those recorded on another system may be misnamed. Source: c4Error.h and c4Base.h, 2.5 to 4.1.
    """
    if code == 0:
        return "no error"
    try:
        known = ErrorDomain(domain)
    except ValueError:
        return f"domain {domain}/{code}"
    return f"{DOMAIN_NAMES[known]}/{code} {_code_name(known, code)}".rstrip()


def _code_name(domain: ErrorDomain, code: int) -> str:
    match domain:
        case ErrorDomain.POSIX:
            return errno.errorcode.get(code, "")
        case ErrorDomain.LITECORE:
            return _member_name(LiteCoreCode, code)
        case ErrorDomain.NETWORK:
            return _member_name(NetworkCode, code)
        case ErrorDomain.WEBSOCKET:
            return WEBSOCKET_NAMES.get(code) or _http_name(code)
        case _:
            return ""


def _member_name(codes: type[enum.IntEnum], code: int) -> str:
    return codes(code).name if code in codes._value2member_map_ else ""


def _http_name(status: int) -> str:
    """A WebSocket-domain code of 300..599 is the HTTP status that refused the upgrade."""
    try:
        return f"HTTP {http.HTTPStatus(status).phrase}"
    except ValueError:
        return ""
