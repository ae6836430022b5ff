"""How a factory gets between LiteCore and its user: not at all (raw), or through a tracer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from c4trace.factories import SocketFactory
from c4trace.factories.bridge import bridge
from tests.real.litecore import LiteCore
from tests.real.upcalls import EVERYTHING, litecores_own


class Wrapping(Protocol):
    """What a scenario needs to know of tracing; `Unwrapped` is the one without any."""

    @property
    def upcalls(self) -> Mapping[str, int]:
        """The addresses at which factories reach the up-calls, by C name."""

    def wrap(self, factory: int, label: str) -> int:
        """Takes the address of a C4SocketFactory and gives the address that LiteCore is to get."""

    def wrap_object(self, factory: SocketFactory, label: str) -> int:
        """The same for a factory that is written in Python against c4trace."""

    def report(self) -> dict[str, Any]:
        """Ends the tracing and says what was traced; called once everything has been disposed of."""


class Unwrapped:
    """LiteCore and the factories speak to each other directly."""

    def __init__(self, litecore: LiteCore) -> None:
        self._litecore = litecore
        self.upcalls: Mapping[str, int] = litecores_own(litecore)

    def wrap(self, factory: int, label: str) -> int:  # noqa: ARG002 - a label is for tracers
        return factory

    def wrap_object(self, factory: SocketFactory, label: str) -> int:  # noqa: ARG002 - as above
        return bridge(factory, litecores_own(self._litecore, EVERYTHING), factory_size=64).address

    def report(self) -> dict[str, Any]:
        return {}
