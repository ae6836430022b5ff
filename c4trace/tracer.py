"""The tracer: wraps factories, and sends what they do to sinks."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from c4trace._native import ffi, lib
from c4trace.collecting import Collecting, Destinations, TraceError, collecting
from c4trace.factories.bridge import bridge
from c4trace.factories.socket_factory import SocketFactory
from c4trace.host import EmbeddedHost
from c4trace.segment.attach import Segment, attach
from c4trace.segment.capture import capture_level
from c4trace.segment.folder import SegmentError
from c4trace.sinks.metrics import MetricsCollector

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from c4trace.recording.rotation import Rotation
    from c4trace.segment.snapshot import Snapshot

__all__ = ["TraceError", "Traced", "Tracer"]

_UPCALLS_SEEN = ("not visible", "table", "relocation", "interposed")
_HELPERS = ("c4socket_retain", "c4socket_release", "c4error_make", "_FLBuf_Release")
_SETTLE_S = 0.002  # for threads that were just about to publish when the tracer stopped


class Traced:
    """A traced factory: give `address` to LiteCore in place of the inner factory's."""

    def __init__(self, tracer: Tracer, native: Any, label: str, keep: object) -> None:
        self._tracer = tracer
        self._native = native
        self._keep = keep
        self.label = label
        self.address = int(ffi.cast("uintptr_t", native))
        """Of the C4SocketFactory; valid, and forwarding, as long as the process lives."""

    @property
    def upcalls(self) -> str:
        """How its up-calls are seen: "table", "relocation", "interposed" or "not visible"."""
        return _UPCALLS_SEEN[lib.c4trace_upcalls_seen(self._tracer.native, self._native)]


