"""Logs: a line when a session opens, has opened, has closed, a summary when it is over, and a line for every gap."""

from c4trace.sinks.logs.output import LogError
from c4trace.sinks.logs.sink import LogSink

__all__ = ["LogError", "LogSink"]
