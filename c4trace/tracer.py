"""The tracer: wraps factories, and sends what they do to a recording, a log and a metrics page."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import weakref
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from c4trace._native import ffi, lib
from c4trace.collecting import Collecting, Collection, Place
from c4trace.collecting_apart import CollectionApart
from c4trace.destinations import Destinations, PathLike, destinations, shown
from c4trace.factories.bridge import BridgedFactory
from c4trace.factories.socket_factory import SocketFactory
from c4trace.host import EmbeddedHost
from c4trace.inner import address_of, bridged
from c4trace.opening import checked_capture, failing, open_native
from c4trace.segment.attach import Segment, attach
from c4trace.segment.folder import SegmentError
from c4trace.trace_error import TraceError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from c4trace.factories.bridged_socket import BridgedSocket
    from c4trace.recording.rotation import Rotation
    from c4trace.segment.snapshot import Snapshot
    from c4trace.sinks.metrics import MetricsCollector

__all__ = ["TraceError", "Traced", "Tracer"]

_UPCALLS_SEEN = ("not visible", "table", "relocation", "interposed")
_UNTRACED = ("c4socket_retain", "c4socket_release", "c4error_make")
_LABEL_MAX = 47


class Traced:
    """A traced factory: give `address` to LiteCore in place of the inner factory's."""

    def __init__(self, tracer: Tracer, native: Any, label: str, inner: object) -> None:
        self._tracer = tracer
        self._inner = inner
        self.native = native
        self.label = label
        self.address = int(ffi.cast("uintptr_t", native))
        """Of the C4SocketFactory; valid, and forwarding, as long as the process lives."""

    def __repr__(self) -> str:
        return f"<traced factory {self.label!r} of tracer {self._tracer.name!r} at {self.address:#x}>"

    @property
    def upcalls(self) -> str:
        """How its up-calls are seen: "table", "relocation", "interposed" or "not visible"."""
        return self._tracer.upcalls_of(self)

    def from_native(self, scheme: str = "ws", hostname: str = "", port: int = 0, path: str = "/") -> BridgedSocket:
        """Make an incoming C4Socket of a `SocketFactory` object (c4socket_fromNative), as a listener does.

        `scheme`, `hostname`, `port` and `path` say who has connected. Its `address` is for c4repl_newWithSocket. Call
        its `closed` also if it never comes to a replicator (C4S-074). Raises TraceError where the inner factory is no
        such object, or LiteCore has no fromNative.
        """
        if not isinstance(self._inner, BridgedFactory):
            raise TraceError(f"{self!r} is not of a SocketFactory object: call c4socket_fromNative of `Tracer.upcalls`")
        try:
            return self._inner.from_native(scheme, hostname, port, path)
        except ValueError as error:
            raise TraceError(str(error)) from error


