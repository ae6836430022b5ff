"""`c4trace record`: a process that is traced already, into a file."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

import click

from c4trace.cli.capture import Capture
from c4trace.cli.ending import FINDINGS, Unreached
from c4trace.cli.notices import notice
from c4trace.cli.parts import part_options, rotation_of
from c4trace.cli.span import Span
from c4trace.cli.target import live_segment
from c4trace.cli.verb import verb
from c4trace.recording.parts import all_parts, parts_of
from c4trace.report.quantities import bytes_text, count_text, noun
from c4trace.segment.collector import Collector
from c4trace.segment.folder import SegmentError
from c4trace.sinks.recorder import Recorder

__all__ = ["command"]

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_EVERY_S = 0.1


@verb(
    """
    c4trace record 4711 -o orders.jsonl
    c4trace record orders -o orders.jsonl.zst --capture full --for 30s
    c4trace record orders -o orders.jsonl --history
    c4trace record orders -o orders.jsonl --keep-size 2GiB
    """,
    no_args_is_help=True,
)
@click.argument("source", metavar="PID|NAME", type=click.Path())
@click.option("-o", "--output", metavar="FILE", type=click.Path(), required=True, help="A .jsonl or .jsonl.zst file.")
@click.option("--capture", type=Capture(), help="Meanwhile capture off, events, headers, bytes:N or full.")
@click.option("--for", "seconds", type=Span(), help="End after 30s, 2m, 1h; else Ctrl-C or the process's end ends it.")
@click.option("--history", is_flag=True, help="Begin with what the flight recorder holds, not at the present.")
@part_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    source: str,
    output: str,
    capture: tuple[int, int] | None,
    seconds: float | None,
    history: bool,
    **parts: Any,
) -> None:
    """Record a traced process, its code unchanged.

    The capture level is turned back at the end, unless somebody else has turned it meanwhile. If c4trace record itself
    is killed, the next ps, ctl, record or metrics --all turns it back.

    A process is recorded by one at a time: where its tracer or another command does so, this one is refused. Exit code
    1 where events are missing from the recording, which its last line on stderr says.
    """
    rotation = rotation_of(**parts)
    with live_segment(source) as segment:
        path, process = segment.path, segment.snapshot().process
    recorder = Recorder(output, rotation=rotation, report=notice)
    collector = Collector(path, [recorder], from_now=not history, capture=capture, report=notice)
    ending = threading.Event()
    _end_on_signals(ending)
    try:
        collector.start()
    except SegmentError as error:
        raise Unreached(str(error)) from error
    try:
        notice(f"recording {process.name} ({process.pid}) to {output}{_until(seconds)}")
        is_over = _wait(collector, ending, seconds)
    finally:
        collector.stop()
    missing = collector.lost + recorder.unrecorded
    notice(_summary(collector, recorder) + ("; the process has ended" if is_over and not collector.failures else ""))
    if missing or collector.failures or recorder.stopped:
        ctx.exit(FINDINGS)


def _end_on_signals(ending: threading.Event) -> None:
    """The first one ends the recording in good order; the next ends us as it always does."""

    def end(_number: int, _frame: FrameType | None) -> None:
        ending.set()
        for number in taken:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

    taken = [number for number in _ENDINGS if signal.getsignal(number) is not signal.SIG_IGN]  # nohup, &
    for number in taken:
        signal.signal(number, end)


def _wait(collector: Collector, ending: threading.Event, seconds: float | None) -> bool:
    """Wait for a signal or the time; True where the process ended before."""
    until = None if seconds is None else time.monotonic() + seconds
    while not ending.is_set():
        left = _LOOK_EVERY_S if until is None else until - time.monotonic()
        if left <= 0:
            return False
        if collector.wait(min(left, _LOOK_EVERY_S)):
            return True
    return False


def _until(seconds: float | None) -> str:
    return " until Ctrl-C" if seconds is None else f" for {seconds:g} s"


def _summary(collector: Collector, recorder: Recorder) -> str:
    kept = collector.events - recorder.unrecorded
    missing = collector.lost + recorder.unrecorded
    lost = f"{count_text(missing)} {noun(missing, 'event')} lost" if missing else "nothing lost"
    path, size = _file(recorder)
    return f"{path}: {count_text(kept)} {noun(kept, 'event')}, {size}, {lost}"


def _file(recorder: Recorder) -> tuple[Path, str]:
    """What it wrote, and how much of that is there."""
    try:
        if not recorder.in_parts:
            return recorder.path, bytes_text(recorder.path.stat().st_size)
        sizes = [part.stat().st_size for part in parts_of(recorder.path).values()]
    except OSError:
        return recorder.path, "gone"
    return all_parts(recorder.path), f"{bytes_text(sum(sizes))} in {len(sizes)} {noun(len(sizes), 'part')}"
