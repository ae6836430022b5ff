"""How a command ends: errors become one line on stderr and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import traceback

import click
from click.exceptions import NoArgsIsHelpError

from c4trace.report.plain import plain

__all__ = ["BAD_INPUT", "DEFECT", "FINDINGS", "INTERRUPTED", "UNREACHED", "BadInput", "Unreached", "report_error"]

FINDINGS = 1
BAD_INPUT = 2
UNREACHED = 3
DEFECT = 70  # EX_SOFTWARE of sysexits.h: c4trace itself is wrong, which no exit code of DESIGN may claim
INTERRUPTED = 130  # 128 + SIGINT, as every shell has it


# Errors of c4trace whose text is one line with what, where and what to do; by name, to import none that did not happen.
_ONE_LINE = {"RecordingError", "SegmentError", "TraceError", "ServeError", "LogError"}


class BadInput(click.ClickException):
    """What was given cannot be used: one line with what, where and what to do."""

    exit_code = BAD_INPUT


class Unreached(click.ClickException):
    """The process asked for is not there or may not be looked at."""

    exit_code = UNREACHED


def report_error(error: BaseException, *, debug: bool) -> int:
    """Say on stderr, in one line, what went wrong; the exit code that belongs to it."""
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case NoArgsIsHelpError():
            print(error.message)
            return BAD_INPUT
        case KeyboardInterrupt() | EOFError() | click.Abort():
            return INTERRUPTED
        case OSError(errno=errno.EPIPE):
            return _reader_left()
    if debug:
        traceback.print_exception(error)
    text, code = _line(error)
    print(f"c4trace: {plain(text)}", file=sys.stderr)
    return code


def _line(error: BaseException) -> tuple[str, int]:
    match error:
        case click.UsageError():
            hint = f" (see '{error.ctx.command_path} --help')" if error.ctx else ""
            return error.format_message() + hint, BAD_INPUT
        case click.ClickException():
            return error.format_message(), error.exit_code
        case OSError(filename=None, errno=errno.ENOSPC | errno.EDQUOT | errno.EFBIG, strerror=reason):
            return f"the output cannot be written: {reason}; make room, or write it elsewhere", BAD_INPUT
        case OSError(strerror=str(reason)):
            return f"{error.filename}: {reason}" if error.filename is not None else reason, BAD_INPUT
        case Exception() if type(error).__name__ in _ONE_LINE and type(error).__module__.startswith("c4trace."):
            return str(error), BAD_INPUT
        case _:
            return f"internal error: {type(error).__name__}: {error} (C4TRACE_DEBUG=1 shows where)", DEFECT


def _reader_left() -> int:
    """Whoever read our output has seen enough (`| head`): nothing is wrong, and nothing more can be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
