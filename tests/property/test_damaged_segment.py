from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from c4trace.events import Event, Gap, Return
from c4trace.host import EmbeddedHost
from c4trace.segment.attach import attach
from c4trace.segment.folder import SegmentError
from c4trace.segment.snapshot import Snapshot
from c4trace.segment.watch import Watch
from c4trace.tracer import Tracer
from c4trace.tui.processes import Processes
from c4trace.tui.viewer import Viewer
from tests.factories.echo import EchoFactory
from tests.tracing import talk

HEADER = 4096
SIZE = 4 << 20

NUMBERS = st.sampled_from([0, 1, 63, 64, 2**31, 2**32 - 1, 2**63, 2**64 - 64, 2**64 - 1]) | st.integers(0, 2**64 - 1)
PLACES = st.integers(8, 1024) | st.integers(HEADER, SIZE - 8)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A segment of a real tracer after some talk."""
    folder = tmp_path_factory.mktemp("whole")
    with EchoFactory() as factory, EmbeddedHost() as host:
        tracer = Tracer("whole", litecore=host, capture="full", folder=folder, segment_bytes=SIZE, sessions=64)
        talk(host, tracer.wrap(factory, factory="orders"), sockets=3, messages=5)
        content = tracer.segment_path.read_bytes()
        tracer.close()
    return content


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory, whole: bytes) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("damaged") / "damaged.1.seg"
    path.write_bytes(whole)
    path.chmod(0o600)
    yield path
    path.unlink()


def read(path: Path) -> None:
    with attach(path) as segment:
        assert isinstance(segment.snapshot(), Snapshot)
        for line in segment.events():
            assert isinstance(line, Event | Return | Gap)


def watch(path: Path) -> None:
    """As the live screen does; it names what is wrong, and goes on."""
    watch = Watch()
    with Viewer(Processes(watch, str(path)), watch) as viewer:
        for keys in ((), ("S",), ("/", "x", "enter"), ("esc", "enter"), ("q", "tab")):
            viewer.look()
            for key in keys:
                viewer.press(key)
                assert len(viewer.draw(100, 30)) == 30


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=st.lists(st.tuples(PLACES, NUMBERS), min_size=1, max_size=8), length=st.just(SIZE) | st.integers(0, SIZE))
def test_a_damaged_segment_is_refused_in_one_line_or_read(
    whole: bytes, damaged: Path, damage: list[tuple[int, int]], length: int
) -> None:
    with damaged.open("r+b") as file:
        for place, number in damage:
            os.pwrite(file.fileno(), number.to_bytes(8, "little"), place // 4 * 4)
        file.truncate(length)
    refused = ""
    try:
        watch(damaged)
        read(damaged)
    except SegmentError as error:
        refused = str(error)
    finally:
        with damaged.open("r+b") as file:
            file.truncate(length)
            file.truncate(SIZE)
            if length < SIZE:
                os.pwrite(file.fileno(), whole[length:], length)
            for place, _ in damage:
                os.pwrite(file.fileno(), whole[place // 4 * 4 :][:8], place // 4 * 4)
    assert "\n" not in refused
    assert not refused or refused.startswith(f"{damaged}: ")


def test_undamaged_it_is_read(whole: bytes, damaged: Path) -> None:
    assert damaged.read_bytes() == whole
    with attach(damaged) as segment:
        assert segment.snapshot().sessions_total == 3
        assert sum(isinstance(line, Event) for line in segment.events()) > 60
    watch(damaged)