class Tracer:
    """Traces what crosses the boundary between LiteCore and the factories it wraps.

        with c4trace.Tracer(name="orders", litecore=PATH, record="orders.jsonl", capture="full") as tracer:
            traced = tracer.wrap(inner)
            ...  # give traced.address to LiteCore

    `name` is what it is called in commands, metrics and recordings: 1 to 48 letters, digits, '.', '_' or '-', one of
    its kind in a process. `litecore` is the path of libLiteCore.so, or an `EmbeddedHost`; None takes the one that is
    loaded, or the one that the first wrapped factory is linked to. `capture` says what goes on record: off, events,
    headers (the default: addresses, redacted options, statuses, sizes, times), bytes:N or full. `record` writes a
    recording (`.jsonl` or `.jsonl.zst`, in parts with `rotation`), `metrics_port` serves Prometheus (0: any free port)
    on `metrics_address`. `log` writes a line for each step in a session's life: "json" or "console" to standard error,
    or the path of a file for JSON; with `log_level` "debug" a line for each event. `collect_in` "process" does this
    work in a process of its own, for hosts whose Python is busy.

    `segment_bytes` and `sessions` size the segment (16 MiB, 64 MiB while recording; 12,288 rows), `folder` is where it
    is made ($C4TRACE_DIR, else /dev/shm/c4trace-UID). Raises TraceError, with what is wrong and what to do; then
    nothing is left behind. All methods may be called from any thread.
    """

    def __init__(
        self,
        name: str,
        *,
        litecore: PathLike | EmbeddedHost | None = None,
        record: PathLike | None = None,
        rotation: Rotation | None = None,
        capture: str = "headers",
        metrics_port: int | None = None,
        metrics_address: str = "127.0.0.1",
        log: PathLike | None = None,
        log_level: Literal["info", "debug"] = "info",
        collect_in: Place = "thread",
        folder: PathLike | None = None,
        segment_bytes: int | None = None,
        sessions: int | None = None,
    ) -> None:
        if collect_in not in ("thread", "process"):
            raise TraceError(f"cannot collect in {shown(collect_in)}: use 'thread' or 'process'")
        to = destinations(
            record=record,
            rotation=rotation,
            metrics_port=metrics_port,
            metrics_address=metrics_address,
            log=log,
            log_level=log_level,
        )
        self.name = name
        self._pid = os.getpid()
        self._host = litecore if isinstance(litecore, EmbeddedHost) else None
        self._lock = threading.Lock()
        self._closing = threading.RLock()
        self._traced: list[Traced] = []
        self._collecting: Collecting | None = None
        self._final: Snapshot | None = None
        self._closed = False
        self._native = open_native(
            name,
            litecore=litecore,
            capture=capture,
            folder=folder,
            segment_bytes=segment_bytes,
            sessions=sessions,
            recording=record is not None,
        )
        self.segment_path = Path(os.fsdecode(ffi.string(lib.c4trace_segment_path(self._native))))
        """The segment's file, which other processes of the same user may look at while it is there."""
        with contextlib.ExitStack() as undo:
            undo.callback(lib.c4trace_close, self._native, 0)
            self._segment = _attached(self.segment_path)
            undo.callback(self._segment.close)
            if to:
                self._collecting = self._collect(collect_in, to)
            undo.pop_all()
        _warn(ffi.string(lib.c4trace_warning(self._native)).decode(errors="replace"))
        atexit.register(self.close)
        _tracers.add(self)

    @cached_property
    def collector(self) -> MetricsCollector:
        """A prometheus_client collector of this tracer's metrics."""
        from c4trace.sinks.metrics import MetricsCollector  # noqa: PLC0415 - a tracer may be one without metrics

        return MetricsCollector(self._scraped, unrecorded=self._unrecorded)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<tracer {self.name!r}, {'closed' if self._closed else self.segment_path}>"

    @property
    def metrics_url(self) -> str | None:
        """Where Prometheus can scrape, if `metrics_port` was given."""
        return self._collecting.metrics_url if self._collecting is not None else None

    @property
    def upcalls(self) -> Mapping[str, int]:
        """The tracing up-calls and _FLBuf_Release by C name, as addresses; c4socket_retain and the like, untraced.

        Raises TraceError where no LiteCore is known yet, and once the tracer is closed.
        """
        with self._lock:
            return self._open_upcalls()

    def wrap(self, inner: object, *, factory: str | None = None, factory_size: Literal[64, 72] | None = None) -> Traced:
        """Wrap an inner factory: the address of a C4SocketFactory (int or cffi pointer), or a `SocketFactory` object.

        `factory` is the label that tells several apart in metrics, logs and recordings. `factory_size` is only needed
        with a LiteCore of a version c4trace does not know. A factory in a shared library is seen in both directions:
        the library's references to c4socket_ functions are led to the tracing ones until the tracer closes. One that
        looks functions up itself must look them up in `upcalls`. Raises TraceError.
        """
        if factory_size not in (None, 64, 72):
            what = "a C4SocketFactory has 64 (up to LiteCore 3.3, 4.0) or 72 (3.4, 4.1 and later)"
            raise TraceError(f"factory_size {shown(factory_size)}: {what}; give one of them, or nothing")
        if isinstance(inner, Traced):
            raise TraceError(f"cannot wrap {inner!r}: it is traced already; wrap the inner factory once")
        with self._lock:
            self._check_open()
            label = self._label(factory, inner)
            made = None
            if isinstance(inner, SocketFactory):
                made = bridged(inner, self._open_upcalls(), factory_size or self._factory_size())
            address = ffi.cast("void *", made.address if made else address_of(inner, factory_size or 0))
            native = failing(
                lambda failure: lib.c4trace_wrap(self._native, address, factory_size or 0, label.encode(), failure)
            )
            if made:
                lib.c4trace_uses_table(self._native, native)
                lib.c4trace_uses_release(self._native, native)
            traced = Traced(self, native, label, made or inner)
            self._traced.append(traced)
            return traced

    def uses_table(self, traced: Traced, *, releases: bool = False) -> None:
        """Say that the factory behind `traced` makes its up-calls through `upcalls`.

        `releases` says that it also releases what `write` hands it through the `_FLBuf_Release` there, always: then
        slices that it never releases show (C4S-030). Raises TraceError once closed.
        """
        with self._lock:
            self._check_open()
            lib.c4trace_uses_table(self._native, traced.native)
            if releases:
                lib.c4trace_uses_release(self._native, traced.native)

    def upcalls_of(self, traced: Traced) -> str:
        """As `Traced.upcalls`."""
        with self._lock:
            if self._final is None:
                return _UPCALLS_SEEN[lib.c4trace_upcalls_seen(self._native, traced.native)]
        return next(factory.upcalls for factory in self._final.factories if factory.label == traced.label)

    def set_capture(self, capture: str) -> None:
        """Turn the capture level, from the next call on. Raises TraceError for an unknown one, and once closed."""
        level, count = checked_capture(capture)
        with self._lock:
            self._check_open()
            lib.c4trace_set_capture(self._native, level, count)

    def snapshot(self) -> Snapshot:
        """Sessions, counters and histograms now; after `close`, as they were at the end."""
        with self._lock:
            return self._final or self._segment.snapshot()

    def close(self) -> None:
        """Stop tracing, drain, close all sinks, remove the segment; calls pass untraced from here on.

        More than once is fine, and in a forked child it does nothing: the segment is the parent's.
        """
        if self._pid != os.getpid():
            return
        with self._closing:
            if self._closed:
                return
            lib.c4trace_stop(self._native)
            if self._collecting is not None:
                self._collecting.stop()
            with self._lock:
                self._final = self._final or self._segment.snapshot()
                self._segment.close()
            lib.c4trace_close(self._native, 0)
            self._closed = True
            atexit.unregister(self.close)

    def forget(self) -> None:
        """In a forked child, where other threads' locks are held for ever: all there is to do is to look."""
        self._lock = threading.Lock()
        if self._collecting is not None:
            self._collecting.forget()

    def _collect(self, where: Place, to: Destinations) -> Collecting:
        if where == "process":
            return CollectionApart(self.segment_path, to)
        return Collection(self.segment_path, to, lambda: self.collector)

    def _check_open(self) -> None:
        if self._pid != os.getpid():
            raise TraceError(f"tracer {self.name!r} is that of process {self._pid}: open one in this process")
        if self._closed or self._final is not None:
            raise TraceError(f"tracer {self.name!r} is closed: open another one")

    def _scraped(self) -> Snapshot:
        with self._lock:
            return self._final or self._segment.snapshot(take_exemplars=True)

    def _unrecorded(self) -> int:
        return self._collecting.unrecorded() if self._collecting is not None else 0

    def _open_upcalls(self) -> dict[str, int]:
        self._check_open()
        found: dict[str, int] = {}
        index = 0
        while (name := lib.c4trace_upcall_name(index)) != ffi.NULL:
            address = lib.c4trace_upcall(self._native, name)
            if address != ffi.NULL:
                found[ffi.string(name).decode()] = int(ffi.cast("uintptr_t", address))
            index += 1
        if not found:
            raise TraceError("no LiteCore is known yet, so there are no up-calls: give Tracer its path as litecore=")
        return found | {name: address for name in _UNTRACED if (address := self._symbol(name))}

    def _symbol(self, name: str) -> int:
        if self._host is not None:
            return self._host.upcalls.get(name, 0)
        return int(ffi.cast("uintptr_t", lib.c4trace_symbol(self._native, name.encode())))

    def _factory_size(self) -> Literal[64, 72]:
        return 64 if self._segment.snapshot().process.factory_size == 64 else 72

    def _label(self, asked: object, inner: object) -> str:
        if asked is not None:
            if not isinstance(asked, str) or not asked.isprintable():
                raise TraceError(f"factory label {shown(asked)} is not printable: give 1 to {_LABEL_MAX} bytes of text")
            return asked
        base = type(inner).__name__ if isinstance(inner, SocketFactory) else "factory"
        base = base.encode()[: _LABEL_MAX - 4].decode(errors="ignore")
        taken = {traced.label for traced in self._traced}
        return next(label for label in (base, *(f"{base}-{n}" for n in range(2, 999))) if label not in taken)


def _attached(path: Path) -> Segment:
    try:
        return attach(path, control=True)
    except SegmentError as error:
        raise TraceError(str(error)) from error


def _warn(text: str) -> None:
    if text and sys.stderr is not None:
        print(f"c4trace: {text}", file=sys.stderr)


_tracers: weakref.WeakSet[Tracer] = weakref.WeakSet()


def _forget_all() -> None:
    for tracer in list(_tracers):
        tracer.forget()


os.register_at_fork(after_in_child=_forget_all)
