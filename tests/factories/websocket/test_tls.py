"""WebSocketFactory over TLS: whom it trusts, and what it says of those it does not."""

from __future__ import annotations

import asyncio
import socket as sockets
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.server import ServerConnection

from c4trace.factories.websocket.failure import outcome_of
from tests.factories.websocket.peers import OFFER, echo, upgraded, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.factories.websocket.backstage import Backstage
    from tests.factories.websocket.certificates import Certificates, Identity
    from tests.factories.websocket.conftest import SocketMaker
    from tests.factories.websocket.recorder import RecordingSocket


def connected(
    backstage: Backstage, new_socket: SocketMaker, identity: Identity, options: dict[str, Any], host: str = "localhost"
) -> RecordingSocket:
    port = backstage.websocket(echo, tls=identity.server_context(), max_size=None)
    return new_socket().open(f"wss://{host}:{port}/db/_blipsync", OFFER | options)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_server_of_a_given_root_is_trusted(
    backstage: Backstage, new_socket: SocketMaker, certificates: Certificates, host: str
) -> None:
    roots = certificates.root.certificate.read_bytes()
    socket = connected(backstage, new_socket, certificates.server, {"rootCerts": roots}, host)
    socket.wait_for("opened")
    socket.write(b"hello")
    socket.wait_for("received")
    socket.request_close()
    assert socket.end == (6, 1000)
    assert socket.names[:3] == ["got_peer_certificate", "got_http_response", "opened"]
    assert socket.all_of("got_peer_certificate") == [(certificates.server.der, host)]


def test_roots_may_be_der_or_several(backstage: Backstage, new_socket: SocketMaker, certificates: Certificates) -> None:
    several = certificates.self_signed.certificate.read_bytes() + certificates.root.certificate.read_bytes()
    for roots in (certificates.root.der, several, several.decode()):
        connected(backstage, new_socket, certificates.server, {"rootCerts": roots}).wait_for("opened")


def test_megabytes_go_through_tls(backstage: Backstage, new_socket: SocketMaker, certificates: Certificates) -> None:
    socket = connected(backstage, new_socket, certificates.server, {"pinnedCert": certificates.server.der})
    socket.wait_for("opened")
    blob = bytes(range(256)) * 12_000
    socket.write(blob)
    assert socket.wait_for("received") == (blob,)
    assert socket.written == len(blob)


def test_completed_write_waits_for_a_peer_that_does_not_read(
    backstage: Backstage, new_socket: SocketMaker, certificates: Certificates
) -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await upgraded(hold=False)(reader, writer)
        await asyncio.sleep(60)

    port = backstage.raw(deaf, tls=certificates.server.server_context())
    options = OFFER | {"pinnedCert": certificates.server.der}
    socket = new_socket(close_timeout=0.5).open(f"wss://localhost:{port}/db", options)
    socket.wait_for("opened")
    for _ in range(40):
        socket.write(bytes(1_000_000))
    socket.request_close()
    assert socket.end == (6, 1006)
    assert socket.written < 40_000_000
    assert socket.written % 1_000_000 == 0


@pytest.mark.parametrize(
    ("identity", "options", "code"),
    [
        ("server", {}, 11),  # the system does not know our root
        ("self_signed", {}, 11),
        ("expired", {"rootCerts": "root"}, 7),
        ("other_name", {"rootCerts": "root"}, 15),
        ("self_signed", {"rootCerts": "root"}, 11),
        ("server", {"pinnedCert": "root"}, 8),
        ("server", {"pinnedCert": "other_name"}, 8),
        ("server", {"pinnedCert": "self_signed", "acceptAllCerts": True}, 8),
        ("server", {"onlySelfSignedServer": True}, 8),
        ("server", {"rootCerts": b"no certificate"}, 13),
        ("server", {"rootCerts": b"-----BEGIN CERTIFICATE-----\nAAAA"}, 13),
        ("server", {"pinnedCert": b"no certificate"}, 8),
    ],
)
def test_a_server_that_is_not_trusted_is_sent_nothing(
    backstage: Backstage,
    new_socket: SocketMaker,
    certificates: Certificates,
    identity: str,
    options: dict[str, Any],
    code: int,
) -> None:
    given = {
        key: getattr(certificates, value).der if isinstance(value, str) else value for key, value in options.items()
    }
    served: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        served.append(await reader.read(1000))

    port = backstage.raw(listen, tls=getattr(certificates, identity).server_context())
    socket = new_socket().open(f"wss://localhost:{port}/db", OFFER | given)
    assert socket.end == (5, code)
    assert socket.names == ["closed"]
    assert [data for data in served if data] == []


