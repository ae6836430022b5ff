"""What a tracer refuses to begin with: one line that says what, why and what to do, and nothing is left behind."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from c4trace import EmbeddedHost, Rotation, TraceError, Tracer
from c4trace.opening import failing
from tests.factories.in_place import InPlace
from tests.tracing import counted, leaving_nothing, refused, talk, told

BAD_NAME = re.compile(r"tracer name '?.*'? is not 1 to 48 letters, digits, '\.', '_' or '-'.*")
LEVELS = "use off, events, headers, bytes:N (the first N bytes) or full"


@pytest.fixture
def host() -> Iterator[EmbeddedHost]:
    with EmbeddedHost() as host:
        yield host


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "name", ["", "a b", "a/b", "../x", ".hidden", "x" * 49, "na\u00efve", "or\0ders", "a\n", None, 5, b"t"], ids=repr
)
def test_a_bad_name_is_refused(host: EmbeddedHost, segments: Path, name: Any) -> None:
    assert BAD_NAME.fullmatch(refused(segments, name, litecore=host))


def test_a_second_tracer_of_the_same_name_is_refused_while_the_first_is_open(
    host: EmbeddedHost, segments: Path
) -> None:
    with Tracer("t", litecore=host, record="first.jsonl") as first:
        talk(host, first.wrap(InPlace()))
        said = refused(segments, "t", litecore=host, record="second.jsonl")
        assert said == "a tracer named 't' is open in this process already; use that one or another name"
        assert counted(first.snapshot()) == told(host)
    Tracer("t", litecore=host).close()


def test_ctrl_c_while_it_opens_leaves_nothing(
    host: EmbeddedHost, segments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(call: Callable[[Any], object]) -> Any:
        failing(call)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, leaving_nothing(segments):
        patched.setattr("c4trace.opening.failing", interrupted)
        with pytest.raises(KeyboardInterrupt):
            Tracer("t", litecore=host)
    Tracer("t", litecore=host).close()


def test_more_tracers_than_a_process_has_are_refused(host: EmbeddedHost, segments: Path) -> None:
    with ExitStack() as tracers:
        for n in range(8):
            tracers.enter_context(Tracer(f"t{n}", litecore=host, segment_bytes=2 << 20, sessions=64))
        said = refused(segments, "ninth", litecore=host)
        assert said == "8 tracers are open in this process; one can wrap several factories"
    Tracer("ninth", litecore=host).close()


@pytest.mark.parametrize("capture", ["", "all", "FULL", "bytes", "bytes:", "bytes:0", "bytes:x", "off:1", None, 3])
def test_an_unknown_capture_level_is_refused(host: EmbeddedHost, segments: Path, capture: Any) -> None:
    said = f"unknown capture level {str(capture)!r}: {LEVELS}"
    assert refused(segments, litecore=host, capture=capture) == said
    with Tracer("t", litecore=host, capture="bytes:7") as tracer:
        with pytest.raises(TraceError) as error:
            tracer.set_capture(capture)
        assert str(error.value) == said
        assert tracer.snapshot().process.capture == "bytes:7"


def test_a_library_that_is_missing_is_refused(segments: Path) -> None:
    assert refused(segments, litecore="/nowhere/libLiteCore.so") == (
        "cannot load LiteCore: /nowhere/libLiteCore.so: cannot open shared object file: No such file or directory; "
        "give the path of libLiteCore.so that the program uses"
    )


def test_a_file_that_is_no_library_is_refused(segments: Path) -> None:
    Path("libLiteCore.so").write_text("INPUT ( libLiteCore.so.3 )\n" * 100)
    said = refused(segments, litecore=Path("libLiteCore.so").absolute())
    assert said.startswith("cannot load LiteCore: ")
    assert said.endswith("invalid ELF header; give the path of libLiteCore.so that the program uses")


def test_a_library_that_is_no_litecore_is_refused(segments: Path) -> None:
    libm = next(Path(line.split()[-1]) for line in Path("/proc/self/maps").read_text().splitlines() if "libm." in line)
    said = refused(segments, litecore=libm)
    assert said == f"{libm} has no c4socket_ functions; give the path of libLiteCore.so itself"


@pytest.mark.parametrize("what", ["litecore", "record", "log", "folder"])
@pytest.mark.parametrize(
    ("path", "said"),
    [
        (5, "= is a int and no path: give a str or an os.PathLike"),
        (b"bytes", "= is a bytes and no path: give a str or an os.PathLike"),
        ("", "='' is no path: it is empty; give another one"),
        ("a\0b", "='a\\x00b' is no path: it is cut by a NUL; give another one"),
    ],
)
def test_what_is_no_path_is_refused(segments: Path, what: str, path: Any, said: str) -> None:
    assert refused(segments, **{what: path}) == what + said


@pytest.mark.parametrize("what", ["segment_bytes", "sessions"])
@pytest.mark.parametrize("number", [0, -1, 1 << 50, "1", 1.5, True])
def test_what_is_no_number_is_refused(host: EmbeddedHost, segments: Path, what: str, number: Any) -> None:
    said = refused(segments, litecore=host, **{what: number})
    assert said.startswith(f"{what} {number!r} makes no segment: give a whole number from 1 to ")


def test_a_segment_too_small_for_its_tables_is_refused(host: EmbeddedHost, segments: Path) -> None:
    assert refused(segments, litecore=host, segment_bytes=4096).startswith("a segment of 4096 bytes is too small")
    said = refused(segments, litecore=host, segment_bytes=20 << 20, sessions=1 << 20)
    assert said == "a segment of 20480 KiB has no room for 1048576 sessions and their rings; make it larger"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"collect_in": "fork"}, "cannot collect in 'fork': use 'thread' or 'process'"),
        ({"metrics_port": -1}, "metrics cannot be served on port -1: give 0 (any that is free) to 65535"),
        ({"metrics_port": 1 << 16}, "metrics cannot be served on port 65536: give 0 (any that is free) to 65535"),
        ({"metrics_port": "80"}, "metrics cannot be served on port '80': give 0 (any that is free) to 65535"),
        ({"log": "l", "log_level": "all"}, "unknown log level 'all': use info or debug"),
        (
            {"rotation": Rotation(part_bytes=5)},
            "rotation= is about a recording, but there is none: give record= as well",
        ),
    ],
)
def test_options_that_make_no_sense_are_refused(host: EmbeddedHost, segments: Path, options: Any, said: str) -> None:
    assert refused(segments, litecore=host, **options) == said


BOTH = pytest.mark.parametrize("where", ["thread", "process"])
NO_FOLDER = "cannot be written: No such file or directory; make the folder first"
NO_LOG = "name a file that you may write to, and no link"
NO_ADDRESS = "Cannot assign requested address; choose an address of this machine"
NO_RECORDING = "is there already and is no recording that could be replaced; choose another name, or remove it"


@BOTH
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"record": "no/r.jsonl"}, f"{{cwd}}/no/r.jsonl: {NO_FOLDER}"),
        ({"record": "."}, "{cwd}: is a folder; name a new file, or a recording to replace"),
        ({"record": "/dev/full"}, "/dev/full: is no file; name a new file, or a recording to replace"),
        ({"record": "notes.txt"}, f"{{cwd}}/notes.txt: {NO_RECORDING}"),
        ({"record": "/proc/r.jsonl"}, f"/proc/r.jsonl: {NO_FOLDER}"),
        ({"log": "no/log"}, f"{{cwd}}/no/log: the log cannot be written: No such file or directory; {NO_LOG}"),
        ({"log": "link"}, f"{{cwd}}/link: the log cannot be written: Too many levels of symbolic links; {NO_LOG}"),
        ({"log": "new", "record": "no/r.jsonl"}, f"{{cwd}}/no/r.jsonl: {NO_FOLDER}"),
        ({"log": "new", "record": "/proc/r.jsonl"}, f"/proc/r.jsonl: {NO_FOLDER}"),
        (
            {"record": "new.jsonl", "log": "no/log"},
            f"{{cwd}}/no/log: the log cannot be written: No such file or directory; {NO_LOG}",
        ),
        (
            {"record": "new.jsonl", "metrics_port": 0, "metrics_address": "192.0.2.1"},
            f"metrics cannot be served at 192.0.2.1, port 0: {NO_ADDRESS}",
        ),
        (
            {"record": "new.jsonl", "rotation": Rotation(part_bytes=-5)},
            "{cwd}/new.jsonl: cannot be rotated with part_bytes=-5; give more than 0, or nothing",
        ),
        (
            {"record": "new.jsonl", "rotation": Rotation(part_seconds=math.nan)},
            "{cwd}/new.jsonl: cannot be rotated with part_seconds=nan; give more than 0, or nothing",
        ),
        (
            {"record": "new.jsonl", "rotation": Rotation(part_bytes="9")},  # type: ignore[arg-type]
            "{cwd}/new.jsonl: cannot be rotated with part_bytes='9'; give more than 0, or nothing",
        ),
        (
            {"record": "new.jsonl", "rotation": Rotation(keep_parts=5)},
            "{cwd}/new.jsonl: is never rotated; give part_bytes or part_seconds",
        ),
    ],
)
def test_a_destination_that_cannot_be_used_is_refused(
    host: EmbeddedHost, segments: Path, where: str, options: Any, said: str
) -> None:
    Path("notes.txt").write_text("keep me")
    Path("link").symlink_to("target")
    assert refused(segments, litecore=host, collect_in=where, **options) == said.format(cwd=Path.cwd())
    assert Path("notes.txt").read_text() == "keep me"


@BOTH
def test_a_recording_that_is_being_written_is_not_replaced(host: EmbeddedHost, segments: Path, where: Any) -> None:
    with Tracer("first", litecore=host, record="r.jsonl", collect_in=where):
        said = refused(segments, litecore=host, record="r.jsonl", collect_in=where)
    assert said == f"{Path.cwd()}/r.jsonl: is being written by another recorder; choose another name, or end that one"


def test_a_process_that_cannot_be_started_is_told_of(
    host: EmbeddedHost, segments: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    said = refused(segments, litecore=host, record="r.jsonl", collect_in="process")
    assert said == ("/nowhere/python cannot be started to collect: No such file or directory; try collect_in='thread'")
    monkeypatch.setattr(sys, "executable", "/bin/true")
    said = refused(segments, litecore=host, record="r.jsonl", collect_in="process")
    assert said == "the process that should collect has ended or hangs: try collect_in='thread'"


def test_the_clock_can_be_chosen(segments: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("C4TRACE_CLOCK", "monotonic")
    with EmbeddedHost() as host, Tracer("chosen", litecore=host, folder=segments) as tracer:
        assert tracer.snapshot().process.clock == "monotonic"


def test_a_clock_that_there_is_not_is_named_and_the_best_one_used(
    segments: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with EmbeddedHost() as host, Tracer("best", litecore=host, folder=segments) as tracer:
        best = tracer.snapshot().process.clock
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("C4TRACE_CLOCK", "sundial")
    with EmbeddedHost() as host, Tracer("best", litecore=host, folder=segments) as tracer:
        assert tracer.snapshot().process.clock == best
    assert "C4TRACE_CLOCK is sundial, which is no clock of this machine: use monotonic" in capsys.readouterr().err
