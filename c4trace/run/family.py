"""All processes of one run that meet LiteCore: the command, its children, theirs."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from c4trace.run.reports import Report, Reports
from c4trace.run.traced import Traced
from c4trace.segment.folder import SegmentError
from c4trace.segment.prune import prune_segments

if TYPE_CHECKING:
    from c4trace.destinations import Destinations
    from c4trace.segment.snapshot import Snapshot

__all__ = ["Family"]


class Family:
    """Traces each process that reports a segment, into `to`; those after the first have a recording of their own."""

    def __init__(self, reports: Reports, to: Destinations) -> None:
        self.traced: list[Traced] = []
        self.reports: list[Report] = []
        """All that was reported."""
        self.problems: list[str] = []
        """What could not be collected, and why."""
        self._reports = reports
        self._to = to
        self._lock = threading.Lock()
        self._recordings: set[str] = set()
        self._done: set[Path] = set()

    @property
    def collects(self) -> bool:
        """Whether their segments are consumed, or left to be flight recorders."""
        return bool(self._to)

    def look(self) -> None:
        """Take in those that have begun, let go of those that are over."""
        new = self._reports.new()
        self.reports += new
        for pid, path in _newest_segments(new):
            self._done.discard(path)
            self._take_in(pid, path)
        self._end([traced for traced in self.traced if traced.is_over()])

    def end(self) -> None:
        """Take in what was reported last, and end with all."""
        self.look()
        self._end(self.traced)

    def snapshots(self) -> list[Snapshot]:
        """Take everybody's numbers, those of the dead among them; any thread may ask."""
        with self._lock:
            known = list(self.traced)
        return [traced.snapshot() for traced in known]

    def _take_in(self, pid: int, path: Path) -> None:
        try:
            traced = Traced(path, pid, self._destinations(pid))
        except SegmentError as error:
            self.problems.append(str(error))
            return
        if traced.problem:
            self.problems.append(traced.problem)
        with self._lock:
            self.traced.append(traced)

    def _end(self, over: list[Traced]) -> None:
        ended = [traced.path for traced in over if traced.end()]
        self._done.update(ended)
        for folder in {path.parent for path in ended}:
            self._done.difference_update(prune_segments(folder, self._done))

    def _destinations(self, pid: int) -> Destinations:
        if self._to.record is None:
            return self._to
        record = self._to.record if not self.traced else _free_name(self._to.record, pid, self._recordings)
        self._recordings.add(record)
        return msgspec.structs.replace(self._to, record=record)


def _newest_segments(reports: list[Report]) -> list[tuple[int, Path]]:
    """A process that has replaced itself (exec) meanwhile has a new segment in the place of its first."""
    newest = {Path(report.text): report.pid for report in reports if report.word == "segment"}
    return [(pid, path) for path, pid in newest.items()]


def _free_name(record: str, pid: int, taken: set[str]) -> str:
    """orders.jsonl.zst of process 4711 becomes orders.4711.jsonl.zst."""
    path = Path(record)
    end = "".join(path.suffixes[-2:]) if path.suffix == ".zst" else path.suffix
    stem = path.name.removesuffix(end)
    names = (f"{stem}.{pid}{more}{end}" for more in ("", *(f"-{n}" for n in range(2, 1 << 16))))
    return next(name for name in (os.fspath(path.with_name(name)) for name in names) if name not in taken)
