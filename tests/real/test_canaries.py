"""The search for secrets itself: it finds every one of them, in every form it could have leaked in."""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real.canaries import CANARIES, found_in

FORMS: list[Callable[[str], bytes]] = [
    str.encode,
    lambda secret: secret.encode("utf-16-le"),
    lambda secret: json.dumps({"password": secret}).encode(),
    lambda secret: json.dumps({"password": secret}, ensure_ascii=False).encode(),
    lambda secret: urllib.parse.quote(secret).encode(),
    lambda secret: secret.encode().hex().encode(),
    lambda secret: base64.b64encode(f"user:{secret}".encode()),
    lambda secret: base64.b64encode(f"users:{secret}".encode()),
    lambda secret: base64.b64encode(f"another:{secret} and more".encode()),
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", CANARIES)
def test_a_secret_is_found_in_every_form(tmp_path: Path, secret: str, form: Callable[[str], bytes]) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"\0before" + form(secret) + b"after\n")
    assert found_in(file) == [secret]


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b'{"password":"[redacted]","name":"canary"}')
    assert found_in(file) == []
