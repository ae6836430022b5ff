"""A LiteCore replicator, the active (client) or the passive (serving) one."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from tests.real.abi import CData, ffi
from tests.real.database import Database
from tests.real.litecore import ErrorCode, slice_of, text


class Mode(IntEnum):
    """What a replicator does in one direction (C4ReplicatorMode)."""

    DISABLED = 0
    PASSIVE = 1
    ONE_SHOT = 2
    CONTINUOUS = 3


class Level(IntEnum):
    """How active a replicator is (C4ReplicatorActivityLevel)."""

    STOPPED = 0
    OFFLINE = 1
    CONNECTING = 2
    IDLE = 3
    BUSY = 4
    STOPPING = 5


@dataclass(frozen=True)
class Status:
    """A C4ReplicatorStatus: `documents` transferred so far, `error` with code 0 if there is none."""

    level: Level
    error: ErrorCode
    documents: int
    completed: int
    total: int


@dataclass(frozen=True)
class Direction:
    """What a replicator does in both directions, and the options LiteCore gets (as JSON can say them)."""

    push: Mode = Mode.DISABLED
    pull: Mode = Mode.DISABLED
    options: dict[str, Any] = field(default_factory=dict)


PUSH = Direction(push=Mode.ONE_SHOT)
PULL = Direction(pull=Mode.ONE_SHOT)
SERVE = Direction(push=Mode.PASSIVE, pull=Mode.PASSIVE)


class Replicator:
    """One C4Replicator. Free it when it has stopped."""

    def __init__(self, database: Database, direction: Direction) -> None:
        """Prepares the parameters; `connecting` or `serving` make the replicator."""
        self.litecore = database.litecore
        self.history: list[Status] = []
        self._changed = threading.Condition()
        self._self = ffi.new_handle(self)
        self._options = slice_of(self.litecore.fleece(direction.options))
        self._parameters = ffi.new(
            "C4ReplicatorParameters *",
            {
                "push": direction.push,
                "pull": direction.pull,
                "optionsDictFleece": self._options.value,
                "onStatusChanged": _on_status_changed,
                "callbackContext": self._self,
            },
        )
        self.handle: CData = ffi.NULL

    @classmethod
    def connecting(cls, database: Database, direction: Direction, url: str, factory: int) -> Replicator:
        """Makes an active replicator to `url` whose sockets come from the C4SocketFactory at address `factory`."""
        self = cls(database, direction)
        self._parameters.socketFactory = ffi.cast("const C4SocketFactory *", factory)
        whole = text(url)
        address, name, error = ffi.new("C4Address *"), ffi.new("C4Slice *"), ffi.new("C4Error *")
        if not self.litecore.c.c4address_fromURL(whole.value, address, name):
            raise ValueError(f"no replication URL: {url}")
        self.handle = self.litecore.c.c4repl_new(database.handle, address[0], name[0], self._parameters[0], error)
        if not self.handle:
            raise self.litecore.error("c4repl_new", error)
        return self

    @classmethod
    def serving(cls, database: Database, socket: CData) -> Replicator:
        """Makes a passive replicator for a socket that c4socket_fromNative has made."""
        self = cls(database, SERVE)
        error = ffi.new("C4Error *")
        self.handle = self.litecore.c.c4repl_newWithSocket(database.handle, socket, self._parameters[0], error)
        if not self.handle:
            raise self.litecore.error("c4repl_newWithSocket", error)
        return self

    def start(self, *, reset: bool = False) -> None:
        self.litecore.c.c4repl_start(self.handle, reset)

    def stop(self) -> None:
        self.litecore.c.c4repl_stop(self.handle)

    @property
    def status(self) -> Status:
        return _status(self.litecore.c.c4repl_getStatus(self.handle))

    def wait_for(self, *levels: Level, timeout: float = 30) -> Status:
        """Waits until LiteCore has announced one of `levels` as the newest; TimeoutError says what came instead."""
        with self._changed:
            if self._changed.wait_for(lambda: bool(self.history) and self.history[-1].level in levels, timeout):
                return self.history[-1]
        wanted = " or ".join(level.name for level in levels)
        came = ", ".join(status.level.name for status in self.history) or "nothing"
        raise TimeoutError(f"replicator not {wanted} within {timeout} s: {came}; now {self.status}")

    def wait_stopped(self, timeout: float = 30) -> Status:
        """Waits until the replicator has stopped."""
        return self.wait_for(Level.STOPPED, timeout=timeout)

    def free(self) -> None:
        self.litecore.c.c4repl_free(self.handle)
        self.handle = ffi.NULL

    def _note(self, status: Status) -> None:
        with self._changed:
            self.history.append(status)
            self._changed.notify_all()


def _status(status: CData) -> Status:
    return Status(
        Level(status.level),
        ErrorCode(status.error.domain, status.error.code),
        status.progress.documentCount,
        status.progress.unitsCompleted,
        status.progress.unitsTotal,
    )


def _note_status(_replicator: CData, status: CData, context: CData) -> None:
    ffi.from_handle(context)._note(_status(status))


_on_status_changed = ffi.callback("void(C4Replicator *, C4ReplicatorStatus, void *)", _note_status)
