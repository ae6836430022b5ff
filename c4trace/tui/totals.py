"""Totals over all processes in sight, with their rates and what these were."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter, deque
from collections.abc import Mapping

from c4trace.events import SessionState
from c4trace.segment.look import OVER, ProcessLook

__all__ = ["Meter", "Totals"]

_SAMPLE_S = 0.45  # as in segment/watch.c
_RATE_OVER_S = 0.9
_SAMPLES = 33


@dataclasses.dataclass(frozen=True, slots=True)
class Totals:
    """Counts since each process began; rates a second over about the last one, None where they are not known yet.

    `written_rates` and `received_rates` are those of the last samples, about half a second each, the latest last.
    """

    states: Mapping[SessionState, int]
    sessions: int
    calls: int
    up_calls: int
    written: int
    received: int
    lost: Mapping[str, int]
    orphans: int
    overhead: float | None
    """Seconds that c4trace itself takes of each second, over all threads of the hosts."""
    calls_rate: float | None
    up_calls_rate: float | None
    written_rate: float | None
    received_rate: float | None
    written_rates: tuple[float, ...]
    received_rates: tuple[float, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class _Counts:
    now: float
    calls: int
    up_calls: int
    written: int
    received: int
    overhead: float


class Meter:
    """Give `add` every look; the sources it no longer names are forgotten."""

    def __init__(self) -> None:
        self._samples: dict[int, deque[_Counts]] = {}

    def add(self, looks: Mapping[int, ProcessLook]) -> Totals:
        """Sum up this look."""
        for source in self._samples.keys() - looks.keys():
            del self._samples[source]
        rates: list[_Rate] = []
        histories: list[list[tuple[float, float]]] = []
        for source, look in looks.items():
            counts = _Counts(look.now, look.calls, look.up_calls, look.written, look.received, look.overhead_seconds)
            samples = self._samples.setdefault(source, deque(maxlen=_SAMPLES))
            rate = None if look.process.state in OVER else _rate(samples, counts)
            if not samples or counts.now - samples[-1].now >= _SAMPLE_S:
                samples.append(counts)
            histories.append(_history(samples))
            if rate is not None:
                rates.append(rate)
        return _totals(looks, rates, histories)


@dataclasses.dataclass(frozen=True, slots=True)
class _Rate:
    calls: float
    up_calls: float
    written: float
    received: float
    overhead: float


def _rate(samples: deque[_Counts], counts: _Counts) -> _Rate | None:
    base = next((one for one in reversed(samples) if counts.now - one.now >= _RATE_OVER_S), None)
    base = base or (samples[0] if samples else None)
    if base is None or counts.now <= base.now:
        return None
    seconds = counts.now - base.now
    return _Rate(
        calls=(counts.calls - base.calls) / seconds,
        up_calls=(counts.up_calls - base.up_calls) / seconds,
        written=(counts.written - base.written) / seconds,
        received=(counts.received - base.received) / seconds,
        overhead=(counts.overhead - base.overhead) / seconds,
    )


def _history(samples: deque[_Counts]) -> list[tuple[float, float]]:
    """Written and received, a second, between each two samples."""
    return [
        ((after.written - before.written) / seconds, (after.received - before.received) / seconds)
        for before, after in itertools.pairwise(samples)
        if (seconds := after.now - before.now) > 0
    ]


def _totals(looks: Mapping[int, ProcessLook], rates: list[_Rate], histories: list[list[tuple[float, float]]]) -> Totals:
    states: Counter[SessionState] = Counter()
    lost: Counter[str] = Counter()
    for look in looks.values():
        states.update(look.states)
        lost.update(look.lost)
    longest = max((len(history) for history in histories), default=0)
    padded = [[(0.0, 0.0)] * (longest - len(history)) + history for history in histories]
    return Totals(
        states=states,
        sessions=sum(look.sessions for look in looks.values()),
        calls=sum(look.calls for look in looks.values()),
        up_calls=sum(look.up_calls for look in looks.values()),
        written=sum(look.written for look in looks.values()),
        received=sum(look.received for look in looks.values()),
        lost={reason: n for reason, n in lost.items() if n},
        orphans=sum(look.orphans for look in looks.values()),
        overhead=sum(rate.overhead for rate in rates) if rates else None,
        calls_rate=sum(rate.calls for rate in rates) if rates else None,
        up_calls_rate=sum(rate.up_calls for rate in rates) if rates else None,
        written_rate=sum(rate.written for rate in rates) if rates else None,
        received_rate=sum(rate.received for rate in rates) if rates else None,
        written_rates=tuple(sum(history[i][0] for history in padded) for i in range(longest)),
        received_rates=tuple(sum(history[i][1] for history in padded) for i in range(longest)),
    )
