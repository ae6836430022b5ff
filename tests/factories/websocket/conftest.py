"""A server side, a factory, and sockets that hold it to the contract."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from c4trace.factories.websocket import WebSocketFactory
from tests.factories.websocket.backstage import Backstage
from tests.factories.websocket.certificates import Certificates
from tests.factories.websocket.recorder import RecordingSocket


@pytest.fixture
def backstage() -> Iterator[Backstage]:
    backstage = Backstage()
    yield backstage
    backstage.close()


SocketMaker = Callable[..., RecordingSocket]


@pytest.fixture
def new_socket(backstage: Backstage) -> Iterator[SocketMaker]:  # noqa: ARG001  # its servers outlive the factories
    """Makes sockets, each of a factory of its own unless one is given; all must keep the contract to the end."""
    factories: list[WebSocketFactory] = []
    sockets: list[RecordingSocket] = []

    def make(factory: WebSocketFactory | None = None, **settings: Any) -> RecordingSocket:
        role = {name: settings.pop(name) for name in ("acknowledges", "answers_close") if name in settings}
        if factory is None:
            factory = WebSocketFactory(**settings)
            factories.append(factory)
        sockets.append(RecordingSocket(factory, **role))
        return sockets[-1]

    yield make
    for factory in factories:
        factory.shutdown()
        assert not [thread for thread in threading.enumerate() if thread is factory._thread]
    for socket in sockets:
        assert socket.breaches == []
        assert socket.count("closed") <= 1


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder: Path = tmp_path_factory.mktemp("certificates")
    return Certificates(folder)
