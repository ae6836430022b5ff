"""A host with a real LiteCore, traced: python -m tests.dashboards.litecore_host clean|faulty FOLDER.

It says where its metrics are, and goes on until it is ended. `clean` replicates again and again through a
WebSocketFactory; `faulty` has replicators on factories that never acknowledge and never close.
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
from pathlib import Path

from c4trace import Tracer
from c4trace.demo.litecore.database import Database
from c4trace.demo.litecore.library import LiteCore
from c4trace.demo.litecore.replicator import Replicator
from c4trace.demo.litecore.server import DatabaseServer
from c4trace.factories import WebSocketFactory
from dashboards.faults import NeverAcknowledges, NeverCloses
from tests.real.litecore import PATH

PATIENCE = 60.0
NOWHERE = "ws://db.example:4984/db"


def clean(folder: Path) -> None:
    """Push and pull new documents, by a replicator that runs once, again and again."""
    litecore = LiteCore(PATH)
    ours, theirs = (Database(litecore, folder, name) for name in ("client", "peer"))
    with (
        DatabaseServer(theirs) as server,
        WebSocketFactory() as factory,
        Tracer("litecore", litecore=PATH, metrics_port=0) as tracer,
    ):
        traced = tracer.wrap(factory)
        print(tracer.metrics_url, flush=True)
        for number in itertools.count():
            for database, name in ((ours, "client"), (theirs, "peer")):
                database.put((f"{name}-{number}-{i}", {"number": i, "text": "x" * 100 * i}) for i in range(10))
            replicator = Replicator.connecting(ours, server.url, traced.address)
            replicator.start()
            complaints = [replicator.wait_stopped(PATIENCE), *server.end(PATIENCE)]
            replicator.free()
            if any(complaints):
                sys.exit(f"round {number}: {complaints}")
            time.sleep(0.3)


def faulty(folder: Path) -> None:
    """Start a replicator on each faulty factory; that of the second is then asked to stop."""
    litecore = LiteCore(PATH)
    tracer = Tracer("faulty", litecore=PATH, metrics_port=0)
    replicators = []
    for label, factory in (("never-acknowledges", NeverAcknowledges()), ("never-closes", NeverCloses())):
        database = Database(litecore, folder, label)
        database.put([("document", {"number": 1})])
        replicators.append(Replicator.connecting(database, NOWHERE, tracer.wrap(factory, factory=label).address))
        replicators[-1].start()
    print(tracer.metrics_url, flush=True)
    replicators[-1].stop()
    threading.Event().wait()


if __name__ == "__main__":
    {"clean": clean, "faulty": faulty}[sys.argv[1]](Path(sys.argv[2]))
