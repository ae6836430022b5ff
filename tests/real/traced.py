"""The wrapping with a tracer: every factory is wrapped under its label, and everything c4trace says is kept."""

from __future__ import annotations

import shutil
import threading
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

import c4trace
from c4trace.factories import SocketFactory
from c4trace.segment.snapshot import Snapshot
from tests.real.abi import ffi
from tests.real.litecore import LiteCore
from tests.real.slots import Slot, library_of, slots_of

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
SEGMENT = "segment"
"""The file that a copy of the segment is left in."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What c4trace said of one scenario."""

    recording: str
    log: str
    metrics: str
    """The page, in Prometheus' classic text."""
    openmetrics: str
    upcalls: dict[str, str]
    """How each factory's up-calls were seen, by label."""
    in_flight: int
    """Threads that were still inside a call, by the last snapshot."""
    orphans: int
    lost: dict[str, int]
    slots: dict[str, list[list[Slot]]]
    """By wrapped library: its references to c4socket_ functions before wrapping, while traced, and after close."""


class Traced:
    """One tracer around all factories of a scenario, with a recording, a log and a metrics page."""

    def __init__(
        self,
        litecore: LiteCore,
        folder: Path,
        *,
        name: str = "real",
        capture: str = "headers",
        collect_in: Literal["thread", "process"] = "thread",
        recording: str = "recording.jsonl",
    ) -> None:
        """Opens the tracer; `folder` gets its files, and a copy of its segment at the end."""
        self._folder = folder
        self._recording = folder / recording
        self._tracer = c4trace.Tracer(
            name=name,
            litecore=litecore.path,
            record=self._recording,
            capture=capture,
            metrics_port=0,
            log=folder / "log.jsonl",
            collect_in=collect_in,
        )
        self._traced: dict[str, c4trace.Traced] = {}
        self._slots: dict[str, list[list[Slot]]] = {}
        self.upcalls: Mapping[str, int] = self._tracer.upcalls

    @property
    def segment_path(self) -> Path:
        """The segment's file, as long as the tracer is open."""
        return self._tracer.segment_path

    def wrap(self, factory: int, label: str) -> int:
        """Wraps by the address alone; a factory that no library contains makes its up-calls through `upcalls`."""
        library = library_of(int(ffi.cast("uintptr_t", ffi.cast("C4SocketFactory *", factory).open)))
        if library is not None and library not in self._slots:
            self._slots[library] = [slots_of(library)]
        traced = self._tracer.wrap(factory, factory=label)
        if library is None:
            self._tracer.uses_table(traced)
        self._traced[label] = traced
        return traced.address

    def wrap_object(self, factory: SocketFactory, label: str) -> int:
        """Wraps a factory in Python; the tracer itself gives it the up-calls."""
        traced = self._traced[label] = self._tracer.wrap(factory, factory=label)
        return traced.address

    def report(self) -> dict[str, Any]:
        """Closes the tracer, after a last look at all it shows."""
        report = self.last_look()
        shutil.copyfile(self._tracer.segment_path, self._folder / SEGMENT)
        self.close()
        for library, looks in self._slots.items():
            looks.append(slots_of(library))
        found: dict[str, Any] = msgspec.to_builtins(report)
        return found

    def last_look(self) -> Report:
        """All that the tracer shows while it is open."""
        for library, looks in self._slots.items():
            looks.append(slots_of(library))
        snapshot = self._tracer.snapshot()
        return Report(
            recording=str(self._recording),
            log=str(self._folder / "log.jsonl"),
            metrics=self._scrape("text/plain"),
            openmetrics=self._scrape(OPENMETRICS),
            upcalls={label: traced.upcalls for label, traced in self._traced.items()},
            in_flight=len(snapshot.in_flight),
            orphans=snapshot.orphans,
            lost=dict(snapshot.lost),
            slots=self._slots,
        )

    def close(self) -> None:
        """Stops tracing; all that was traced is then in the files."""
        self._tracer.close()

    def _scrape(self, accepted: str) -> str:
        assert self._tracer.metrics_url
        request = urllib.request.Request(self._tracer.metrics_url, headers={"Accept": accepted})  # noqa: S310 - http
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - as above
            text: bytes = response.read()
        return text.decode()


class Interrupted(Traced):
    """A tracer that is closed while its factories are in use."""

    CLOSED_AFTER = 300
    """Calls and up-calls."""

    def __init__(self, litecore: LiteCore, folder: Path) -> None:
        """Opens the tracer; a thread waits for the moment to close it."""
        super().__init__(litecore, folder, capture="full")
        self._ending = threading.Thread(target=self._end)
        self._ending.start()

    def report(self) -> dict[str, Any]:
        """Says how many calls had been counted when the tracer was closed."""
        self._ending.join()
        return {"counted": _events_in(self._tracer.snapshot())}

    def _end(self) -> None:
        while _events_in(self._tracer.snapshot()) < self.CLOSED_AFTER:
            time.sleep(0.001)
        self.close()


def _events_in(snapshot: Snapshot) -> int:
    return sum(cell.n for factory in snapshot.factories for cell in factory.events.values())
