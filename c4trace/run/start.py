"""One run, from the command's start to its end."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from c4trace.collecting import refusing
from c4trace.opening import recording_bytes
from c4trace.run.command import Command
from c4trace.run.diagnosis import why_nothing
from c4trace.run.environment import preloading
from c4trace.run.family import Family
from c4trace.run.loaded import LoadedFiles
from c4trace.run.outcome import remarks, what_was_seen
from c4trace.run.program import file_of, is_foreign, loader_of
from c4trace.run.reports import Reports
from c4trace.serve_error import ServeError
from c4trace.sinks.logs.output import Output
from c4trace.sinks.recorder import Recorder

if TYPE_CHECKING:
    from c4trace.destinations import Destinations
    from c4trace.run.beside import Beside
    from c4trace.segment.snapshot import Snapshot
    from c4trace.sinks.scrape import MetricsServer

__all__ = ["run"]

_LOOK_EVERY_S = 0.05  # a ring holds twice as long at peak


def run(
    words: Sequence[str],
    *,
    name: str,
    capture: tuple[int, int],
    to: Destinations,
    say: Callable[[str], None],
    dlsym: bool = False,
    screen: Beside | None = None,
) -> int:
    """Run a command traced; how it ended, as subprocess has it. `say` is given the lines for whoever started us.

    With `dlsym`, LiteCore's functions are traced also where the command looks them up. `screen` is the live screen
    beside it, where one was asked for.

    Raises TraceError for a destination that cannot be used, and CommandError; then nothing was started.
    """
    _check(to)
    with tempfile.TemporaryDirectory(prefix="c4trace-run-") as folder:
        reports = Reports(Path(folder))
        family = Family(reports, msgspec.structs.replace(to, metrics_port=None))
        environment = (
            dict(os.environ)
            if is_foreign(loader_of(file_of(words[0])))
            else preloading(
                os.environ,
                name=name,
                reports=reports.folder,
                capture=capture,
                segment_bytes=recording_bytes(None) if to.record is not None else 0,
                collector=os.getpid() if family.collects else 0,
                dlsym=dlsym,
            )
        )
        command = (
            Command(words, environment) if screen is None else Command(words, environment, screen.files, screen.away)
        )
        with _serving(family, to, say), screen or contextlib.nullcontext():
            return _see_through(command, words[0], family, say, screen, dlsym=dlsym)


@contextlib.contextmanager
def _serving(family: Family, to: Destinations, say: Callable[[str], None]) -> Iterator[None]:
    """Serve metrics, if they were asked for; the port was free a moment ago."""
    if to.metrics_port is None:
        yield
        return
    try:
        server = _server(family.snapshots, to.metrics_port, to.metrics_address)
    except ServeError as error:
        say(str(error))
        yield
        return
    with server:
        say(f"serving {server.url}")
        yield


def _check(to: Destinations) -> None:
    """Refuse now what would be refused when the first process is met."""
    with refusing():
        if to.record is not None:
            Recorder(to.record, rotation=to.rotation)
        if to.log is not None and to.log not in {"json", "console"}:
            Output(to.log).close()
        if to.metrics_port is not None:
            _server(list, to.metrics_port, to.metrics_address).close()


def _server(snapshots: Callable[[], Iterable[Snapshot]], port: int, address: str) -> MetricsServer:
    from c4trace.sinks.metrics import MetricsCollector  # noqa: PLC0415 - most runs serve no metrics
    from c4trace.sinks.scrape import MetricsServer  # noqa: PLC0415 - as above

    return MetricsServer(MetricsCollector(snapshots), port, address)


def _see_through(
    command: Command, word: str, family: Family, say: Callable[[str], None], screen: Beside | None, *, dlsym: bool
) -> int:
    """Nothing that goes wrong with us may keep the command's status from whoever waits for it."""
    loaded = LoadedFiles(command.pid)
    failed = False
    if screen is not None:
        screen.begin(lambda: [traced.path for traced in family.traced])
    while (status := command.wait(_LOOK_EVERY_S if screen is None else screen.turn(_LOOK_EVERY_S))) is None:
        try:
            family.look()
            if not family.reports:
                loaded.look_if_due()
        except Exception as error:  # noqa: BLE001 - as above
            if not failed:
                _say_internal(error, say)
            failed = True
    try:
        family.end()
        if screen is not None:
            screen.end(status)
            if screen.trouble:
                say(screen.trouble)
        for line in _summary(word, family, loaded, dlsym=dlsym):
            say(line)
    except Exception as error:  # noqa: BLE001 - as above
        _say_internal(error, say)
    return status


def _summary(word: str, family: Family, loaded: LoadedFiles, *, dlsym: bool) -> list[str]:
    if not family.traced and not family.problems:
        why = why_nothing(word, family.reports, loaded.paths, loaded.bare, dlsym=dlsym)
        return [f"nothing was traced: {why}", *remarks((r for r in family.reports if r.word == "note"), ())]
    seen = [what_was_seen(family.traced)] if family.traced else []
    return [*seen, *remarks(family.reports, family.problems)]


def _say_internal(error: Exception, say: Callable[[str], None]) -> None:
    with contextlib.suppress(OSError):  # nobody listens
        say(f"internal error: {type(error).__name__}: {error}; the command is not affected")
