"""The little of X.509 that pinning needs (RFC 5280, DER as of X.690), sans-IO."""

from __future__ import annotations

import base64
import binascii
import re

__all__ = ["is_pinned", "is_self_issued", "public_key", "to_der"]

SEQUENCE, EXPLICIT_VERSION = 0x30, 0xA0


def to_der(blob: bytes) -> bytes:
    """The DER of a certificate or key that may come as PEM. Raises ValueError for PEM that is none."""
    if b"-----BEGIN" not in blob:
        return blob
    found = re.search(rb"-----BEGIN ([A-Z ]+)-----(.*?)-----END \1-----", blob, re.DOTALL)
    if not found:
        raise ValueError("PEM without an end")
    try:
        return base64.b64decode(b"".join(found[2].split()), validate=True)
    except binascii.Error:
        raise ValueError("PEM that is no base64") from None


def is_pinned(certificate: bytes, pin: bytes) -> bool:
    """Whether a certificate (DER) is the one pinned, or has the public key that is. Raises ValueError."""
    pinned = to_der(pin)
    if len(_elements(pinned)) == 2:  # algorithm and key: a SubjectPublicKeyInfo
        return pinned == public_key(certificate)
    return pinned == certificate


def public_key(certificate: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a certificate. Raises ValueError."""
    return _fields(certificate)[5]


def is_self_issued(certificate: bytes) -> bool:
    """Whether issuer and subject of a certificate are the same. Raises ValueError."""
    fields = _fields(certificate)
    return fields[2] == fields[4]


def _fields(certificate: bytes) -> list[bytes]:
    """Serial number, signature algorithm, issuer, validity, subject, public key, and what follows."""
    to_be_signed, *_ = _elements(certificate)
    fields = _elements(to_be_signed)
    if fields and fields[0][0] == EXPLICIT_VERSION:
        fields = fields[1:]
    if len(fields) < 6:
        raise ValueError("no certificate")
    return fields


def _elements(sequence: bytes) -> list[bytes]:
    """The elements of a DER sequence, each with its own tag and length. Raises ValueError."""
    tag, start, end = _header(sequence, 0)
    if tag != SEQUENCE or end != len(sequence):
        raise ValueError("no DER sequence")
    found = []
    while start < end:
        _, _, after = _header(sequence, start)
        found.append(sequence[start:after])
        start = after
    if not found or start != end:
        raise ValueError("no DER sequence")
    return found


def _header(der: bytes, at: int) -> tuple[int, int, int]:
    """Tag, start of the contents and end of the element at an offset."""
    if at + 2 > len(der):
        raise ValueError("DER that is cut off")
    size, start = der[at + 1], at + 2
    if size >= 0x80:
        start += size & 0x7F
        size = int.from_bytes(der[at + 2 : start], "big")
    if start + size > len(der):
        raise ValueError("DER that is cut off")
    return der[at], start, start + size
