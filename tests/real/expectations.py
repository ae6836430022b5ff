"""What must be true of a scenario's result, raw and traced alike (facts measured on LiteCore 3.0.0)."""

from __future__ import annotations

from tests.real.counts import Counted
from tests.real.scenario import Result


def nothing_went_wrong(result: Result) -> None:
    """No callback raised, every context and handle was the factory's own, and no LiteCore object is left."""
    assert result.problems == []
    assert result.objects == 0


def ended_well(result: Result) -> None:
    """Every replicator stopped without an error."""
    assert [(end.domain, end.code) for end in (*result.clients, *result.passives)] == [(0, 0)] * (
        len(result.clients) + len(result.passives)
    )


def lived_once(side: Counted, sessions: int, *, opened: int | None = None) -> None:
    """Each of `sessions` sockets was opened, closed and disposed of once; `opened` of them (all) really opened."""
    calls = side["calls"]
    assert {name: calls.get(name, 0) for name in ("open", "opened", "closed", "dispose")} == {
        "open": sessions,
        "opened": sessions if opened is None else opened,
        "closed": sessions,
        "dispose": sessions,
    }


def acknowledged(side: Counted, *, framed: bool) -> None:
    """All that was written was said to be, and all that was received was processed: in bytes, and in numbers too.

    Of a byte stream LiteCore acknowledges frames and payloads apart: there only the bytes of what was received match.
    """
    calls, size = side["calls"], side["bytes"]
    assert (calls["write"], size["write"]) == (calls["completedWrite"], size["completedWrite"])
    assert size["received"] == size["completedReceive"]
    if not framed:
        assert calls["received"] == calls["completedReceive"]


def mirrored(one: Counted, other: Counted, *, framed: bool) -> None:
    """What one side wrote the other received; of whole messages the numbers match as well."""
    for writer, reader in ((one, other), (other, one)):
        assert writer["bytes"]["write"] == reader["bytes"]["received"]
        if not framed:
            assert writer["calls"]["write"] == reader["calls"]["received"]
