"""Whom to trust: LiteCore's TLS options as a context of Python's ssl, and the checks that context does not make."""

from __future__ import annotations

import os
import ssl

from c4trace.decode.errors import NetworkCode
from c4trace.factories.websocket.certificate import is_pinned, is_self_issued, to_der
from c4trace.factories.websocket.failure import Failure, network
from c4trace.factories.websocket.options import TlsOptions

__all__ = ["check_certificate", "tls_context"]


def tls_context(options: TlsOptions) -> ssl.SSLContext:
    """Make a client's context; it reads files, so not on the event loop. Raises Failure (Network/13) for bad options.

    A pinned certificate, onlySelfSignedServer and acceptAllCerts each replace the verification of chain and name; what
    they ask for instead is `check_certificate`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.options |= ssl.OP_NO_RENEGOTIATION  # so that writing never has to wait for reading
    context.set_alpn_protocols(["http/1.1"])
    if options.pinned or options.only_self_signed or options.accept_all:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif options.roots:
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a root given by hand need not be self-signed
        _load_roots(context, options.roots)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if options.certificate:
        _load_identity(context, options.certificate, options.key or b"")
    return context


def check_certificate(certificate: bytes, options: TlsOptions) -> None:
    """Check what the TLS library did not: a pin, or that the server vouches for itself. Raises Failure (Network/8)."""
    try:
        if options.pinned:
            trusted, expected = is_pinned(certificate, options.pinned), "the pinned one"
        elif options.only_self_signed:
            trusted, expected = is_self_issued(certificate), "self-signed"
        else:
            return
    except ValueError as error:
        raise network(NetworkCode.TLSCertUntrusted, f"the server's or the pinned certificate: {error}") from None
    if not trusted:
        raise network(NetworkCode.TLSCertUntrusted, f"the server's certificate is not {expected}")


def _load_roots(context: ssl.SSLContext, roots: bytes) -> None:
    pem = b"-----BEGIN" in roots
    try:
        context.load_verify_locations(cadata=roots.decode("ascii") if pem else roots)
    except (ssl.SSLError, ValueError):
        raise _unusable("rootCerts") from None


def _load_identity(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Load the client's certificate and key. ssl takes only files: it gets one in memory, so no key meets a disk."""
    try:
        pem = _as_pem(certificate, "CERTIFICATE") + _as_pem(key, "PRIVATE KEY")
        file = os.memfd_create("c4trace-identity", os.MFD_CLOEXEC)
        try:
            os.write(file, pem)
            context.load_cert_chain(f"/proc/self/fd/{file}")
        finally:
            os.close(file)
    except (ssl.SSLError, ValueError):
        raise _unusable("auth.clientCert or auth.clientCertKey") from None


def _as_pem(blob: bytes, label: str) -> bytes:
    if not blob or b"-----BEGIN" in blob:
        return blob + b"\n"
    return ssl.DER_cert_to_PEM_cert(to_der(blob)).replace("CERTIFICATE", label).encode()


def _unusable(option: str) -> Failure:
    return network(NetworkCode.Unknown, f"option {option} cannot be read")
