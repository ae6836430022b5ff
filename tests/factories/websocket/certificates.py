"""Certificates for the tests, made by openssl."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

CA_CONFIG = """
[ca]
default_ca = us
[us]
dir = {folder}
database = $dir/index.txt
new_certs_dir = $dir
serial = $dir/serial
default_md = sha256
policy = anything
copy_extensions = copy
unique_subject = no
[anything]
commonName = supplied
"""


@dataclass(frozen=True)
class Identity:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path

    @property
    def der(self) -> bytes:
        return ssl.PEM_cert_to_DER_cert(self.certificate.read_text())

    @property
    def public_key(self) -> bytes:
        """The SubjectPublicKeyInfo (PEM)."""
        return _openssl("x509", "-in", self.certificate, "-noout", "-pubkey")

    def server_context(self, client_roots: Path | None = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        if client_roots:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_roots)
        return context


class Certificates:
    """A root and what it signed, for the name localhost and the address 127.0.0.1 unless said otherwise."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._config = folder / "ca.cnf"
        self._config.write_text(CA_CONFIG.format(folder=folder))
        (folder / "index.txt").touch()
        (folder / "serial").write_text("01\n")
        self.root = self._self_signed("root", "Root of the tests")
        self.server = self._signed("server", "DNS:localhost,IP:127.0.0.1")
        self.other_name = self._signed("other-name", "DNS:elsewhere.test")
        self.expired = self._signed(
            "expired", "DNS:localhost", "-startdate", "200101000000Z", "-enddate", "210101000000Z"
        )
        self.self_signed = self._self_signed("self-signed", "localhost", "-addext", "subjectAltName=DNS:localhost")
        self.client = self._signed("client", "DNS:client.test")

    def _self_signed(self, name: str, subject: str, *more: str) -> Identity:
        identity = self._identity(name)
        _openssl("req", "-x509", "-days", "2", *_new_key(identity), "-subj", f"/CN={subject}", *more)
        return identity

    def _signed(self, name: str, names: str, *dates: str) -> Identity:
        identity, request = self._identity(name), self._folder / f"{name}.csr"
        asked = _new_key(Identity(request, identity.key))
        _openssl("req", *asked, "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}")
        signer = ("-config", self._config, "-cert", self.root.certificate, "-keyfile", self.root.key)
        files = ("-in", request, "-out", identity.certificate)
        _openssl("ca", "-batch", "-notext", *signer, *(dates or ("-days", "2")), *files)
        return identity

    def _identity(self, name: str) -> Identity:
        return Identity(self._folder / f"{name}.pem", self._folder / f"{name}.key")


def _new_key(identity: Identity) -> list[str | Path]:
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    return [*kind, "-keyout", identity.key, "-out", identity.certificate]


def _openssl(*arguments: str | Path) -> bytes:
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout  # noqa: S607  # any will do
