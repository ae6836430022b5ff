"""A scenario: real databases, a way between them, what is done to them, and what came of it.

Scenarios and results are plain data, because a scenario runs in a child process (see child.py).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from tests.real.counts import Counted
from tests.real.listener import Behaviour


class Way(StrEnum):
    """What lies between the client's LiteCore and the passive one."""

    LOOPBACK = "loopback"
    """Two factories in Python that hand their bytes to each other (loopback.py)."""
    PLAIN = "plain"
    """Factories in a C library that is linked to LiteCore alone (plain_factory.c)."""
    DIALER = "dialer"
    """TCP from a Python factory, framed by LiteCore, to the WebSocket listener (dialer.py, listener.py)."""
    WEBSOCKET = "websocket"
    """c4trace's WebSocket client, to the WebSocket listener (websocket.py, listener.py)."""


class Remote(StrEnum):
    """What a client that dials finds at its URL."""

    LISTENER = "listener"
    CLOSED_PORT = "closed port"
    SILENT_PORT = "silent port"


class Act(StrEnum):
    """What is done to the replicators between start and stop."""

    WAIT = "wait"
    """Nothing: one-shot replicators stop by themselves."""
    STOP_CONNECTING = "stop while connecting"
    """They are stopped once LiteCore has asked for a connection and before there is one."""
    ADD_THEN_STOP = "add documents when idle, then stop"
    """Continuous ones get the documents again, under new ids, once idle; when these have arrived, the client stops."""
    PEER_STOPS = "the peer stops"
    """Once they are idle, the passive replicators are stopped."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """What to run."""

    way: Way
    framed: bool = False
    """True: LiteCore frames byte streams; False: messages are whole. A dialer always frames."""
    acknowledge_inside_write: bool = False
    """Loopback: completedWrite comes from inside write."""
    library: str | None = None
    """Plain: the built library."""
    accepts_with_its_own: bool = False
    """Plain: the library makes serving sockets of the struct it has always had, not of the wrapped one."""
    behaviour: Behaviour = Behaviour()
    remote: Remote = Remote.LISTENER
    clients: int = 1
    """How many databases replicate at the same time, through one factory."""
    push: int = 0
    """Documents each client has to push."""
    pull: int = 0
    """Documents the peer has for the clients to pull."""
    blob_bytes: int = 0
    """Size of a blob in one document more, on the side(s) that have documents; 0: no such document."""
    continuous: bool = False
    options: dict[str, Any] = {}
    """What LiteCore gets as the replicator's options."""
    act: Act = Act.WAIT


class End(msgspec.Struct, frozen=True):
    """How one replicator ended: error domain and code (code 0: none) and the levels it went through."""

    domain: int
    code: int
    documents: int
    levels: list[str]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a scenario, as the test itself saw it."""

    version: str
    clients: list[End]
    passives: list[End]
    client: Counted
    """What the client's factory counted."""
    passive: Counted
    """What the serving factory counted; nothing where the remote is no listener."""
    documents: list[int]
    """Documents in each client's database afterwards."""
    peer_documents: int
    blobs_equal: bool
    """Whether each blob was found, byte by byte, on the side it had to get to."""
    refusals: list[int]
    """HTTP statuses of the handshakes the listener refused."""
    objects: int
    """LiteCore's objects that were alive at the end and not at the beginning."""
    problems: list[str]
    """Exceptions in callbacks and threads, wrong contexts, foreign native handles."""
    traced: dict[str, Any]
    """What the wrapping reports; empty where nothing was wrapped."""
