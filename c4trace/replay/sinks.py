"""The sinks that a replay feeds: the totals behind summary and metrics, and the log."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

import msgspec

from c4trace.events import Event, Gap, Return
from c4trace.recording.schema import Header
from c4trace.report.running_totals import RunningTotals
from c4trace.segment.snapshot import ProcessInfo, Snapshot
from c4trace.sinks.logs import LogSink

__all__ = ["Fed"]


class Fed:
    """Everything that gets a recording's lines; `log` is what LogSink takes, None for no log.

    Lines come from one thread, `snapshot` may be called from any. Raises LogError for a log file that cannot be opened.
    """

    def __init__(self, header: Header, process: ProcessInfo, log: str | None) -> None:
        self.totals = RunningTotals(process)
        self._lock = threading.Lock()
        self._log = None if log is None else LogSink(log)
        if self._log is not None:
            self._log.start(msgspec.to_builtins(header))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.end()

    def feed(self, line: Event | Return | Gap) -> None:
        """Count and log one line."""
        with self._lock:
            self.totals.feed(line)
        if self._log is not None:
            self._log.notices([line])

    def snapshot(self) -> Snapshot:
        """Everything counted so far."""
        with self._lock:
            return self.totals.snapshot()

    def end(self) -> None:
        """Log what is left to be logged; nothing is fed after this. More than once is fine."""
        if self._log is not None:
            self._log.close(self.totals.lost)
            self._log = None
