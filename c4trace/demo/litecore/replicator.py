"""A replicator of the demo: the client's, or the one that serves it."""

from __future__ import annotations

import enum
import threading

from c4trace.decode.errors import error_name
from c4trace.decode.fleece_encode import encode
from c4trace.demo.litecore.abi import CData, ffi
from c4trace.demo.litecore.database import Database
from c4trace.demo.litecore.library import Borrowed
from c4trace.trace_error import TraceError

__all__ = ["Replicator"]


class Mode(enum.IntEnum):
    """C4ReplicatorMode."""

    DISABLED = 0
    PASSIVE = 1
    ONE_SHOT = 2


_STOPPED = 0  # kC4Stopped


class Replicator:
    """One C4Replicator, made by `connecting` or `serving`; to be freed once it has stopped."""

    def __init__(self, database: Database, mode: Mode) -> None:
        self._litecore = database.litecore
        self._changed = threading.Condition()
        self._stopped = False
        self._ended_with = (0, 0)
        self._error = ffi.new("C4Error *")
        self._context = ffi.new_handle(self)
        self._options = Borrowed(encode({}))
        self._parameters = ffi.new(
            "C4ReplicatorParameters *",
            {
                "push": mode,
                "pull": mode,
                "optionsDictFleece": self._options.slice,
                "onStatusChanged": _on_status_changed,
                "callbackContext": self._context,
            },
        )
        self._handle: CData = ffi.NULL

    @classmethod
    def connecting(cls, database: Database, url: str, factory: int) -> Replicator:
        """Make one that pushes and pulls once, through the C4SocketFactory at the address `factory`."""
        self = cls(database, Mode.ONE_SHOT)
        self._parameters.socketFactory = ffi.cast("const void *", factory)
        text, address, name = Borrowed(url), ffi.new("C4Address *"), ffi.new("C4Slice *")
        if not self._litecore.c.c4address_fromURL(text.slice, address, name):
            raise TraceError(f"LiteCore takes {url} for no URL of a database")
        made = self._litecore.c.c4repl_new(database.handle, address[0], name[0], self._parameters[0], self._error)
        self._handle = self._litecore.checked("c4repl_new", made, self._error)
        return self

    @classmethod
    def serving(cls, database: Database, socket: int) -> Replicator:
        """Make one that answers on the incoming C4Socket at this address."""
        self = cls(database, Mode.PASSIVE)
        pointer = ffi.cast("C4Socket *", socket)
        made = self._litecore.c.c4repl_newWithSocket(database.handle, pointer, self._parameters[0], self._error)
        self._handle = self._litecore.checked("c4repl_newWithSocket", made, self._error)
        return self

    def start(self) -> None:
        """Begin."""
        self._litecore.c.c4repl_start(self._handle, False)

    def stop(self) -> None:
        """Ask it to stop."""
        self._litecore.c.c4repl_stop(self._handle)

    def wait_stopped(self, timeout: float) -> str:
        """Wait until it has stopped, or for `timeout` seconds; what went wrong, empty if nothing."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._stopped, timeout):
                return f"did not stop within {timeout:.0f} s"
            return error_name(*self._ended_with) if self._ended_with[1] else ""

    def free(self) -> None:
        """Release it."""
        self._litecore.c.c4repl_free(self._handle)
        self._handle = ffi.NULL

    def note(self, level: int, error: tuple[int, int]) -> None:
        """Take note of a new status, on LiteCore's thread."""
        with self._changed:
            self._stopped = level == _STOPPED
            self._ended_with = error
            self._changed.notify_all()


def _status_changed(_replicator: CData, status: CData, context: CData) -> None:
    replicator: Replicator = ffi.from_handle(context)
    replicator.note(status.level, (status.error.domain, status.error.code))


_on_status_changed = ffi.callback("void(C4Replicator *, C4ReplicatorStatus, void *)", _status_changed)
