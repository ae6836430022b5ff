"""The little of X.509 that pinning needs."""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c4trace.factories.websocket.certificate import is_pinned, is_self_issued, public_key, to_der

if TYPE_CHECKING:
    from tests.factories.websocket.certificates import Certificates


def test_a_certificate_is_pinned_by_itself_in_any_form(certificates: Certificates) -> None:
    for identity in (certificates.server, certificates.self_signed, certificates.root):
        assert is_pinned(identity.der, identity.der)
        assert is_pinned(identity.der, identity.certificate.read_bytes())
        assert not is_pinned(certificates.client.der, identity.der)


def test_the_public_key_is_the_one_openssl_finds(certificates: Certificates) -> None:
    for identity in (certificates.server, certificates.self_signed):
        assert public_key(identity.der) == to_der(identity.public_key)
        assert is_pinned(identity.der, identity.public_key)
        assert not is_pinned(certificates.client.der, identity.public_key)


def test_only_what_issued_itself_is_self_issued(certificates: Certificates) -> None:
    assert is_self_issued(certificates.self_signed.der)
    assert is_self_issued(certificates.root.der)
    assert not is_self_issued(certificates.server.der)


def test_pem_may_have_text_around_it(certificates: Certificates) -> None:
    pem = certificates.server.certificate.read_bytes()
    assert to_der(b"Subject: somebody\r\n" + pem.replace(b"\n", b"\r\n") + b"more") == certificates.server.der


@pytest.mark.parametrize(
    "pin",
    [
        b"",
        b"\x30",
        b"\x30\x00",
        b"\x30\x82\xff",
        b"\x30\x05\x30\x00",
        b"\x31\x02\x30\x00",
        b"-----BEGIN CERTIFICATE-----\nMIIB",
        b"-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----",
    ],
)
def test_a_pin_that_is_none_is_an_error(certificates: Certificates, pin: bytes) -> None:
    with pytest.raises(ValueError, match=r"DER|PEM"):
        is_pinned(certificates.server.der, pin)


@given(st.binary(max_size=60))
def test_random_bytes_are_no_certificate_and_no_surprise(data: bytes) -> None:
    for read in (to_der, public_key, is_self_issued):
        with suppress(ValueError):
            read(data)


@given(data=st.data())
def test_a_damaged_certificate_is_no_surprise(certificates: Certificates, data: st.DataObject) -> None:
    der = bytearray(certificates.server.der)
    der[data.draw(st.integers(0, len(der) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(ValueError):
        assert not is_pinned(bytes(der), certificates.server.der)
    with suppress(ValueError):
        is_self_issued(bytes(der))


def test_a_pin_in_pem_of_another_kind_is_read_as_well(certificates: Certificates) -> None:
    pem = ssl.DER_cert_to_PEM_cert(certificates.server.der).replace("CERTIFICATE", "TRUSTED CERTIFICATE")
    assert is_pinned(certificates.server.der, pem.encode())
