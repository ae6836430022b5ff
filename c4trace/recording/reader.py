"""Reading a recording: a header, then events, returns and gaps in the order they were written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from c4trace.events import Event, EventKind, Gap, Return
from c4trace.recording.migrate import DECODERS, preamble, refusal
from c4trace.recording.schema import Footer, Header, RecordingError
from c4trace.recording.sids import BEGINNINGS, SidSet
from c4trace.recording.source import Source

__all__ = ["Recording", "open_recording"]

_NAMES = frozenset(EventKind.__members__)
_BAD_LINE = (msgspec.MsgspecError, ValueError, RecursionError)


def open_recording(path: str | os.PathLike[str]) -> Recording:
    """Open the recording at `path`, plain or compressed, and read its header.

        with c4trace.open_recording("orders.jsonl") as recording:
            for line in recording:
                ...  # an Event, a Return or a Gap of c4trace.events

    Raises RecordingError, one line saying which file, which line, what is wrong and what to do, when it is no recording
    that this version can read. Format: docs/recording.md.
    """
    return Recording(path)


class Recording:
    """A recording's `header`, and an iterator over its events, returns and gaps that reads as it goes.

    Iterating raises RecordingError at a line that cannot be read. What is known only at the end is there when an
    iteration has come to it: `footer`; `torn`, the reason why there is none (None for a whole file); `mismatches`, what
    the footer promises and the file does not keep; and the counts `events`, `lost`, `sessions`. It can be iterated
    again, unless the file is a pipe.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path
        self._unread: Source | None = self._begin()

    def __iter__(self) -> Iterator[Event | Return | Gap]:
        source = self._unread or self._begin_again()
        self._unread = None
        try:
            yield from self._lines(source)
        finally:
            source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    @property
    def sessions(self) -> int:
        """How many sessions began in what has been read."""
        return len(self._sids)

    def close(self) -> None:
        """Close the file where nobody has iterated to its end."""
        if self._unread is not None:
            self._unread.close()
            self._unread = None

    def _begin(self) -> Source:
        source = Source(self.path)
        try:
            line = source.readline()
            self.header = _header(self.path, line, is_cut=source.torn)
        except BaseException:
            source.close()
            raise
        self.footer: Footer | None = None
        self.torn: str | None = None
        self.mismatches: tuple[str, ...] = ()
        self.events = 0
        self.lost = 0
        self._sids = SidSet()
        self._decode = DECODERS[self.header.format].decode
        self._digest = hashlib.sha256(line)
        return source

    def _begin_again(self) -> Source:
        if not Path(self.path).is_file():
            raise RecordingError(self.path, 0, "is no file, so it can be read once only", "save it to a file first")
        return self._begin()

    def _lines(self, source: Source) -> Iterator[Event | Return | Gap]:
        decode, number = self._decode, source.line
        while text := source.read():
            lines = text.split(b"\n")
            if not lines[-1]:
                lines.pop()
            for at, part in enumerate(lines):
                number += 1
                try:
                    line = decode(part)
                except _BAD_LINE as error:
                    if at < len(lines) - 1 or text.endswith(b"\n"):
                        hint = "the file is damaged here; the lines before are whole"
                        raise RecordingError(self.path, number, _reason(error), hint) from error
                    self.torn = f"ends inside line {number}"
                    return
                if type(line) is Event:  # first, and without match: nine of ten lines
                    self._count(line, number)
                elif isinstance(line, Footer):
                    self._digest.update(b"".join(part + b"\n" for part in lines[:at]))
                    self._end(line, number, is_last=at == len(lines) - 1 and not source.read())
                    return
                elif isinstance(line, Header):
                    what = "is a second header"
                    raise RecordingError(self.path, number, what, "read each of the joined recordings alone")
                elif isinstance(line, Gap):
                    self.lost += line.lost
                yield line
            self._digest.update(text)
        end = "inside a compressed frame" if source.torn else "without footer"
        self.torn = f"ends {end} after line {number}"

    def _count(self, event: Event, number: int) -> None:
        if event.ev not in _NAMES:
            what = f"names an event {event.ev[:40]!r} that this c4trace does not know"
            raise RecordingError(self.path, number, what, "install a newer c4trace")
        self.events += 1
        if event.ev in BEGINNINGS:
            self._sids.add(event.sid)

    def _end(self, footer: Footer, number: int, *, is_last: bool) -> None:
        if not is_last:
            what = "follows the footer"
            raise RecordingError(self.path, number + 1, what, "read each of the joined recordings alone")
        digest = None if footer.sha256 is None else self._digest.hexdigest()
        found = Footer(self.events, self.lost, self.sessions, digest)
        self.footer = footer
        self.mismatches = tuple(
            f"the footer says {name} {getattr(footer, name)}, the file has {getattr(found, name)}"
            for name in Footer.__struct_fields__
            if getattr(footer, name) != getattr(found, name)
        )


def _header(path: str | os.PathLike[str], line: bytes, *, is_cut: bool) -> Header:
    """The header that is the first line of a file; `is_cut`: one that ends inside a compressed frame."""
    hint = "name a recording of c4trace, .jsonl or .jsonl.zst"
    try:
        found = preamble(line)
    except _BAD_LINE as error:
        if line.endswith(b"\n") or not (is_cut or line.startswith(b'{"type":"header"')):
            raise RecordingError(path, 1, "is no header of a recording", hint) from error
        raise RecordingError(path, 1, "ends inside its header", "nothing of it can be read") from error
    refused = refusal(found)
    if refused is not None:
        raise RecordingError(path, 1, *refused)
    try:
        header = DECODERS[found.format].decode(line)
    except _BAD_LINE as error:
        raise RecordingError(path, 1, f"is no valid header: {_reason(error)}", hint) from error
    assert isinstance(header, Header)  # noqa: S101 - the preamble has the same tag
    return header


def _reason(error: Exception) -> str:
    """Say why a line could not be decoded."""
    match error:
        case msgspec.ValidationError():
            return f"has a wrong field: {error}"
        case msgspec.DecodeError():
            return f"is broken JSON: {error}"
        case RecursionError():
            return "is nested too deeply"
        case _:
            return f"is no valid text: {error}"
