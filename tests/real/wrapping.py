"""How a factory gets between LiteCore and its user: not at all (raw), or through a tracer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from tests.real.litecore import LiteCore
from tests.real.upcalls import litecores_own


class Wrapping(Protocol):
    """What a scenario needs to know of tracing; `Unwrapped` is the one without any."""

    @property
    def upcalls(self) -> Mapping[str, int]:
        """The addresses at which factories reach the up-calls, by C name."""

    def wrap(self, factory: int, label: str) -> int:
        """Takes the address of a C4SocketFactory and gives the address that LiteCore is to get."""

    def report(self) -> dict[str, Any]:
        """Ends the tracing and says what was traced; called once everything has been disposed of."""


class Unwrapped:
    """LiteCore and the factories speak to each other directly."""

    def __init__(self, litecore: LiteCore) -> None:
        self.upcalls: Mapping[str, int] = litecores_own(litecore)

    def wrap(self, factory: int, label: str) -> int:  # noqa: ARG002 - a label is for tracers
        return factory

    def report(self) -> dict[str, Any]:
        return {}
