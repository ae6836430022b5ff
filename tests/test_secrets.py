"""No secret leaves the host process: a canary at every place where one can be, searched for wherever it could show."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from c4trace.cli.main import main
from tests.canary_host import MESSAGES, PREFIX, basic, canary
from tests.tracing import PATIENCE, events_of

ARGV = (
    "--password",
    canary("ArgPassword"),
    f"--token={canary('ArgToken')}",
    f"--url=wss://user:{canary('ArgUrl')}@host/db?session={canary('ArgQuery')}",
    "-H",
    f"Authorization: Basic {basic('ArgHeader')}",
    f"API_KEY={canary('ArgPair')}",
)


def forms(secret: str) -> Iterator[bytes]:
    """A secret in the clear, and in the encodings that somebody could undo."""
    plain = secret.encode()
    yield from (plain, secret.encode("utf-16-le"), plain.hex().encode(), plain[::-1])
    yield urllib.parse.quote(secret).encode()
    for shift in range(3):  # wherever it stands in what was encoded
        encoded = base64.b64encode(b"\0" * shift + plain)
        yield encoded[4 if shift else 0 : -4]


def leaks(content: bytes) -> list[str]:
    """What surrounds each canary in `content`; what all of them begin with is enough to find them."""
    found = []
    for form in forms(PREFIX):
        at = content.find(form)
        if at >= 0:
            found.append(content[max(0, at - 60) : at + 60].decode(errors="replace"))
    return found


def test_a_canary_is_found_in_every_form() -> None:
    secret = canary("Here")
    for given in (secret, basic("Here"), json.dumps({"a": secret}), base64.b64encode(f"x:{secret}".encode()).decode()):
        assert leaks(b"before " + given.encode() + b" behind")
    assert leaks(secret.encode("utf-16-le"))
    assert not leaks(b"Canary Qz")


@pytest.mark.parametrize(
    ("where", "log", "level", "capture"),
    [
        ("thread", "json", "info", "headers"),
        ("thread", "console", "debug", "headers"),
        ("thread", "file", "debug", "events"),
        ("process", "console", "info", "headers"),
        ("process", "json", "debug", "headers"),
        ("thread", "file", "debug", "full"),
        ("thread", "json", "info", "bytes:64"),
    ],
)
def test_no_secret_leaves_the_host(
    where: str, log: str, level: str, capture: str, tmp_path: Path, segments: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = "from tests.canary_host import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", program, tmp_path, where, log, level, capture, *ARGV],
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr.decode()
    assert list(segments.iterdir()) == []
    said = {"stdout": ended.stdout, "stderr": ended.stderr}
    said |= {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {"recording.jsonl", "live.seg", "last.seg", "page.txt", "errors.txt", "reprs.txt"} <= said.keys()
    assert all(said[name] for name in said.keys() - {"stdout"})
    for command in ("show", "replay --speed max"):
        verb, *flags = command.split()
        with pytest.raises(SystemExit):
            main([verb, str(tmp_path / "recording.jsonl"), *flags])
        said[command] = "".join(capsys.readouterr()).encode()
    assert {name: found for name, content in said.items() if (found := leaks(content))} == {}


def test_what_is_no_secret_is_still_there(tmp_path: Path, segments: Path) -> None:
    program = "from tests.canary_host import main; main()"
    arguments = [sys.executable, "-c", program, str(tmp_path), "thread", "file", "info", "headers", *ARGV]
    subprocess.run(arguments, check=True, capture_output=True, timeout=PATIENCE)
    assert list(segments.iterdir()) == []
    recording = tmp_path / "recording.jsonl"
    header = json.loads(recording.read_text().partition("\n")[0])
    assert header["argv"][-7:] == [
        "--password",
        "[redacted]",
        "--token=[redacted]",
        "--url=wss://[redacted]@host/db?[redacted]",
        "-H",
        "[redacted]",
        "API_KEY=[redacted]",
    ]
    opening = next(event for event in events_of(recording) if event.ev == "open")
    assert opening.address == "wss://[redacted]@in/_blipsync?[redacted]"
    assert opening.options is not None
    assert opening.options["auth"]["type"] == "Basic"
    assert opening.options["proxy"]["port"] == 8080
    assert opening.options["headers"].keys() >= {"Authorization", "X-Api-Key"}
    response = next(event for event in events_of(recording) if event.ev == "gotHTTPResponse")
    assert (response.status, response.headers and response.headers["WWW-Authenticate"]) == (401, "[redacted]")
    messages = {event.error.message for event in events_of(recording) if event.error is not None}
    assert any(message.startswith("cannot reach wss://[redacted]@host:4984") for message in messages)
    assert len(messages) >= len(MESSAGES)
