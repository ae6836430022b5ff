"""All traced processes of this user on this machine, looked at again and again while they come and go."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from c4trace.segment.attach import Segment, attach
from c4trace.segment.folder import SegmentError, list_segments, segment_folders
from c4trace.segment.snapshot import Snapshot
from c4trace.segment.turned import turn_back_if_left

__all__ = ["AllProcesses"]

_OVER = {"dead", "closed"}


class AllProcesses:
    """Every traced process, each time `look` is called; any thread may call it.

    What cannot be read is left out, and `say` is given one line that says why: again only once it has been well
    meanwhile. Segments of the living stay mapped from one look to the next, so that no count ever goes down. The dead
    are given for `forget_dead_after` seconds, or as long as their segment is there.
    """

    def __init__(self, say: Callable[[str], None], *, forget_dead_after: float | None = None) -> None:
        self.refused: list[str] = []
        """Why folders could not be looked into, the last time."""
        self._say = say
        self._forget_dead_after = forget_dead_after
        self._held: dict[_Key, Segment] = {}
        self._last_seen_alive: dict[_Key, float] = {}
        self._troubles: list[str] = []
        self._said: set[str] = set()
        self._lock = threading.Lock()

    def look(self) -> list[Snapshot]:
        """Take a snapshot of each, by name and pid; never raises for what is wrong with one of them."""
        with self._lock:
            self._troubles = []
            keys = list(self._keys())
            self._let_go(set(keys))
            snapshots = [snapshot for key in keys if (snapshot := self._snapshot(key)) is not None]
            found = list(self._told_apart(snapshots))
            for trouble in self._troubles:
                if trouble not in self._said:
                    with contextlib.suppress(OSError):  # nobody listens
                        self._say(trouble)
            self._said = set(self._troubles)
            return found

    def close(self) -> None:
        """Let go of all segments."""
        with self._lock:
            self._let_go(set())

    def _keys(self) -> Iterator[_Key]:
        """One folder that is refused (anybody may have made the one in /tmp) hides no other."""
        self.refused = []
        for folder in segment_folders():
            try:
                files = list_segments(folder)
            except SegmentError as error:
                self.refused.append(str(error))
                self._troubles.append(str(error))
                continue
            for file in files:
                try:
                    about = file.path.stat(follow_symlinks=False)
                except OSError:
                    continue  # gone meanwhile
                yield _Key(file.path, about.st_ino, about.st_size)

    def _snapshot(self, key: _Key) -> Snapshot | None:
        try:
            turn_back_if_left(key.path)
            segment = self._held.get(key) or attach(key.path)
            self._held[key] = segment
            snapshot = segment.snapshot()
        except SegmentError as error:
            self._drop(key)
            if os.path.lexists(key.path):
                self._troubles.append(str(error))
            return None
        except Exception as error:  # noqa: BLE001 - whatever a damaged segment leads to, the others are to be seen
            self._drop(key)
            self._troubles.append(f"{key.path}: damaged: {type(error).__name__}: {error}; remove it")
            return None
        if snapshot.process.state not in _OVER:
            self._last_seen_alive[key] = time.time()
            return snapshot
        self._drop(key)
        return snapshot if self._is_worth_telling(key, snapshot) else None

    def _is_worth_telling(self, key: _Key, dead: Snapshot) -> bool:
        if self._forget_dead_after is None:
            return True
        last = max(dead.process.started + dead.now, self._last_seen_alive.get(key, 0.0))
        return time.time() - last < self._forget_dead_after

    def _told_apart(self, found: list[Snapshot]) -> Iterator[Snapshot]:
        """Nothing twice under one name: of a copied or made up segment, which would spoil the whole page."""
        best: dict[tuple[str, int], Snapshot] = {}
        for snapshot in sorted(found, key=_likelihood):
            best[snapshot.process.name, snapshot.process.pid] = snapshot
        for snapshot in found:
            process = snapshot.process
            labels = [factory.label for factory in snapshot.factories]
            if best[process.name, process.pid] is not snapshot:
                other = best[process.name, process.pid].process.path
                self._troubles.append(f"{process.path}: tells of the same process as {other}; remove it")
            elif len(labels) != len(set(labels)):
                self._troubles.append(f"{process.path}: damaged: two factories have one label; remove it")
            else:
                yield snapshot

    def _let_go(self, there: set[_Key]) -> None:
        for key in self._held.keys() - there:
            self._drop(key)
        for key in self._last_seen_alive.keys() - there:
            del self._last_seen_alive[key]

    def _drop(self, key: _Key) -> None:
        segment = self._held.pop(key, None)
        if segment is not None:
            segment.close()


def _likelihood(snapshot: Snapshot) -> tuple[bool, bool, float]:
    """Of two that say they are the same process: which one is, if any."""
    process = snapshot.process
    named_so = Path(process.path).name == f"{process.name}.{process.pid}.seg"
    return process.state not in _OVER, named_so, process.started


class _Key(NamedTuple):
    """A segment's file: a process that replaces itself (exec) has another one in its place, and so one that was cut."""

    path: Path
    inode: int
    size: int