@pytest.mark.parametrize(
    ("identity", "options"),
    [
        ("server", {"pinnedCert": "server"}),
        ("expired", {"pinnedCert": "expired"}),
        ("self_signed", {"pinnedCert": "self_signed"}),
        ("self_signed", {"rootCerts": "self_signed"}),
        ("self_signed", {"onlySelfSignedServer": True}),
        ("other_name", {"acceptAllCerts": True}),
        ("expired", {"acceptAllCerts": 1}),
    ],
)
def test_a_server_is_trusted_in_the_way_that_was_asked_for(
    backstage: Backstage, new_socket: SocketMaker, certificates: Certificates, identity: str, options: dict[str, Any]
) -> None:
    given = {
        key: getattr(certificates, value).der if isinstance(value, str) else value for key, value in options.items()
    }
    connected(backstage, new_socket, getattr(certificates, identity), given).wait_for("opened")


@pytest.mark.parametrize("form", ["der", "pem"])
def test_a_public_key_can_be_pinned(
    backstage: Backstage, new_socket: SocketMaker, certificates: Certificates, form: str
) -> None:
    def pin(identity: Identity) -> bytes:
        pem = identity.public_key
        return pem if form == "pem" else ssl.PEM_cert_to_DER_cert(pem.decode().replace("PUBLIC KEY", "CERTIFICATE"))

    good, bad = pin(certificates.server), pin(certificates.client)
    connected(backstage, new_socket, certificates.server, {"pinnedCert": good}).wait_for("opened")
    assert connected(backstage, new_socket, certificates.server, {"pinnedCert": bad}).end == (5, 8)


def test_the_application_may_refuse_a_certificate(
    backstage: Backstage, new_socket: SocketMaker, certificates: Certificates
) -> None:
    port = backstage.websocket(echo, tls=certificates.server.server_context())
    socket = new_socket()
    socket.accepts_certificates = False
    socket.open(f"wss://localhost:{port}/db", OFFER | {"rootCerts": certificates.root.der})
    assert socket.end == (5, 8)
    assert socket.names == ["got_peer_certificate", "closed"]


def test_a_server_that_speaks_no_tls_is_a_failed_handshake(backstage: Backstage, new_socket: SocketMaker) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()

    assert new_socket().open(f"wss://127.0.0.1:{backstage.raw(plain)}/db").end == (5, 6)


def test_a_server_that_hangs_up_in_the_handshake_is_lost(backstage: Backstage, new_socket: SocketMaker) -> None:
    async def hang_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(1000)

    assert new_socket().open(f"wss://127.0.0.1:{backstage.raw(hang_up)}/db").end == (6, 1006)


def test_a_redirection_may_not_give_up_tls(
    backstage: Backstage, new_socket: SocketMaker, certificates: Certificates
) -> None:
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: ws://localhost:1/db\r\n\r\n")
        await reader.read()

    port = backstage.raw(redirect, tls=certificates.server.server_context())
    socket = new_socket().open(f"wss://localhost:{port}/db", {"rootCerts": certificates.root.der})
    assert socket.end == (5, 12)


def test_the_end_of_a_tls_connection_without_close_is_an_abnormal_closure(
    backstage: Backstage, new_socket: SocketMaker, certificates: Certificates
) -> None:
    async def vanish(connection: ServerConnection) -> None:
        await connection.recv()
        connection.transport.abort()

    port = backstage.websocket(vanish, tls=certificates.server.server_context())
    socket = new_socket().open(f"wss://localhost:{port}/db", OFFER | {"pinnedCert": certificates.server.der})
    socket.wait_for("opened")
    socket.write(b"x")
    assert socket.end in {(6, 1006), (2, 104)}


# Client certificates


