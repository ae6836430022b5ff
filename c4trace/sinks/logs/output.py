"""Where log lines go, and what they look like: structlog, configured here and nowhere else in the process."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, Literal, TextIO

import msgspec

from c4trace.report.plain import plain

if TYPE_CHECKING:
    from structlog.typing import Processor

__all__ = ["LogError", "Output", "Style", "own_logger"]

Style = Literal["json", "console"]


class LogError(Exception):
    """A log file that cannot be opened: one line with file, cause and what to do."""


class Output:
    """Whole lines to a file, an open text stream, or standard error (None): the logger that structlog ends in."""

    def __init__(self, target: str | os.PathLike[str] | TextIO | None) -> None:
        self._stream: TextIO | None = None
        self._fd: int | None = None
        self._lock = threading.Lock()
        self._cut = False
        if isinstance(target, (str, os.PathLike)):
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            try:
                self._fd = os.open(target, flags, 0o600)
            except OSError as error:
                hint = "name a file that you may write to, and no link"
                raise LogError(f"{os.fspath(target)}: the log cannot be written: {error.strerror}; {hint}") from error
        else:
            self._stream = target

    @property
    def is_terminal(self) -> bool:
        """Whether lines go to somebody who sees colours."""
        stream = self._stream or sys.stderr
        return self._fd is None and stream is not None and stream.isatty()

    def msg(self, line: str) -> None:
        """Write one line."""
        with self._lock:
            if self._fd is not None:
                self._write(self._fd, line.encode(errors="backslashreplace") + b"\n")
            elif (stream := self._stream or sys.stderr) is not None:
                stream.write(line + "\n")
                stream.flush()

    debug = info = warning = msg

    def close(self) -> None:
        """Close the file, if it is one; a stream stays open, it is somebody else's."""
        with self._lock:
            if self._fd is not None:
                os.close(self._fd)
                self._fd = None

    def _write(self, fd: int, line: bytes) -> None:
        rest = memoryview(b"\n" + line if self._cut else line)  # a line that was cut off does not spoil the next
        self._cut = True
        while rest:
            rest = rest[os.write(fd, rest) :]
        self._cut = False


def own_logger(output: Output, style: Style, level: str) -> Any:
    """Make a structlog logger that neither reads nor changes the configuration of structlog or logging."""
    import structlog  # noqa: PLC0415 - takes longer than everything else that a tracer without a log needs

    processors: list[Processor] = [structlog.processors.add_log_level]
    if style == "json":
        processors += [structlog.processors.JSONRenderer(serializer=_json)]
    else:
        processors += [_made_plain, structlog.dev.ConsoleRenderer(colors=output.is_terminal)]
    return structlog.wrap_logger(
        output,
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
        cache_logger_on_first_use=True,
    )


def _json(fields: object, **_: object) -> str:
    return msgspec.json.encode(fields).decode()


def _made_plain(_logger: object, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """What peers and servers sent must not move a terminal's cursor."""
    return {
        name: plain(value if isinstance(value, str) else str(value)) if isinstance(value, (str, dict)) else value
        for name, value in fields.items()
    }
