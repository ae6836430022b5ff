"""The passive side: a database that answers every connection with a passive replicator of its own."""

from __future__ import annotations

import threading

from tests.real.abi import CData
from tests.real.database import Database
from tests.real.replicator import Replicator, Status


class Peer:
    """Serves one database to any number of connections, from any thread."""

    def __init__(self, database: Database) -> None:
        """Opens its own handle to `database`."""
        self._database = database.again()
        self._lock = threading.Lock()
        self._replicators: list[Replicator] = []

    def serve(self, socket: CData) -> None:
        """Starts a passive replicator on a socket from fromNative; LiteCore then calls the factory's open."""
        with self._lock:
            replicator = Replicator.serving(self._database, socket)
            self._replicators.append(replicator)
        replicator.start()

    def stop(self) -> None:
        """Makes every passive replicator stop: the peer closes its connections."""
        with self._lock:
            serving = list(self._replicators)
        for replicator in serving:
            replicator.stop()

    def close(self, timeout: float = 30) -> list[list[Status]]:
        """Waits until every passive replicator has stopped, frees all, and returns what each went through."""
        with self._lock:
            for replicator in self._replicators:
                replicator.wait_stopped(timeout)
            histories = [replicator.history for replicator in self._replicators]
            for replicator in self._replicators:
                replicator.free()
            self._replicators.clear()
            self._database.close()
        return histories
