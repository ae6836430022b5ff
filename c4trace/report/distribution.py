"""How long something took, many times: exact count, sum and longest, quantiles to 1/16 octave, in constant memory."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable

from c4trace.segment.snapshot import BUCKET_BOUNDS

__all__ = ["Distribution"]

_BOUNDS_NS = tuple(round(bound * 1e9) for bound in BUCKET_BOUNDS)
_FINE = 16  # buckets an octave, as in the segment


class Distribution:
    """Durations in nanoseconds; `classic` counts them by BUCKET_BOUNDS, `fine` by log-linear buckets."""

    __slots__ = ("classic", "fine", "longest", "longest_sid", "n", "total")

    def __init__(self) -> None:
        self.n = 0
        self.total = 0
        self.longest = 0
        self.longest_sid = 0
        self.classic = [0] * (len(_BOUNDS_NS) + 1)
        self.fine: dict[int, int] = {}

    def add(self, ns: int, sid: int) -> None:
        """Count one duration of session `sid`; below zero (clocks of two cores) counts as zero."""
        ns = max(ns, 0)
        self.n += 1
        self.total += ns
        if ns >= self.longest:
            self.longest, self.longest_sid = ns, sid
        self.classic[bisect.bisect_left(_BOUNDS_NS, ns)] += 1
        bucket = _fine_bucket(ns)
        self.fine[bucket] = self.fine.get(bucket, 0) + 1

    @classmethod
    def merged(cls, parts: Iterable[Distribution]) -> Distribution:
        """Give what counting all of `parts` in one would have given."""
        whole = cls()
        for part in parts:
            whole.n += part.n
            whole.total += part.total
            if part.n and part.longest >= whole.longest:
                whole.longest, whole.longest_sid = part.longest, part.longest_sid
            whole.classic = [a + b for a, b in zip(whole.classic, part.classic, strict=True)]
            for bucket, n in part.fine.items():
                whole.fine[bucket] = whole.fine.get(bucket, 0) + n
        return whole

    def quantile(self, q: float) -> int | None:
        """Give the ns that the share `q` of all did not exceed (at most 1/16 too long); None without any."""
        if not self.n:
            return None
        rank = max(1, math.ceil(q * self.n))
        for bucket in sorted(self.fine):
            rank -= self.fine[bucket]
            if rank <= 0:
                return min(_fine_upper(bucket), self.longest)
        return self.longest


def _fine_bucket(ns: int) -> int:
    if ns < _FINE:
        return ns
    exponent = ns.bit_length() - 1
    return _FINE * (exponent - 3) + ((ns >> (exponent - 4)) & (_FINE - 1))


def _fine_upper(bucket: int) -> int:
    """Give the largest duration that falls into the bucket."""
    if bucket < _FINE:
        return bucket
    shift = bucket // _FINE - 1
    return ((_FINE + bucket % _FINE + 1) << shift) - 1
