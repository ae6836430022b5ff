"""Writing a recording: header, text of whole lines, footer; plain, or compressed where the name ends in .zst."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from c4trace.events import Event, Gap, Return
from c4trace.recording.digest import Digest, FileDigest, TextDigest
from c4trace.recording.packing import packing_for
from c4trace.recording.schema import Footer, Header, RecordingError
from c4trace.recording.sids import BEGINNINGS, SidSet
from c4trace.recording.target import Target, check_target, unwritable

__all__ = ["RecordingWriter", "check_writable"]

_BATCH = 64 << 10

_encode = msgspec.json.Encoder().encode


def check_writable(path: Path) -> None:
    """Raise RecordingError where no recording can be written to `path`, as far as can be told without trying."""
    check_target(path)
    packing_for(path)


class RecordingWriter:
    """Writes one recording; every method raises RecordingError where the file cannot be written.

    The file has its header from the moment it is there, and whole lines from then on; only its owner may read it. Where
    a write fails, the file is cut after its last flush, `events` is what it still has, and nothing more can be written.
    It may be moved meanwhile, but not removed.
    A recording that is there already is replaced, unless `replace` is false. As a context manager the writer ends the
    file with a footer or, after an exception, removes it.

    With `calm` it is `catch_up`, which another thread may call, and `close` that digest a plain file, while it is set.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        header: Header,
        *,
        replace: bool = True,
        calm: threading.Event | None = None,
    ) -> None:
        self.path = Path(path).absolute()
        self.events = 0
        self.lost = 0
        self._whole_events = 0
        self._sids = SidSet()
        self._lines = bytearray()
        self._lines_events = 0
        self._lines_lost = 0
        self._packing = packing_for(self.path)
        if replace:
            check_target(self.path)
        first = _encode(header) + b"\n"
        try:
            self._target = Target(self.path, bytes(self._packing.pack(first)) + self._packing.end(), replace=replace)
        except OSError as error:
            raise unwritable(self.path, error) from error
        self._whole_size = self._target.size
        is_plain = self.path.suffix != ".zst"
        self._digest: Digest = FileDigest(self._target, calm) if calm is not None and is_plain else TextDigest()
        self._digest.add(first)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abandon()
            self.path.unlink(missing_ok=True)

    @property
    def size(self) -> int:
        """Bytes of the file so far."""
        return self._target.size

    @property
    def sessions(self) -> int:
        """How many sessions began in the recording so far."""
        return len(self._sids)

    def line(self, line: Event | Return | Gap) -> None:
        """Add one line; it is in the file after the next flush at the latest."""
        self._lines += _encode(line) + b"\n"
        match line:
            case Event():
                self._lines_events += 1
                if line.ev in BEGINNINGS:
                    self._sids.add(line.sid)
            case Gap():
                self._lines_lost += line.lost
        if len(self._lines) >= _BATCH:
            self._write_lines()

    def text(self, text: bytes | memoryview, events: int, lost: int, begun: Iterable[int]) -> None:
        """Add whole lines, of which `events` are events, and whose gaps sum up to `lost`.

        `begun` are the session ids of its open and fromNative events.
        """
        self._write_lines()
        self._write_text(text, events, lost)
        for sid in begun:
            self._sids.add(sid)

    def catch_up(self) -> None:
        """With `calm`: digest what has been written until now; OSError where that cannot be read."""
        self._digest.catch_up()

    def flush(self) -> None:
        """Bring into the file what is needed to read all lines so far."""
        self._write_lines()
        self._write(self._packing.flush())

    @property
    def undigested(self) -> int:
        """How many bytes are in the file that `catch_up` has not come to."""
        return self._digest.behind

    def give_digest_up(self) -> None:
        """With `calm`: end the work on it, in whichever thread; the footer has none then."""
        self._digest.give_up()

    def close(self, *, sync: bool = False) -> Footer:
        """End the file with a footer and close it, where that fails as it is; with `sync` it is on the disk then."""
        try:
            self._write_lines()
            footer = Footer(self.events, self.lost, self.sessions, self._hexdigest())
            self._write(bytes(self._packing.pack(_encode(footer) + b"\n")) + self._packing.end())
            if sync:
                self._sync()
        finally:
            self._target.close()
        return footer

    def abandon(self) -> None:
        """Close the file without a footer: what has been written stays, as a torn recording."""
        self._target.close()

    def _write_lines(self) -> None:
        if self._lines:
            text, events, lost = bytes(self._lines), self._lines_events, self._lines_lost
            self._lines.clear()
            self._lines_events = self._lines_lost = 0
            self._write_text(text, events, lost)

    def _write_text(self, text: bytes | memoryview, events: int, lost: int) -> None:
        packed = self._packing.pack(text)
        self._digest.add(text)
        self.events += events
        self.lost += lost
        self._write(packed)

    def _hexdigest(self) -> str | None:
        try:
            return self._digest.hexdigest()
        except OSError as error:
            raise unwritable(self.path, error) from error

    def _sync(self) -> None:
        try:
            self._target.sync()
        except OSError as error:
            raise unwritable(self.path, error) from error

    def _write(self, packed: bytes | memoryview) -> None:
        if self._target.is_removed:
            self.events = 0
            raise RecordingError(
                self.path, 0, "was removed while it was written", "leave a recording until it has ended"
            )
        try:
            self._target.append(packed)
        except OSError as error:
            self._target.cut(self._whole_size)
            self.events = self._whole_events
            raise unwritable(self.path, error) from error
        if self._packing.whole:
            self._whole_size, self._whole_events = self._target.size, self.events
