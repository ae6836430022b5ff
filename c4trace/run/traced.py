"""One traced process, from its segment's first appearance to its end."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from c4trace.collecting import Collection
from c4trace.recording.parts import all_parts
from c4trace.segment.attach import attach
from c4trace.segment.folder import SegmentError
from c4trace.trace_error import TraceError

if TYPE_CHECKING:
    from c4trace.destinations import Destinations
    from c4trace.segment.snapshot import Snapshot
    from c4trace.sinks.metrics import MetricsCollector

__all__ = ["Traced"]

_OVER = {"dead", "closed"}


class Traced:
    """Collects the segment at `path` of process `pid` into `to`; raises SegmentError for one that cannot be read.

    What cannot be collected is told in `problem`; its numbers are there all the same. Of a segment that is cut short
    they are those of the last time it could be read.
    """

    def __init__(self, path: Path, pid: int, to: Destinations) -> None:
        self.path = path
        self.pid = pid
        self.problem = ""
        self.recording = _recording(to)
        self._lock = threading.Lock()
        self._segment = attach(path, control=True)
        self._last = self._segment.snapshot()
        self._final: Snapshot | None = None
        self._collection: Collection | None = None
        if to:
            try:
                self._collection = Collection(path, to, self._metrics)
            except TraceError as error:
                self.problem = str(error)
                self.recording = None

    def _metrics(self) -> MetricsCollector:
        from c4trace.sinks.metrics import MetricsCollector  # noqa: PLC0415 - most processes are recorded alone

        return MetricsCollector(self.snapshot)

    @property
    def lost(self) -> int:
        """Events that are missing from the recording and the log."""
        return self._collection.lost + self._collection.unrecorded() if self._collection is not None else 0

    def snapshot(self) -> Snapshot:
        """Take its numbers now, or as they were at the end; any thread may ask."""
        with self._lock:
            return self._final or self._look()

    def is_over(self) -> bool:
        """Tell whether the process is gone; cheap while it is not."""
        if self._final is not None:
            return True
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        return False

    def end(self) -> bool:
        """Collect what is left, keep the last numbers, let go of the segment; False where that was done before."""
        if self._final is not None:
            return False
        if self._collection is not None:
            self._collection.stop()
        with self._lock:
            self._final = self._look()
            self._segment.close()
        return True

    def _look(self) -> Snapshot:
        with contextlib.suppress(SegmentError):
            self._last = self._segment.snapshot()
        return self._last

    @property
    def goes_on(self) -> bool:
        """Whether the process lived on when it was ended here."""
        return self.snapshot().process.state not in _OVER


def _recording(to: Destinations) -> Path | None:
    """What is written: a file, or the pattern of its parts."""
    if to.record is None or to.rotation is None:
        return None if to.record is None else Path(to.record)
    return all_parts(Path(to.record))
