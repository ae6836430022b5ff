"""Plays one scenario in this process, from empty databases to no LiteCore object left."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from tests.real.database import Database
from tests.real.factory import Stage
from tests.real.litecore import LiteCore, LiteCoreError
from tests.real.peer import Peer
from tests.real.replicator import Direction, Level, Mode, Replicator, Status
from tests.real.scenario import Act, End, Result, Scenario
from tests.real.ways import Between, lay
from tests.real.wrapping import Wrapping

PATIENCE: Final = 60.0
"""Seconds any one step of a scenario may take before the scenario has failed."""


def play(litecore: LiteCore, wrapping: Wrapping, folder: Path, scenario: Scenario) -> Result:
    """Runs `scenario` with its databases in `folder`; TimeoutError where it does not get on."""
    objects = litecore.object_count
    stage = Stage(litecore, wrapping, problems=[])
    remote = Database(litecore, folder, "peer")
    clients = [Database(litecore, folder, f"client{number}") for number in range(scenario.clients)]
    _fill(remote, "pull", scenario.pull, scenario.blob_bytes)
    for number, client in enumerate(clients):
        _fill(client, f"push{number}", scenario.push, scenario.blob_bytes)

    peer = Peer(remote)
    between = lay(stage, peer, scenario)
    replicators = [_replicator(client, between, scenario) for client in clients]
    for replicator in replicators:
        replicator.start()
    _act(scenario, replicators, clients, remote, peer, between)
    for replicator in replicators:
        replicator.wait_stopped(PATIENCE)
        replicator.free()
    between.close()
    passives = peer.close(PATIENCE)
    _wait(lambda: between.client.live_sockets + between.passive.live_sockets == 0, "sockets were not disposed of")

    found = _blobs_equal(scenario, remote, clients)
    documents = [client.document_count for client in clients]
    peer_documents = remote.document_count
    for database in (remote, *clients):
        database.close()
    _settle(litecore, objects)
    return Result(
        version=litecore.version,
        clients=[_end(replicator.history) for replicator in replicators],
        passives=[_end(history) for history in passives],
        client=between.client.report(),
        passive=between.passive.report(),
        documents=documents,
        peer_documents=peer_documents,
        blobs_equal=found,
        refusals=list(between.refusals),
        objects=litecore.object_count - objects,
        problems=stage.problems,
        traced=wrapping.report(),
    )


def _act(
    scenario: Scenario,
    replicators: list[Replicator],
    clients: list[Database],
    remote: Database,
    peer: Peer,
    between: Between,
) -> None:
    if scenario.act is Act.WAIT:
        return
    if scenario.act is Act.STOP_CONNECTING:
        _wait(lambda: between.client.report()["calls"].get("open") == len(replicators), "no connection was asked for")
    else:
        for replicator in replicators:
            replicator.wait_for(Level.IDLE, timeout=PATIENCE)
    if scenario.act is Act.ADD_THEN_STOP:
        _add(scenario, clients, remote)
        _quiet(between)
    if scenario.act is Act.PEER_STOPS:
        peer.stop()
    else:
        for replicator in replicators:
            replicator.stop()


def _add(scenario: Scenario, clients: list[Database], remote: Database) -> None:
    """Puts as many documents again where documents were, and waits until they are everywhere they belong."""
    _fill(remote, "later-pull", scenario.pull, 0)
    for number, client in enumerate(clients):
        _fill(client, f"later-push{number}", scenario.push, 0)
    blobs = bool(scenario.blob_bytes)
    pushed = (2 * scenario.push + blobs) if scenario.push else 0
    pulled = (2 * scenario.pull + blobs) if scenario.pull else 0
    at_peer = pulled + len(clients) * pushed
    _wait(lambda: remote.document_count == at_peer, "later documents were not pushed")
    _wait(
        lambda: all(client.document_count >= pushed + pulled for client in clients), "later documents were not pulled"
    )


def _quiet(between: Between) -> None:
    """Waits until nothing passes any more: a replicator that is stopped before loses its last answers (C4S-036)."""
    last, since = None, 0.0

    def unchanged() -> bool:
        nonlocal last, since
        now = (between.client.report(), between.passive.report())
        if now != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since > 0.3

    _wait(unchanged, "the replicators did not come to rest")


def _replicator(database: Database, between: Between, scenario: Scenario) -> Replicator:
    active = Mode.CONTINUOUS if scenario.continuous else Mode.ONE_SHOT
    direction = Direction(
        push=active if scenario.push else Mode.DISABLED,
        pull=active if scenario.pull else Mode.DISABLED,
        options=scenario.options,
    )
    return Replicator.connecting(database, direction, between.url, between.client.address)


def _fill(database: Database, prefix: str, number: int, blob_bytes: int) -> None:
    if number:
        database.put(_documents(prefix, number))
        if blob_bytes:
            database.put_with_blob(f"{prefix}-blob", _content(blob_bytes))


def _documents(prefix: str, number: int) -> Iterator[tuple[str, dict[str, Any]]]:
    for i in range(number):
        yield f"{prefix}-{i}", {"number": i, "text": f"document {i} of {number}", "list": [i, i / 7, None, True]}


def _content(size: int) -> bytes:
    return random.Random(size).randbytes(size)  # noqa: S311 - content, not a secret


def _blobs_equal(scenario: Scenario, remote: Database, clients: list[Database]) -> bool:
    if not scenario.blob_bytes:
        return True
    content = _content(scenario.blob_bytes)
    pushed = range(len(clients)) if scenario.push else ()
    pulling = clients if scenario.pull else ()
    return all(_holds(remote, f"push{number}-blob", content) for number in pushed) and all(
        _holds(client, "pull-blob", content) for client in pulling
    )


def _holds(database: Database, identifier: str, content: bytes) -> bool:
    try:
        return database.blob(identifier) == content
    except LiteCoreError:  # the document has not arrived
        return False


def _end(history: list[Status]) -> End:
    last = history[-1]
    return End(last.error.domain, last.error.code, last.documents, [status.level.name for status in history])


def _wait(reached: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + PATIENCE
    while not reached():
        if time.monotonic() > end:
            raise TimeoutError(f"{otherwise} within {PATIENCE} s")
        time.sleep(0.005)


def _settle(litecore: LiteCore, objects: int) -> None:
    """Gives LiteCore's threads a moment to let go of their last objects; what stays is for the test to judge."""
    end = time.monotonic() + 5
    while litecore.object_count > objects and time.monotonic() < end:
        time.sleep(0.005)
