"""How a connection ends, as LiteCore's errors: what went wrong becomes a domain, a code and a text without secrets."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from typing import NamedTuple

from c4trace.decode.errors import ErrorDomain, NetworkCode

__all__ = ["Failure", "Outcome", "lost", "network", "outcome_of"]


class Outcome(NamedTuple):
    """The arguments of the one `closed`."""

    domain: ErrorDomain
    code: int
    message: str


class Failure(Exception):  # noqa: N818  # it is told to LiteCore, not raised at anybody
    """The connection cannot go on, and this is how it ends."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.message)
        self.outcome = outcome


def network(code: NetworkCode, message: str) -> Failure:
    """Make a failure of the Network domain."""
    return Failure(Outcome(ErrorDomain.NETWORK, code, message))


def lost(message: str) -> Outcome:
    """Say that the connection ended without a CLOSE (C4S-054)."""
    return Outcome(ErrorDomain.WEBSOCKET, 1006, message)


def outcome_of(error: Exception) -> Outcome:  # noqa: PLR0911  # one return a kind of error
    """Turn whatever a connection raised into its `closed`; of texts only those are kept that can hold no secret."""
    match error:
        case Failure():
            return error.outcome
        case socket.gaierror():
            return _name_outcome(error)
        case ssl.SSLCertVerificationError():
            code = CERTIFICATE_CODES.get(error.verify_code, NetworkCode.TLSCertUntrusted)
            return Outcome(ErrorDomain.NETWORK, code, f"the server's certificate: {error.verify_message}")
        case ssl.SSLError():
            reason = error.reason or "TLS error"
            return Outcome(ErrorDomain.NETWORK, _tls_code(reason), reason.replace("_", " ").lower())
        case OSError() if error.errno:
            # EPIPE is a reset that the writer sees first; only as ECONNRESET do all replicators retry.
            number = errno.ECONNRESET if error.errno == errno.EPIPE else error.errno
            return Outcome(ErrorDomain.POSIX, number, os.strerror(number))
        case TimeoutError():
            return Outcome(ErrorDomain.NETWORK, NetworkCode.Timeout, "timed out")
        case ConnectionError() | EOFError():
            return lost("the connection was lost")
        case _:
            return Outcome(ErrorDomain.WEBSOCKET, 1011, f"internal error: {type(error).__name__}")


# X509_V_ERR_*, from OpenSSL's x509_vfy.h; all others are "untrusted".
CERTIFICATE_CODES = {
    2: NetworkCode.TLSCertUnknownRoot,  # unable to get issuer certificate
    9: NetworkCode.TLSCertExpired,  # not yet valid
    10: NetworkCode.TLSCertExpired,
    18: NetworkCode.TLSCertUnknownRoot,  # self-signed
    19: NetworkCode.TLSCertUnknownRoot,  # self-signed certificate in chain
    20: NetworkCode.TLSCertUnknownRoot,  # unable to get local issuer certificate
    21: NetworkCode.TLSCertUnknownRoot,  # unable to verify the first certificate
    23: NetworkCode.TLSCertRevoked,
    62: NetworkCode.TLSCertNameMismatch,
    64: NetworkCode.TLSCertNameMismatch,  # IP address mismatch
}

# Alerts by which the server refuses our certificate, or the lack of one.
REQUIRED_BY_PEER = ("CERTIFICATE_REQUIRED", "NO_CERTIFICATE")
REJECTED_BY_PEER = (
    *("BAD_CERTIFICATE", "CERTIFICATE_UNKNOWN", "CERTIFICATE_EXPIRED", "CERTIFICATE_REVOKED"),
    *("UNSUPPORTED_CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED"),
)


def _tls_code(reason: str) -> NetworkCode:
    if "ALERT" in reason and reason.endswith(REQUIRED_BY_PEER):
        return NetworkCode.TLSCertRequiredByPeer
    if "ALERT" in reason and reason.endswith(REJECTED_BY_PEER):
        return NetworkCode.TLSCertRejectedByPeer
    return NetworkCode.TLSHandshakeFailed


def _name_outcome(error: socket.gaierror) -> Outcome:
    unknown = error.errno in {socket.EAI_NONAME, socket.EAI_NODATA}
    code = NetworkCode.UnknownHost if unknown else NetworkCode.DNSFailure
    return Outcome(ErrorDomain.NETWORK, code, "unknown host" if unknown else "the name server did not answer")