class Tracer:
    """Traces what crosses the boundary between LiteCore and the factories it wraps.

        with c4trace.Tracer(name="orders", litecore=PATH, record="orders.jsonl", capture="full") as tracer:
            traced = tracer.wrap(inner)
            ...  # give traced.address to LiteCore

    `litecore` is the path of libLiteCore.so, or an `EmbeddedHost`; None takes the one that is loaded, or the one that
    the first wrapped factory is linked to. `capture` says what goes on record: off, events, headers (the default:
    addresses, redacted options, statuses, sizes, times), bytes:N or full. `record` writes a recording (`.jsonl` or
    `.jsonl.zst`, in parts with `rotation`), `metrics_port` serves Prometheus (0: any free port), `log` writes a line for
    each step in a session's life: "json" or "console" to standard error, or the path of a file for JSON. `collect_in`
    "process" does this work in a process of its own, for hosts whose Python is busy.

    `segment_bytes` and `sessions` size the segment (16 MiB, 64 MiB while recording; 12,288 rows), `folder` is where it
    is made ($C4TRACE_DIR, else /dev/shm/c4trace-UID). Raises TraceError, with what is wrong and what to do.
    """

    def __init__(
        self,
        name: str,
        *,
        litecore: str | os.PathLike[str] | EmbeddedHost | None = None,
        record: str | os.PathLike[str] | None = None,
        rotation: Rotation | None = None,
        capture: str = "headers",
        metrics_port: int | None = None,
        metrics_address: str = "127.0.0.1",
        log: str | os.PathLike[str] | None = None,
        log_level: Literal["info", "debug"] = "info",
        collect_in: Literal["thread", "process"] = "thread",
        folder: str | os.PathLike[str] | None = None,
        segment_bytes: int | None = None,
        sessions: int | None = None,
    ) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._labels = 0
        self._traced: list[Traced] = []
        self._final: Snapshot | None = None
        self._pid = os.getpid()
        self._host = litecore if isinstance(litecore, EmbeddedHost) else None
        destinations = Destinations(record, rotation, metrics_port, metrics_address, log, log_level)
        if segment_bytes is None and record is not None:
            segment_bytes = _recording_segment(folder)
        self.native = _open(name, litecore, capture, folder, segment_bytes or 0, sessions or 0)
        self._segment: Segment | None = None
        self._collecting: Collecting | None = None
        try:
            self._segment = attach(self.segment_path, control=True)
            self.collector = MetricsCollector(self._scraped, unrecorded=self._unrecorded)
            """A prometheus_client collector of this tracer's metrics."""
            if destinations:
                self._collecting = collecting(collect_in, self.segment_path, destinations, self.collector)
        except BaseException as error:
            if self._segment is not None:
                self._segment.close()
            lib.c4trace_close(self.native, 0)
            if isinstance(error, SegmentError):
                raise TraceError(str(error)) from error
            raise
        warning = ffi.string(lib.c4trace_warning(self.native)).decode()
        if warning and sys.stderr is not None:
            print(f"c4trace: {warning}", file=sys.stderr)
        atexit.register(self.close)

    @property
    def segment_path(self) -> Path:
        """The segment's file, which other processes of the same user may look at while it is there."""
        from pathlib import Path

        return Path(os.fsdecode(ffi.string(lib.c4trace_segment_path(self.native))))

    @property
    def metrics_url(self) -> str | None:
        """Where Prometheus can scrape, if `metrics_port` was given."""
        return self._collecting.metrics_url if self._collecting is not None else None

    @property
    def upcalls(self) -> Mapping[str, int]:
        """The tracing up-calls by C name, each as an address; with them c4socket_retain and the like, untraced.

        Raises TraceError where no LiteCore is known yet.
        """
        found: dict[str, int] = {}
        index = 0
        while (name := lib.c4trace_upcall_name(index)) != ffi.NULL:
            address = lib.c4trace_upcall(self.native, name)
            if address != ffi.NULL:
                found[ffi.string(name).decode()] = int(ffi.cast("uintptr_t", address))
            index += 1
        if not found:
            raise TraceError("no LiteCore is known yet, so there are no up-calls; give Tracer its path as litecore=")
        return found | {name: address for name in _HELPERS if (address := self._symbol(name))}

    def wrap(self, inner: object, *, factory: str | None = None, factory_size: Literal[64, 72] | None = None) -> Traced:
        """Wrap an inner factory: the address of a C4SocketFactory (int or cffi pointer), or a `SocketFactory` object.

        `factory` is the label that tells several apart in metrics, logs and recordings. `factory_size` is only needed
        with a LiteCore of a version c4trace does not know. A factory in a shared library is seen in both directions:
        the library's references to c4socket_ functions are led to the tracing ones until the tracer closes. One that
        looks functions up itself must look them up in `upcalls`. Raises TraceError.
        """
        with self._lock:
            if self._final is not None:
                raise TraceError(f"tracer {self.name!r} is closed: open another one")
            label = factory or self._default_label(inner)
            bridged = bridge(inner, self.upcalls, factory_size=self._size(factory_size)) if isinstance(inner, SocketFactory) else None
            address = bridged.address if bridged else _address_of(inner)
            failure = ffi.new("c4trace_failure *")
            native = lib.c4trace_wrap(self.native, ffi.cast("void *", address), factory_size or 0, label.encode(), failure)
            if native == ffi.NULL:
                raise TraceError(_text(failure))
            if bridged:
                lib.c4trace_uses_table(self.native, native)
            traced = Traced(self, native, label, bridged or inner)
            self._traced.append(traced)
            return traced

    def uses_table(self, traced: Traced) -> None:
        """Say that the factory behind `traced` makes its up-calls through `upcalls`."""
        lib.c4trace_uses_table(self.native, ffi.cast("void *", traced.address))

    def set_capture(self, capture: str) -> None:
        """Turn the capture level, from the next call on. Raises TraceError for an unknown one."""
        lib.c4trace_set_capture(self.native, *_capture(capture))

    def snapshot(self) -> Snapshot:
        """Sessions, counters and histograms now; after `close`, as they were at the end."""
        with self._lock:
            return self._snapshot(take_exemplars=False)

    def close(self) -> None:
        """Stop tracing, drain, close all sinks, remove the segment. Calls pass untraced from here on."""
        with self._lock:
            if self._final is not None or self._segment is None or self._pid != os.getpid():
                return
            lib.c4trace_stop(self.native)
            time.sleep(_SETTLE_S)
            self._final = self._segment.snapshot()
        if self._collecting is not None:
            self._collecting.stop()
        self._segment.close()
        lib.c4trace_close(self.native, 0)
        atexit.unregister(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _snapshot(self, *, take_exemplars: bool) -> Snapshot:
        if self._final is not None:
            return self._final
        assert self._segment is not None
        return self._segment.snapshot(take_exemplars=take_exemplars)

    def _scraped(self) -> Snapshot:
        with self._lock:
            return self._snapshot(take_exemplars=True)

    def _unrecorded(self) -> int:
        return self._collecting.unrecorded() if self._collecting is not None else 0

    def _symbol(self, name: str) -> int:
        if self._host is not None:
            return self._host.upcalls.get(name, 0)
        return int(ffi.cast("uintptr_t", lib.c4trace_symbol(self.native, name.encode())))

    def _size(self, asked: int | None) -> Literal[64, 72]:
        assert self._segment is not None
        size = asked or self._segment.snapshot().process.factory_size
        return 64 if size == 64 else 72

    def _default_label(self, inner: object) -> str:
        self._labels += 1
        base = type(inner).__name__ if isinstance(inner, SocketFactory) else "factory"
        taken = {traced.label for traced in self._traced}
        return base if base not in taken else f"{base}-{self._labels}"


def _text(failure: Any) -> str:
    return str(ffi.string(failure.text).decode(errors="replace"))


def _address_of(inner: object) -> int:
    if isinstance(inner, int):
        return inner
    try:
        return int(ffi.cast("uintptr_t", inner))
    except TypeError as error:
        what = "an address, a cffi pointer to a C4SocketFactory, or a SocketFactory object"
        raise TraceError(f"cannot wrap a {type(inner).__name__}: give {what}") from error


def _capture(text: str) -> tuple[int, int]:
    try:
        return capture_level(text)
    except ValueError as error:
        raise TraceError(str(error)) from error


def _open(name: str, litecore: object, capture: str, folder: object, segment_bytes: int, sessions: int) -> Any:
    config = ffi.new("c4trace_config *")
    kept = [ffi.new("char[]", name.encode())]
    config.size = ffi.sizeof("c4trace_config")
    config.name = kept[0]
    if isinstance(litecore, EmbeddedHost):
        config.upcalls = ffi.cast("c4t_upcalls *", litecore.table)
    elif litecore is not None:
        kept.append(ffi.new("char[]", os.fsencode(litecore)))  # type: ignore[arg-type]  # checked by fsencode itself
        config.litecore = kept[-1]
    if folder is not None:
        kept.append(ffi.new("char[]", os.fsencode(folder)))  # type: ignore[arg-type]  # likewise
        config.folder = kept[-1]
    config.segment_bytes, config.sessions = segment_bytes, sessions
    config.capture, config.capture_bytes = _capture(capture)
    tracer = ffi.new("c4trace_tracer **")
    failure = ffi.new("c4trace_failure *")
    if lib.c4trace_open(config, tracer, failure):
        raise TraceError(_text(failure))
    return tracer[0]


def _recording_segment(folder: object) -> int | None:
    """64 MiB for the rings to hold 100 ms at peak, where that is at most a quarter of the room there is."""
    wanted = 64 << 20
    place = os.fsencode(folder) if folder is not None else os.environ.get("C4TRACE_DIR") or "/dev/shm"  # type: ignore[arg-type]  # likewise
    try:
        room = os.statvfs(place)
    except OSError:
        return None
    return wanted if room.f_bavail * room.f_frsize >= 4 * wanted else None
