from __future__ import annotations

import bisect
import math

from hypothesis import given
from hypothesis import strategies as st

from c4trace.report.distribution import Distribution
from c4trace.segment.snapshot import BUCKET_BOUNDS

DURATIONS = st.lists(st.integers(0, 10**13), min_size=1, max_size=60)


def counted(durations: list[int]) -> Distribution:
    distribution = Distribution()
    for sid, ns in enumerate(durations):
        distribution.add(ns, sid)
    return distribution


@given(DURATIONS, st.floats(0, 1))
def test_a_quantile_is_never_too_short_and_at_most_a_sixteenth_too_long(durations: list[int], q: float) -> None:
    exact = sorted(durations)[max(math.ceil(q * len(durations)), 1) - 1]
    found = counted(durations).quantile(q)
    assert found is not None
    assert exact <= found <= exact * 17 / 16


@given(DURATIONS)
def test_count_sum_and_longest_are_exact(durations: list[int]) -> None:
    distribution = counted(durations)
    assert (distribution.n, distribution.total, distribution.longest) == (
        len(durations),
        sum(durations),
        max(durations),
    )
    assert durations[distribution.longest_sid] == max(durations)


@given(DURATIONS)
def test_classic_buckets_count_values_up_to_their_bound(durations: list[int]) -> None:
    expected = [0] * (len(BUCKET_BOUNDS) + 1)
    for ns in durations:
        expected[bisect.bisect_left([round(bound * 1e9) for bound in BUCKET_BOUNDS], ns)] += 1
    assert counted(durations).classic == expected


@given(DURATIONS, DURATIONS)
def test_merging_gives_what_counting_together_gives(some: list[int], others: list[int]) -> None:
    merged, together = Distribution.merged([counted(some), counted(others)]), counted(some + others)
    assert (merged.n, merged.total, merged.longest) == (together.n, together.total, together.longest)
    assert (merged.classic, merged.fine) == (together.classic, together.fine)


def test_without_values_there_is_no_quantile() -> None:
    assert Distribution().quantile(0.5) is None


def test_a_negative_duration_counts_as_zero() -> None:
    assert counted([-5]).quantile(1) == 0
