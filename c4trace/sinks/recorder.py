"""The recorder: a sink that writes what it is given to a recording, in parts where it is asked to rotate."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from c4trace.events import Event, Gap, Return
from c4trace.recording.parts import part_path, parts_of
from c4trace.recording.rotation import Rotation
from c4trace.recording.schema import FORMAT, Header, RecordingError
from c4trace.recording.target import unwritable
from c4trace.recording.writer import RecordingWriter, check_writable

__all__ = ["Recorder"]


def _to_stderr(text: str) -> None:
    if sys.stderr is not None:
        print(f"c4trace: {text}", file=sys.stderr, flush=True)


class Recorder:
    """Writes a recording to `path`, compressed where its name ends in .zst.

    With `rotation` it is written in parts, each a whole recording, whose numbers go on from those that are there. A
    part is longer than asked only where a single batch is.

    A path that cannot be written is refused with RecordingError, here or in `start`. From then on nothing is raised:
    where a write fails recording stops, `report` is given one line that says so, `stopped` says why, and `unrecorded`
    counts the events that are not on record.
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
        self._report = report
        self._header: Header | None = None
        self._writer: RecordingWriter | None = None
        self._began = 0.0
        self._events = 0
        self._events_ended = 0
        self._lost = 0
        if rotation is not None:
            rotation.check(self.path)
        check_writable(self.path if rotation is None else part_path(self.path, 0))

    def start(self, header: Mapping[str, object]) -> None:
        """Begin the recording; `header` has the fields of recording.schema.Header."""
        self._header = msgspec.convert({**header, "type": "header", "format": FORMAT}, Header)
        self._writer = self._begin()

    def text(self, text: bytes | bytearray | memoryview, events: int, lost: int) -> None:
        """Write whole lines, of which `events` are events, and whose gaps sum up to `lost`."""
        self._events += events
        self._lost += lost
        if self._writer is None:
            self.unrecorded += events
            return
        try:
            self._rotate_if_due(self._writer, len(text))
            self._writer.text(bytes(text), events, lost)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the file, the host and other sinks go on
            self._stop(error)

    def notices(self, batch: Sequence[Event | Return | Gap]) -> None:
        """Do nothing: the text has them."""

    def idle(self) -> None:
        """Make readable what has been written so far."""
        if self._writer is None:
            return
        try:
            self._writer.flush()
            self._rotate_if_due(self._writer, 0)
        except Exception as error:  # noqa: BLE001 - as in text
            self._stop(error)

    def close(self, lost: int) -> None:
        """End the recording; `lost` is the sum of all losses, of which a last gap tells what no gap has told."""
        if self._writer is None:
            return
        try:
            if lost > self._lost:
                self._writer.line(Gap(0, self._events, lost - self._lost))
            self._writer.close()
            self._writer = None
        except Exception as error:  # noqa: BLE001 - as in text
            self._stop(error)

    def _begin(self) -> RecordingWriter:
        assert self._header is not None  # noqa: S101 - start has set it
        self._began = time.monotonic()
        if self._rotation is None:
            return RecordingWriter(self.path, self._header)
        writer = self._begin_part(self._header)
        try:
            self._rotation.prune(self.path)
        except OSError as error:
            self._say(f"old parts of {self.path} cannot be removed: {error}")
        return writer

    def _begin_part(self, header: Header) -> RecordingWriter:
        while True:
            try:
                number = max(parts_of(self.path), default=0) + 1
            except OSError as error:
                raise unwritable(self.path, error) from error
            path = part_path(self.path, number)
            try:
                return RecordingWriter(path, msgspec.structs.replace(header, part=number), replace=False)
            except RecordingError as error:
                if not isinstance(error.__cause__, FileExistsError):  # else another recorder was faster
                    raise

    def _rotate_if_due(self, writer: RecordingWriter, incoming: int) -> None:
        if self._rotation is None or not writer.events:
            return
        size = writer.size if self.path.suffix == ".zst" else writer.size + incoming
        if self._rotation.is_due(size, time.monotonic() - self._began):
            self._events_ended += writer.close().events
            self._writer = None
            self._writer = self._begin()

    def _stop(self, error: Exception) -> None:
        """Give up recording for good, and say so once."""
        kept = self._events_ended
        if self._writer is not None:
            kept += self._writer.events
            self._writer.abandon()
        self._writer = None
        self.unrecorded = self._events - kept
        self.stopped = str(error)
        self._say(f"recording stopped: {error} (after {kept} events; the host goes on)")

    def _say(self, text: str) -> None:
        with contextlib.suppress(Exception):
            self._report(text)
