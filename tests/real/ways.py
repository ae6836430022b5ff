"""The ways between two LiteCores, each with the same face: a URL, a client factory, and both sides' counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from tests.real.counts import Counted
from tests.real.dialer import Dialer
from tests.real.factory import Stage
from tests.real.listener import ClosedPort, Listener, SilentPort
from tests.real.loopback import URL as LOOPBACK_URL
from tests.real.loopback import Loopback, Manner
from tests.real.peer import Peer
from tests.real.plain import URL as PLAIN_URL
from tests.real.plain import Plain
from tests.real.scenario import Remote, Scenario, Way
from tests.real.websocket import WebSocketClient


class Side(Protocol):
    """One factory as LiteCore gets it, and what it counts of itself."""

    @property
    def address(self) -> int:
        """The address of the C4SocketFactory for LiteCore."""

    @property
    def live_sockets(self) -> int:
        """Sockets not yet disposed of."""

    def report(self) -> Counted:
        """The counts so far."""


class Between(Protocol):
    """A way, laid: what connects the clients to the peer."""

    url: str
    client: Side
    passive: Side

    @property
    def refusals(self) -> list[int]:
        """The HTTP statuses of refused handshakes."""

    def close(self) -> None:
        """Stops what listens; called when the clients have stopped."""


class LoopbackWay:
    """Two Python factories in one process."""

    def __init__(self, stage: Stage, peer: Peer, scenario: Scenario) -> None:
        manner = Manner(framed=scenario.framed, acknowledge_inside_write=scenario.acknowledge_inside_write)
        loopback = Loopback(stage, peer, manner)
        self.url = LOOPBACK_URL
        self.client: Side = loopback.client
        self.passive: Side = loopback.passive
        self.refusals: list[int] = []

    def close(self) -> None:
        """Nothing listens."""


class PlainWay:
    """Two C factories in one process."""

    def __init__(self, stage: Stage, peer: Peer, scenario: Scenario) -> None:
        if scenario.library is None:
            raise ValueError("a plain way needs its library")
        self._plain = Plain(stage, peer, Path(scenario.library), framed=scenario.framed)
        if not scenario.accepts_with_its_own:
            self._plain.accept_wrapped()
        self.url = PLAIN_URL
        self.client: Side = self._plain.client
        self.passive: Side = self._plain.passive
        self.refusals: list[int] = []

    def close(self) -> None:
        """Nothing listens."""
        self._plain.check()


class DialerWay:
    """TCP to a WebSocket listener, or to a port without one."""

    def __init__(self, stage: Stage, peer: Peer, scenario: Scenario) -> None:
        self._listener = Listener(stage, peer, scenario.behaviour)
        self._port = PORTS[scenario.remote]()
        self.url = self._port.url if self._port else self._listener.url
        self.client: Side = self._make_client(stage)
        self.passive: Side = self._listener.passive
        self.refusals = self._listener.refusals

    def close(self) -> None:
        """Stops listening."""
        if self._port:
            self._port.close()
        self._listener.close()

    def _make_client(self, stage: Stage) -> Side:
        return Dialer(stage)


class WebSocketWay(DialerWay):
    """The same with c4trace's own WebSocket client."""

    def close(self) -> None:
        """Stops listening and ends the client's thread."""
        super().close()
        self._websocket.close()

    def _make_client(self, stage: Stage) -> Side:
        self._websocket = WebSocketClient(stage)
        return self._websocket


PORTS: Final[dict[Remote, Callable[[], ClosedPort | SilentPort | None]]] = {
    Remote.LISTENER: lambda: None,
    Remote.CLOSED_PORT: ClosedPort,
    Remote.SILENT_PORT: SilentPort,
}
"""What clients dial in place of the listener."""

WAYS: Final[dict[Way, Callable[[Stage, Peer, Scenario], Between]]] = {
    Way.LOOPBACK: LoopbackWay,
    Way.PLAIN: PlainWay,
    Way.DIALER: DialerWay,
    Way.WEBSOCKET: WebSocketWay,
}


def lay(stage: Stage, peer: Peer, scenario: Scenario) -> Between:
    """Makes the scenario's way to `peer`."""
    return WAYS[scenario.way](stage, peer, scenario)
