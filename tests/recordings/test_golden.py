"""The golden recordings are whole, small and clean, and show what their README says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import c4trace
from c4trace.events import Event
from tests.cli.test_main import run
from tests.real.canaries import found_in
from tests.real.recorded import Recorded, orderly, read_whole
from tests.test_layout import MACHINE_PATH, text_of

FOLDER = Path(__file__).parents[2] / "recordings"
FILES = sorted(FOLDER.glob("*.jsonl*"))
LARGEST = 200 << 10

Ends = list[tuple[int, int]]


@dataclass(frozen=True)
class Claim:
    """A row of README's table."""

    file: str
    happens: str
    sessions: int
    client: str
    client_ends: Ends
    listener_ends: Ends


def claims() -> Iterator[Claim]:
    for line in (FOLDER / "README.md").read_text().splitlines():
        if line.startswith("| `"):
            file, happens, sessions, client, listener = (cell.strip() for cell in line.strip("|").split("|"))
            yield Claim(file.strip("`"), happens, int(sessions), client.split()[0], ends_in(client), ends_in(listener))


def ends_in(text: str) -> Ends:
    return [(int(domain), int(code)) for domain, code in re.findall(r"(\d+)/(\d+)", text)]


def ends_of(recorded: Recorded, factory: str) -> Ends:
    closed = [event for session in recorded.sessions if session.factory == factory for event in session.events]
    errors = [event.error for event in closed if event.ev == "closed"]
    return [(error.domain, error.code) if error else (0, 0) for error in errors]


def names_of(recorded: Recorded) -> set[str]:
    return {event.ev for event in recorded.events}


def sessions_of(name: str) -> list[list[Event]]:
    """The events of the clients' sessions in one file."""
    sessions = read_whole(FOLDER / name).sessions
    return [session.events for session in sessions if session.factory != "listener"]


def test_readme_and_folder_name_the_same_files() -> None:
    assert FILES
    assert sorted(claim.file for claim in claims()) == [path.name for path in FILES]


@pytest.mark.parametrize("claim", list(claims()), ids=lambda claim: claim.file)
def test_a_recording_is_whole_and_shows_what_readme_says(claim: Claim) -> None:
    recorded = read_whole(FOLDER / claim.file)
    orderly(recorded)
    assert len(recorded.sessions) == claim.sessions
    assert {session.factory for session in recorded.sessions} <= {claim.client, "listener"}
    assert ends_of(recorded, claim.client) == claim.client_ends
    assert ends_of(recorded, "listener") == claim.listener_ends


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_recording_is_small_and_names_no_secret_and_no_machine(path: Path, tmp_path: Path) -> None:
    assert path.stat().st_size < LARGEST
    text = tmp_path / "text"
    text.write_text(text_of(path))
    assert found_in(text) == []
    assert MACHINE_PATH.search(text_of(path)) is None
    with c4trace.open_recording(path) as recording:
        assert recording.header.argv == ["python", "-m", "recordings.make", path.name]
        assert recording.header.capture == "full"
        assert recording.header.litecore.version.startswith("3.0.0 (b018a12d)")
        hosts = {event.address for event in recording if isinstance(event, Event) and event.address}
    assert hosts
    assert all(host.startswith("ws://127.0.0.1:") for host in hosts)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_commands_take_a_recording(path: Path) -> None:
    for command in (("show", path), ("replay", path, "--speed", "max")):
        result = run(*command)
        assert result.returncode == 0, result.stderr


def test_the_push_ends_by_a_closing_handshake() -> None:
    (client,) = sessions_of("push.jsonl")
    names = [event.ev for event in client]
    assert names[0] == "open"
    assert names[-3:] == ["requestClose", "closed", "dispose"]
    assert {"gotHTTPResponse", "opened", "write", "completedWrite", "received", "completedReceive"} <= set(names)


def test_the_blob_is_in_the_pull() -> None:
    (client,) = sessions_of("pull-blob.jsonl.zst")
    sizes = [event.n or 0 for event in client if event.ev == "received"]
    assert sum(sizes) > 64 << 10
    assert max(sizes) > 16_000
    assert total(client, "completedReceive") == sum(sizes)


def test_the_secrets_of_the_refusal_were_there_and_are_redacted() -> None:
    (client,) = sessions_of("refused.jsonl")
    opening, answer, *_ = client
    assert opening.options is not None
    assert opening.options["auth"]["password"] == opening.options["cookies"] == "[redacted]"  # noqa: S105 - see above
    assert answer.status == 401
    assert answer.headers is not None
    assert answer.headers["Set-Cookie"] == "[redacted]"


def test_nothing_passes_where_nobody_listens() -> None:
    (client,) = sessions_of("unreachable.jsonl")
    assert [event.ev for event in client] == ["open", "closed", "dispose"]


def test_what_a_dropped_session_had_written_did_not_all_arrive_and_another_session_followed() -> None:
    sessions = read_whole(FOLDER / "dropped.jsonl").sessions
    clients = [session.events for session in sessions if session.factory == "websocket"]
    listeners = [session.events for session in sessions if session.factory == "listener"]
    assert [event.ev for event in listeners[0]].count("received") == 5
    assert total(clients[0], "write") > total(listeners[0], "received")
    assert total(clients[1], "write") == total(listeners[1], "received")


def total(session: list[Event], name: str) -> int:
    return sum(event.n or 0 for event in session if event.ev == name)


def test_litecore_frames_the_stream_of_the_dialer() -> None:
    (client,) = sessions_of("framing.jsonl")
    names = [event.ev for event in client]
    assert "close" in names
    assert "requestClose" not in names
    assert names.count("completedReceive") > names.count("received")
    frames = [event.data for event in client if event.ev == "write"]
    assert all(data and data[0] in {0x82, 0x88} and data[1] & 0x80 for data in frames)  # RFC 6455 5.2: masked