@pytest.mark.parametrize("form", ["pem", "der"])
def test_a_client_certificate_is_shown_to_the_server(
    backstage: Backstage, new_socket: SocketMaker, certificates: Certificates, form: str
) -> None:
    subjects: list[Any] = []

    async def note(connection: ServerConnection) -> None:
        subjects.append(connection.transport.get_extra_info("peercert")["subject"])
        await connection.wait_closed()

    port = backstage.websocket(note, tls=certificates.server.server_context(certificates.root.certificate))
    socket = new_socket().open(f"wss://localhost:{port}/db", identified(certificates, certificates.client, form))
    socket.wait_for("opened")
    wait_until(lambda: subjects == [((("commonName", "client"),),)])


def identified(certificates: Certificates, identity: Identity, form: str = "pem") -> dict[str, Any]:
    certificate, key = identity.certificate.read_bytes(), identity.key.read_bytes()
    if form == "der":
        certificate = identity.der
        key = ssl.PEM_cert_to_DER_cert(key.decode().replace("PRIVATE KEY", "CERTIFICATE"))
    auth = {"type": "Client Cert", "clientCert": certificate, "clientCertKey": key}
    return OFFER | {"rootCerts": certificates.root.der, "auth": auth}


@contextmanager
def strict_server(certificates: Certificates, version: ssl.TLSVersion) -> Iterator[int]:
    """A server that wants a certificate, of Python's blocking sockets: asyncio's hang up without sending the alert."""
    context = certificates.server.server_context(certificates.root.certificate)
    context.maximum_version = version

    def serve_one() -> None:
        accepted, _ = listener.accept()
        with context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False) as connection:
            with pytest.raises(ssl.SSLError):
                connection.do_handshake()
            connection.shutdown(sockets.SHUT_WR)
            while connection.recv(1000):
                pass

    with sockets.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve_one)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def test_a_server_that_wants_a_client_certificate_says_so(new_socket: SocketMaker, certificates: Certificates) -> None:
    # TLS 1.2 has no alert of its own for this.
    for version, code in zip(VERSIONS, (6, 9), strict=True):
        with strict_server(certificates, version) as port:
            socket = new_socket().open(f"wss://localhost:{port}/db", {"rootCerts": certificates.root.der})
            assert socket.end == (5, code)


@pytest.mark.parametrize("identity", ["self_signed", "expired"])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_server_that_refuses_a_client_certificate_says_so(
    new_socket: SocketMaker, certificates: Certificates, identity: str, version: ssl.TLSVersion
) -> None:
    options = identified(certificates, getattr(certificates, identity))
    with strict_server(certificates, version) as port:
        assert new_socket().open(f"wss://localhost:{port}/db", options).end == (5, 10)


def test_a_key_that_does_not_fit_its_certificate_is_a_bad_option(
    backstage: Backstage, new_socket: SocketMaker, certificates: Certificates
) -> None:
    options = identified(certificates, certificates.client)
    options["auth"]["clientCertKey"] = certificates.server.key.read_bytes()
    port = backstage.websocket(echo, tls=certificates.server.server_context())
    domain, code, message = new_socket().open(f"wss://localhost:{port}/db", options).wait_for("closed")
    assert (domain, code) == (5, 13)
    assert message == "option auth.clientCert or auth.clientCertKey cannot be read"


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", 9),
        ("SSLV3_ALERT_NO_CERTIFICATE", 9),
        ("SSLV3_ALERT_BAD_CERTIFICATE", 10),
        ("TLSV1_ALERT_UNKNOWN_CA", 10),
        ("SSLV3_ALERT_CERTIFICATE_REVOKED", 10),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", 6),
        ("TLSV1_ALERT_PROTOCOL_VERSION", 6),
        ("WRONG_VERSION_NUMBER", 6),
        (None, 6),
    ],
)
def test_an_alert_becomes_the_code_that_says_most(reason: str | None, code: int) -> None:
    error = ssl.SSLError(1, "text")
    error.reason = reason  # type: ignore[assignment]  # it may be missing
    assert outcome_of(error)[:2] == (5, code)


@pytest.mark.parametrize(("verify_code", "code"), [(10, 7), (9, 7), (20, 11), (23, 14), (62, 15), (64, 15), (7, 8)])
def test_a_failed_verification_becomes_the_code_that_says_most(verify_code: int, code: int) -> None:
    error = ssl.SSLCertVerificationError(1, "text")
    error.verify_code, error.verify_message = verify_code, "why"
    assert outcome_of(error)[:2] == (5, code)
