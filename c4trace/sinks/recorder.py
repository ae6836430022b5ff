"""The recorder: a sink that writes what it is given to a recording, in parts where it is asked to rotate."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec

from c4trace.events import Event, Gap, Return
from c4trace.recording.endings import Endings
from c4trace.recording.parts import part_path, parts_of
from c4trace.recording.rotation import Rotation
from c4trace.recording.schema import FORMAT, Header, RecordingError
from c4trace.recording.target import unwritable
from c4trace.recording.worker import Worker
from c4trace.recording.writer import RecordingWriter, check_writable
from c4trace.segment.collector import TEXTS_KEPT

__all__ = ["Recorder"]

_UNREAD_CALMLY = 0.25  # of a ring: a host that is fast wakes the collector when an eighth is


def _to_stderr(text: str) -> None:
    if sys.stderr is not None:
        print(f"c4trace: {text}", file=sys.stderr, flush=True)


class Recorder:
    """Writes a recording to `path`, compressed where its name ends in .zst.

    With `rotation` it is written in parts, each a whole recording, whose numbers go on from those that are there. A
    part is longer than asked only where a single batch is. Writing, digesting and removing are done in threads of
    their own: whoever calls `text` waits only where so much is waiting already that the collector needs its room. While
    the collector is behind, nothing is digested.

    A path that cannot be written is refused with RecordingError, here or in `start`. From then on nothing is raised:
    where a write fails recording stops, `report` is given one line that says so, `stopped` says why, and `unrecorded`
    counts the events that are not on record. All of that is final when `close` has returned.
    """

    wants: Literal["text", "lifecycle", "events"] = "text"

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        rotation: Rotation | None = None,
        report: Callable[[str], None] = _to_stderr,
    ) -> None:
        self.path = Path(path).absolute()
        self.stopped: str | None = None
        self.unrecorded = 0
        self._rotation = rotation
        self._is_ever_behind = rotation is not None or self.path.suffix == ".zst"  # else what is written is readable
        self._report = report
        self._header: Header | None = None
        self._writer: RecordingWriter | None = None
        self._began = 0.0
        self._events = 0
        self._events_ended = 0
        self._lost = 0
        self._not_ended: list[tuple[int, Exception]] = []
        self._calm = threading.Event()
        self._calm.set()
        self._writing: Worker | None = None
        self._pruning: Worker | None = None
        if rotation is not None:
            rotation.check(self.path)
        check_writable(self.path if rotation is None else part_path(self.path, 0))

    @property
    def in_parts(self) -> bool:
        """Whether it rotates."""
        return self._rotation is not None

    def start(self, header: Mapping[str, object]) -> None:
        """Begin the recording; `header` has the fields of recording.schema.Header."""
        self._header = msgspec.convert({**header, "type": "header", "format": FORMAT}, Header)
        rotation = self._rotation
        self._writer = self._begin()
        self._endings = Endings(
            1 if rotation is None else 2, sync=rotation is not None and rotation.sync, failed=self._ending_failed
        )
        if rotation is not None:
            self._pruning = Worker("c4trace-prune", 1)
            self._pruning.give(self._prune)
        self._writing = Worker("c4trace-write", TEXTS_KEPT - 2)  # and one in its hands: the last is being filled

    def text(self, text: bytes | memoryview, events: int, lost: int, begun: Sequence[int], unread: float = 0.0) -> None:
        """Write whole lines; as segment.collector.Sink has it."""
        if self._writing is not None:
            (self._calm.clear if unread > _UNREAD_CALMLY else self._calm.set)()
            self._writing.give(partial(self._write, text, events, lost, begun))

    def notices(self, batch: Sequence[Event | Return | Gap]) -> None:
        """Do nothing: the text has them."""

    def idle(self) -> None:
        """Make readable what has been written so far."""
        self._calm.set()  # what was unread has been given since
        if self._writing is not None and self._is_ever_behind:
            self._writing.offer(self._flush)

    def close(self, lost: int) -> None:
        """End the recording; `lost` is the sum of all losses, of which a last gap tells what no gap has told."""
        writing, self._writing = self._writing, None
        if writing is None:
            return
        writing.give(partial(self._finish, lost))
        writing.end()
        self._calm.set()
        self._endings.wait()
        if self._pruning is not None:
            self._pruning.end()
        self._hear_of_endings()

    # All that follows is done by the writing thread, but for what is given to another one.

    def _write(self, text: bytes | memoryview, events: int, lost: int, begun: Sequence[int]) -> None:
        self._events += events
        self._lost += lost
        self._hear_of_endings()
        if self._writer is None:
            self.unrecorded += events
            return
        try:
            self._rotate_if_due(self._writer, len(text))
            self._writer.text(text, events, lost, begun)
            self._endings.follow(self._writer)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the file, the host and other sinks go on
            self._stop(error)

    def _flush(self) -> None:
        if self._writer is None:
            return
        try:
            self._writer.flush()
            self._rotate_if_due(self._writer, 0)
        except Exception as error:  # noqa: BLE001 - as in _write
            self._stop(error)

    def _finish(self, lost: int) -> None:
        if self._writer is None:
            return
        try:
            if lost > self._lost:
                self._writer.line(Gap(0, self._events, lost - self._lost))
            self._end(self._writer)
        except Exception as error:  # noqa: BLE001 - as in _write
            self._stop(error)

    def _begin(self) -> RecordingWriter:
        assert self._header is not None  # noqa: S101 - start has set it
        self._began = time.monotonic()
        if self._rotation is None:
            return RecordingWriter(self.path, self._header, calm=self._calm)
        return self._begin_part(self._header)

    def _begin_part(self, header: Header) -> RecordingWriter:
        while True:
            try:
                number = max(parts_of(self.path), default=0) + 1
            except OSError as error:
                raise unwritable(self.path, error) from error
            path = part_path(self.path, number)
            part = msgspec.structs.replace(header, part=number)
            try:
                return RecordingWriter(path, part, replace=False, calm=self._calm)
            except RecordingError as error:
                if not isinstance(error.__cause__, FileExistsError):  # else another recorder was faster
                    raise

    def _rotate_if_due(self, writer: RecordingWriter, incoming: int) -> None:
        if self._rotation is None or not writer.events:
            return
        size = writer.size if self.path.suffix == ".zst" else writer.size + incoming
        if self._rotation.is_due(size, time.monotonic() - self._began):
            self._end(writer)
            self._writer = self._begin()
            if self._pruning is not None:
                self._pruning.offer(self._prune)

    def _end(self, writer: RecordingWriter) -> None:
        self._writer = None
        self._events_ended += writer.events
        self._endings.end(writer)

    def _ending_failed(self, events: int, error: Exception) -> None:
        """In an ending thread: so many events, which are counted as ended, are not on record."""
        self._not_ended.append((events, error))

    def _hear_of_endings(self) -> None:
        while self._not_ended:
            events, error = self._not_ended.pop()
            self._events_ended -= events
            if self.stopped is None:
                self._stop(error)
            else:
                self.unrecorded += events

    def _prune(self) -> None:
        """In the pruning thread."""
        assert self._rotation is not None  # noqa: S101 - only then there is one
        try:
            self._rotation.prune(self.path)
        except OSError as error:
            self._say(f"old parts of {self.path} cannot be removed: {error}")

    def _stop(self, error: Exception) -> None:
        """Give up recording for good, and say so once."""
        kept = self._events_ended
        if self._writer is not None:
            kept += self._writer.events
            self._endings.abandon(self._writer)
        self._writer = None
        self.unrecorded = self._events - kept
        self.stopped = str(error)
        self._say(f"recording stopped: {error} (after {kept} events; the host goes on)")

    def _say(self, text: str) -> None:
        with contextlib.suppress(Exception):
            self._report(text)
