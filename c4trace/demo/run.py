"""One run of the demo: what it did, what it left, and whether all numbers agree."""

from __future__ import annotations

import dataclasses
import urllib.request
from collections.abc import Callable
from pathlib import Path

from c4trace.demo.drive import drive
from c4trace.demo.peer import Peer
from c4trace.demo.script import Script
from c4trace.demo.witnesses import differences, host_witness, page_witness, recording_witness
from c4trace.factories.websocket import WebSocketFactory
from c4trace.host import EmbeddedHost
from c4trace.recording.reader import open_recording
from c4trace.recording.schema import RecordingError
from c4trace.report.process import process_of
from c4trace.report.running_totals import RunningTotals
from c4trace.tracer import Tracer

__all__ = ["LOG", "PAGE", "RECORDING", "Outcome", "count", "fetch", "leave_page", "run"]

RECORDING = "recording.jsonl"
PAGE = "metrics.txt"
LOG = "log.jsonl"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of it; `complaints` is empty where everything went well and all numbers agree."""

    totals: RunningTotals
    compared: tuple[str, ...]
    complaints: tuple[str, ...]


def run(script: Script, folder: Path, sockets: int, pause: Callable[[int], object] = lambda _number: None) -> Outcome:
    """Play `script` on `sockets` sockets at once, traced, and leave recording, metrics page and log in `folder`.

    `pause` is called before every turn of the host's, with the number of the socket.

    Raises TraceError, RecordingError or OSError for a folder, a segment or a port that cannot be used.
    """
    for name in (RECORDING, PAGE, LOG):
        (folder / name).unlink(missing_ok=True)
    host = EmbeddedHost()
    try:
        with (
            Peer(script) as peer,
            WebSocketFactory() as factory,
            Tracer(
                "demo",
                litecore=host,
                record=folder / RECORDING,
                capture="full",
                metrics_port=0,
                log=folder / LOG,
            ) as tracer,
        ):
            complaints = drive(host, tracer.wrap(factory), peer.url, script, sockets, pause)
            page = fetch(tracer)
    finally:
        leaks = host.stop()
    leave_page(folder / PAGE, page)
    complaints += peer.mismatches
    if (leaks.sockets, leaks.slices, leaks.threads) != (0, 0, 0):
        complaints.append(f"the factory leaked {leaks.sockets} sockets, {leaks.slices} slices, {leaks.threads} threads")
    totals = count(folder / RECORDING)
    witnesses = (page_witness(page), host_witness(host.counts()))
    recorded = recording_witness(totals)
    for witness in witnesses:
        complaints += differences(recorded, witness)
    return Outcome(totals, (recorded.name, *(witness.name for witness in witnesses)), tuple(complaints))


def fetch(tracer: Tracer) -> str:
    """Get the metrics page as Prometheus gets it."""
    with urllib.request.urlopen(str(tracer.metrics_url), timeout=10) as response:  # noqa: S310 - the tracer's own URL
        page: bytes = response.read()
    return page.decode()


def leave_page(path: Path, page: str) -> None:
    """Write the metrics page, whole or not at all; OSError that names the file."""
    try:
        path.write_text(page)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error


def count(path: Path) -> RunningTotals:
    """Sum up a recording that must be whole."""
    with open_recording(path) as recording:
        totals = RunningTotals(process_of(recording.header, path))
        for line in recording:
            totals.feed(line)
        if recording.torn is not None:
            raise RecordingError(path, 0, f"is not whole, it {recording.torn}", "make room, or choose another folder")
    return totals
