"""A collector in a process of its own: ``python -m c4trace.segment.collect [CONFIG]``.

CONFIG is one JSON object, as an argument or as the first line of standard input:

    {"segment": PATH, "from_now": false,
     "sinks": [{"sink": "c4trace.sinks.recorder:Recorder", "args": [PATH], "options": {}}]}

On standard output: one line ``{"ready": true}`` once it collects (with the `url` of a sink that serves one), or ``{"error": "…"}`` (exit code 2); at the end one
with `events`, `lost` and `failures`. It ends when standard input does, when the host is gone, or on SIGTERM; always
drained.
"""

from __future__ import annotations

import importlib
import select
import signal
import sys
from types import FrameType
from typing import Any

import msgspec

from c4trace.segment.collector import Collector, Sink

__all__ = ["Config", "Report", "SinkSpec", "main"]

_LOOK_EVERY_S = 0.2


class SinkSpec(msgspec.Struct, frozen=True):
    """A sink by "module:class", and what it is made with."""

    sink: str
    args: list[Any] = []
    options: dict[str, Any] = {}

    def make(self) -> Sink:
        """Import and make it."""
        module, _, name = self.sink.partition(":")
        made: Sink = getattr(importlib.import_module(module), name)(*self.args, **self.options)
        return made


class Config(msgspec.Struct, frozen=True):
    """What to collect, and where to."""

    segment: str
    sinks: list[SinkSpec]
    from_now: bool = False


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of output: `ready` or `error` first, the totals at the end."""

    ready: bool = False
    url: str = ""
    error: str = ""
    events: int = 0
    lost: int = 0
    failures: list[str] = []


class _Terminated(Exception):  # noqa: N818 - a request, no error
    pass


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise _Terminated


def _say(report: Report) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    sys.stdout.buffer.flush()


def _input_ended() -> bool:
    readable, _, _ = select.select([sys.stdin.buffer], [], [], _LOOK_EVERY_S)
    return bool(readable) and not sys.stdin.buffer.readline()


def _wait(collector: Collector) -> None:
    try:
        while collector.running and not _input_ended():
            pass
    except _Terminated:
        pass


def main(arguments: list[str]) -> int:
    """Collect as CONFIG says; the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the host, whose end is ours
    try:
        text = arguments[0].encode() if arguments else sys.stdin.buffer.readline()
        config = msgspec.json.decode(text, type=Config)
        sinks = [spec.make() for spec in config.sinks]
        collector = Collector(config.segment, sinks, from_now=config.from_now)
        signal.signal(signal.SIGTERM, _terminate)
        collector.start()
    except Exception as error:  # noqa: BLE001 - whoever started us is told what is wrong, whatever it is
        _say(Report(error=str(error) or type(error).__name__))
        return 2
    _say(Report(ready=True, url=next((sink.url for sink in sinks if hasattr(sink, "url")), "")))
    _wait(collector)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    collector.stop()
    _say(Report(events=collector.events, lost=collector.lost, failures=collector.failures))
    return 1 if collector.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
