"""One thing the doctor has looked at."""

from __future__ import annotations

import enum

import msgspec

__all__ = ["Check", "Verdict", "fail", "failed", "ok", "warn"]


class Verdict(enum.StrEnum):
    """How it stands: fit, fit with a cost, unfit."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(msgspec.Struct, frozen=True):
    """What was looked at, how it stands, what was found, and what to do about it (empty where it is OK)."""

    name: str
    verdict: Verdict
    found: str
    advice: str = ""


def ok(name: str, found: str) -> Check:
    """Say that nothing is to be done."""
    return Check(name, Verdict.OK, found)


def warn(name: str, found: str, advice: str) -> Check:
    """Say that tracing works, at a cost."""
    return Check(name, Verdict.WARN, found, advice)


def fail(name: str, found: str, advice: str) -> Check:
    """Say that tracing does not work."""
    return Check(name, Verdict.FAIL, found, advice)


def failed(name: str, error: str, advice: str) -> Check:
    """Say what an error says; errors of c4trace end in what to do, behind the last semicolon, else it is `advice`."""
    what, semicolon, own = error.rpartition("; ")
    return fail(name, what, own) if semicolon else fail(name, error, advice)
