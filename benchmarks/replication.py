"""What tracing costs a host: a real LiteCore pushes documents, traced and not, turn about.

Over the loopback (client and peer in one process, factories in C, whole messages) and over a WebSocket to another
process (c4trace's own factory, in Python). The sides:

    untraced    LiteCore and the factories alone
    thread      traced, with a metrics page, a log and a recording, collected in a thread of the host
    process     the same, collected in a process of its own
    own         what c4trace takes of the host's CPU time by its own account, collected in a thread

CPU time is that of the host process with all its threads. Needs `make litecore`.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.harness import Bench, interleave
from benchmarks.replicate import Collected, Order, Run, Spent, carry_out, checked
from benchmarks.results import Results
from tests.real.litecore import PATH
from tests.real.plain import Linking, build
from tests.real.serve import serving

LOOPBACK: Final = "loopback"
WEBSOCKET: Final = "WebSocket"
UNTRACED: Final = "untraced"
SIDES: Final[dict[str, Collected]] = {UNTRACED: "", "thread": "thread", "process": "process"}


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """`websocket_documents` go over the WebSocket, and as many as `documents` over the loopback."""

    repetitions: int
    documents: int
    websocket_documents: int
    document_bytes: int
    capture: str = "headers"


FULL: Final = Sizes(repetitions=8, documents=10_000, websocket_documents=10_000, document_bytes=1000)
TINY: Final = Sizes(repetitions=2, documents=50, websocket_documents=50, document_bytes=1000)


def measure(sizes: Sizes) -> Results:
    """Both ways; of every traced repetition all numbers are compared with the factories' own."""
    bench = Bench("replication", base=UNTRACED)
    if not PATH.exists():
        for side in SIDES:
            bench.miss(side, "there is no LiteCore: make litecore")
        return bench.results()
    events: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as libraries:
        library = str(build(Path(libraries), Linking.NOW))
        sides = {(LOOPBACK, name): partial(_loopback, sizes, side, library, events) for name, side in SIDES.items()}
        for name in (UNTRACED, "thread"):
            sides[WEBSOCKET, name] = partial(_websocket, sizes, SIDES[name], events)
        measured = interleave(sides, sizes.repetitions)
    for way in (LOOPBACK, WEBSOCKET):
        for name in ("cpu", "wall"):
            for side in SIDES:
                if spent := measured.get((way, side)):
                    bench.add(side, f"{way}, {name.replace('cpu', 'CPU')}", "s", [getattr(one, name) for one in spent])
        bench.add("own", f"{way}, CPU", "s", [one.own for one in measured[way, "thread"]])
    return bench.results(
        documents=sizes.documents,
        WebSocket_documents=sizes.websocket_documents,
        document_bytes=sizes.document_bytes,
        capture=sizes.capture,
        **{f"{way}_events": count for way, count in events.items()},
    )


def _loopback(sizes: Sizes, collect_in: Collected, library: str, events: dict[str, int]) -> Spent:
    with tempfile.TemporaryDirectory() as folder:
        order = Order(
            collect_in=collect_in,
            documents=sizes.documents,
            document_bytes=sizes.document_bytes,
            capture=sizes.capture,
            library=library,
            folder=folder,
        )
        return _spent(carry_out(order), LOOPBACK, events)


def _websocket(sizes: Sizes, collect_in: Collected, events: dict[str, int]) -> Spent:
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as remote:
        with serving(Path(remote)) as peer:
            order = Order(
                collect_in=collect_in,
                documents=sizes.websocket_documents,
                document_bytes=sizes.document_bytes,
                capture=sizes.capture,
                url=peer.places.push,
                folder=folder,
            )
            run = carry_out(order)
            served = peer.end()
        assert (served.documents, served.problems) == (sizes.websocket_documents, [])
        return _spent(run, WEBSOCKET, events)


def _spent(run: Run, way: str, events: dict[str, int]) -> Spent:
    events[way] = checked(run) or events.get(way, 0)
    return run.spent
