"""What a command has to say beside its result: one line each, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable

from c4trace.cli.ending import FINDINGS
from c4trace.recording.reader import Recording
from c4trace.report.plain import plain

__all__ = ["notice", "say_how_it_ended"]


def notice(text: str) -> None:
    """Say one line on stderr, after everything that was written before it."""
    sys.stdout.flush()
    print(f"c4trace: {plain(text)}", file=sys.stderr)


def say_how_it_ended(recording: Recording, exit_with: Callable[[int], object]) -> None:
    """Name a torn end, which is legal; end with FINDINGS where the file does not keep what its footer promises."""
    if recording.torn is not None:
        notice(f"{recording.path}: torn: {recording.torn}; read up to there (its host was killed, or still writes it)")
    for mismatch in recording.mismatches:
        notice(f"{recording.path}: {mismatch}; the file was changed after it was written")
    if recording.mismatches:
        exit_with(FINDINGS)
