"""One run: documents and a blob in each of two databases, replicated both ways through a traced WebSocketFactory."""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

from c4trace.demo.litecore.database import Database
from c4trace.demo.litecore.library import LiteCore
from c4trace.demo.litecore.replicator import Replicator
from c4trace.demo.litecore.server import DatabaseServer
from c4trace.demo.run import LOG, PAGE, RECORDING, Outcome, count, fetch, leave_page
from c4trace.demo.witnesses import Witness, differences, page_witness, recording_witness
from c4trace.events import EventKind, SessionState
from c4trace.factories.websocket import WebSocketFactory
from c4trace.tracer import Tracer

__all__ = ["DOCUMENTS", "replicate"]

DOCUMENTS = 500  # on each side, besides one with a blob
BLOB = 256 * 1024
PATIENCE = 60.0


def replicate(path: str | os.PathLike[str], folder: Path) -> Outcome:
    """Replicate with the LiteCore at `path`, traced, and leave recording, metrics page and log in `folder`.

    Raises TraceError, RecordingError or OSError for a LiteCore, a folder or a segment that cannot be used.
    """
    litecore = LiteCore(path)
    for name in (RECORDING, PAGE, LOG):
        (folder / name).unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="c4trace-demo-") as databases:
        ours, theirs = (_filled(litecore, Path(databases), side) for side in ("client", "peer"))
        complaints, page, peer = _traced(path, ours, theirs, folder)
        for side, database in (("client", ours), ("peer", theirs)):
            if database.document_count != 2 * (DOCUMENTS + 1):
                complaints.append(f"the {side} has {database.document_count} documents, not {2 * (DOCUMENTS + 1)}")
            database.close()
    leave_page(folder / PAGE, page)
    totals = count(folder / RECORDING)
    recorded = recording_witness(totals)
    witnesses = (page_witness(page), peer)
    for witness in witnesses:
        complaints += differences(recorded, witness)
    return Outcome(totals, (recorded.name, *(witness.name for witness in witnesses)), tuple(complaints))


def _filled(litecore: LiteCore, folder: Path, side: str) -> Database:
    database = Database(litecore, folder, side)
    database.put(
        (f"{side}-{i}", {"number": i, "text": f"document {i} of the {side}", "list": [i, i / 7, None, True]})
        for i in range(DOCUMENTS)
    )
    database.put_blob(f"{side}-blob", random.Random(side).randbytes(BLOB))  # noqa: S311 - content, no secret
    return database


def _traced(
    path: str | os.PathLike[str], ours: Database, theirs: Database, folder: Path
) -> tuple[list[str], str, Witness]:
    with (
        DatabaseServer(theirs) as server,
        WebSocketFactory() as factory,
        Tracer(
            "demo", litecore=path, record=folder / RECORDING, capture="full", metrics_port=0, log=folder / LOG
        ) as tracer,
    ):
        replicator = Replicator.connecting(ours, server.url, tracer.wrap(factory).address)
        replicator.start()
        complaints = [said for said in (replicator.wait_stopped(PATIENCE),) if said]
        replicator.free()
        complaints += server.end(PATIENCE)
        _wait_disposed(tracer)
        return complaints, fetch(tracer), _witness(server)


def _witness(server: DatabaseServer) -> Witness:
    """What the peer has counted: it got what we wrote, and sent what we received."""
    (got, got_bytes), (sent, sent_bytes) = server.received, server.sent
    known = frozenset({EventKind.write.name, EventKind.received.name})
    sizes = Counter(write=got_bytes, received=sent_bytes)
    return Witness("peer", Counter(write=got, received=sent), sizes, known=known)


def _wait_disposed(tracer: Tracer) -> None:
    """LiteCore disposes of sockets a moment after their replicator has stopped."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        (factory,) = tracer.snapshot().factories
        if not any(n for state, n in factory.states.items() if state is not SessionState.disposed):
            return
        time.sleep(0.01)
