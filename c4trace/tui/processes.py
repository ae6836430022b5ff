"""Traced processes as the screen's source: found while they come, held until the screen is left."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from c4trace.report.plain import plain
from c4trace.segment.folder import SegmentError, SegmentFile, find_segments, list_segments, segment_folders
from c4trace.segment.look import OVER, ProcessLook, look_at
from c4trace.segment.native_reader import NativeReader
from c4trace.segment.snapshot import ProcessInfo
from c4trace.segment.turned import turn_back_if_left
from c4trace.segment.watch import Watch
from c4trace.tui.bindings import Action
from c4trace.tui.followed import Followed
from c4trace.tui.source import Line

__all__ = ["Processes"]

_FIND_EVERY_S = 1.0
_OVER_KEPT = 16  # processes that are over and still shown; the screen may stay for days
_HELD_MAX = 4000  # of the 4096 sources that a watch knows


class Processes:
    """All traced processes of this user, or those that `wanted` means: a pid, a tracer's name, a segment's path.

    Those that were over before are left out, unless there is no other and they are asked for; then the one that began
    last is shown. Who is over while it is watched stays. `wanted` may also be what gives segments' paths: then all of
    these are shown, and looked for at every look.
    """

    playing = None

    def __init__(
        self,
        watch: Watch,
        wanted: str | Callable[[], Iterable[Path]] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.troubles: Sequence[str] = ()
        self._watch = watch
        self._wanted = wanted
        self._clock = clock
        self._held: dict[int, _Held] = {}
        self._known: set[_Key] = set()
        self._next = 0
        self._found_at: float | None = None
        self._followed: tuple[tuple[int, int], Followed] | None = None
        self._last_over: tuple[_Key, ProcessInfo] | None = None
        """Of those that were over before, the one that began last."""
        self._no_more = False

    @property
    def nothing(self) -> str:
        """What to say while there is nothing to look at."""
        if self._no_more:
            return "the command has ended, and met no LiteCore; q leaves"
        if callable(self._wanted):
            return "no LiteCore was met yet; waiting for one"
        return f"{self.none}; waiting for one"

    @property
    def none(self) -> str:
        """Say that no traced process runs, and which one has run."""
        folders = " and ".join(str(folder) for folder in segment_folders())
        said = f"no traced process runs: none in {folders}"
        if self._last_over is not None:
            process = self._last_over[1]
            said += f"; c4trace live {process.pid} has the last state of {process.name}, which is {process.state}"
        return plain(said)

    def no_more(self) -> None:
        """Take note that none will come any more."""
        self._no_more = True

    def look(self) -> Mapping[int, ProcessLook]:
        """Look at all; whoever cannot be read any more is let go of."""
        now = self._clock()
        if self._found_at is None or now - self._found_at >= _FIND_EVERY_S or callable(self._wanted):
            self._found_at = now
            self._find()
        looks = {}
        for number, held in list(self._held.items()):
            try:
                self._watch.look(number, held.reader)
                looks[number] = look_at(held.reader)
                held.reader.check_whole()
            except Exception as error:  # noqa: BLE001 - whatever a damaged segment leads to, the others are to be seen
                self.troubles = (*self.troubles, _one_line(held.key.path, error))
                self._drop(number)
        self._drop_oldest_over(looks)
        return {number: look for number, look in looks.items() if number in self._held}

    def control(self, action: Action | None, *, paused: bool) -> None:
        """Let processes go on as they do."""

    def lines(self, key: tuple[int, int] | None) -> Sequence[Line]:
        """Give the last events of a socket, from the rings."""
        if key is None or key[0] not in self._held:
            self._followed = None
            return ()
        try:
            if self._followed is None or self._followed[0] != key:
                self._followed = (key, Followed(self._held[key[0]].reader, key[1]))
            return self._followed[1].lines()
        except Exception as error:  # noqa: BLE001 - as above
            self.troubles = (*self.troubles, _one_line(self._held[key[0]].key.path, error))
            return ()

    def close(self) -> None:
        """Let go of all segments."""
        for number in list(self._held):
            self._drop(number)

    def _find(self) -> None:
        troubles: list[str] = []
        over: list[tuple[float, _Key]] = []
        self._drop_cut()
        keys = [key for path in self._paths(troubles) if (key := _key(path)) is not None]
        self._known &= {*keys, *(held.key for held in self._held.values())}
        if self._last_over is not None and self._last_over[0] not in keys:
            self._last_over = None
        for key in keys:
            if key in self._known or len(self._held) >= _HELD_MAX:
                continue
            try:
                turn_back_if_left(key.path)
                self._take_in(key, over)
            except Exception as error:  # noqa: BLE001 - as above
                if os.path.lexists(key.path):
                    troubles.append(_one_line(key.path, error))
        if over and self._wanted is not None and not self._held:
            self._hold(max(over)[1], NativeReader(max(over)[1].path, "read"))
        self.troubles = troubles

    def _drop_cut(self) -> None:
        """What is mapped beyond a file's end must not be read; a file that is gone keeps its size."""
        for number, held in list(self._held.items()):
            now = _key(held.key.path)
            if now is not None and now.inode == held.key.inode and now.size != held.key.size:
                self._drop(number)

    def _paths(self, troubles: list[str]) -> list[Path]:
        if callable(self._wanted):
            return list(self._wanted())
        return [file.path for file in self._files(self._wanted, troubles)]

    def _files(self, wanted: str | None, troubles: list[str]) -> list[SegmentFile]:
        """One folder that is refused hides no other."""
        if wanted is not None and "/" in wanted:
            return find_segments(wanted)
        found: list[SegmentFile] = []
        for folder in segment_folders():
            try:
                found += list_segments(folder) if wanted is None else find_segments(wanted, folder)
            except SegmentError as error:
                troubles.append(str(error))
        return found

    def _take_in(self, key: _Key, over: list[tuple[float, _Key]]) -> None:
        reader = NativeReader(key.path, "read")
        look = look_at(reader)
        if look.process.state in OVER and not callable(self._wanted):
            reader.close()
            self._known.add(key)
            over.append((look.process.started, key))
            if self._last_over is None or look.process.started > self._last_over[1].started:
                self._last_over = key, look.process
        else:
            self._hold(key, reader)

    def _hold(self, key: _Key, reader: NativeReader) -> None:
        number = next(i for i in range(self._next, self._next + _HELD_MAX + 1) if i % _HELD_MAX not in self._held)
        self._next = number % _HELD_MAX + 1
        self._held[number % _HELD_MAX] = _Held(key, reader)
        self._known.add(key)

    def _drop_oldest_over(self, looks: Mapping[int, ProcessLook]) -> None:
        over = [number for number, look in looks.items() if look.process.state in OVER]
        for number in over[: max(0, len(over) - _OVER_KEPT)]:
            self._drop(number)

    def _drop(self, number: int) -> None:
        if self._followed is not None and self._followed[0][0] == number:
            self._followed = None
        self._held.pop(number).reader.close()
        self._watch.forget(number)


class _Key(NamedTuple):
    """A segment's file: a process that replaces itself (exec) has another one in its place, and so one that was cut."""

    path: Path
    inode: int
    size: int


class _Held(NamedTuple):
    key: _Key
    reader: NativeReader


def _key(path: Path) -> _Key | None:
    try:
        about = path.stat(follow_symlinks=False)
        return _Key(path, about.st_ino, about.st_size)
    except OSError:
        return None


def _one_line(path: Path, error: Exception) -> str:
    if isinstance(error, SegmentError):
        return str(error)
    return f"{path}: damaged: {type(error).__name__}: {error}; remove it"
