"""Where the command begins: until the rest is imported, Ctrl-C ends it as it ends any program, without a traceback."""

from __future__ import annotations

import signal

__all__ = ["main"]


def main() -> None:
    """Import the command and run it."""
    is_heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not so in a job in the background
    if is_heard:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from c4trace.cli.main import main as command  # noqa: PLC0415 - takes a quarter of a second

    if is_heard:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command()
