"""A filter as it is typed becomes words that sessions have or have not."""

from __future__ import annotations

from collections.abc import Mapping

from c4trace.decode.errors import error_name
from c4trace.events import EventKind, SessionState
from c4trace.segment.look import ProcessLook
from c4trace.segment.watch import Word

__all__ = ["compile_filter", "is_error"]

_NORMAL = {(0, 0), (6, 1000)}
_LEAST = 3  # letters by which a state or a call is known


def is_error(error: tuple[int, int] | None) -> bool:
    """Tell whether a session was closed by more than its orderly end (WebSocket 1000, RFC 6455 7.4.1)."""
    return error is not None and error not in _NORMAL and error[1] != 0


def compile_filter(text: str, looks: Mapping[int, ProcessLook]) -> list[Word]:
    """Give the words of `text`, all of which a session must have; those that begin with - or ! it must not have.

    A word is part of the peer's address, of the name or pid of the process, of the factory's label or of the error's
    name, whatever their case; or a state, a call, a session's number (12, #12), or "error" for every abnormal close.
    """
    return [_word(word.lower(), looks) for word in text.split() if word.strip("-!#")]


def _word(text: str, looks: Mapping[int, ProcessLook]) -> Word:
    is_not = text[0] in "-!"
    text = text.lstrip("-!") if is_not else text
    number = text.removeprefix("#")
    states = _states(text)
    return Word(
        peer="" if text.startswith("#") else text,
        sid=int(number) if number.isascii() and number.isdigit() else 0,
        states=states,
        events=() if states else [kind for kind in EventKind if kind.name.lower() == text],
        errors=[error for look in looks.values() for error in look.errors if _is_named(error, text)],
        owners=[
            (source, index)
            for source, look in looks.items()
            for index, label in enumerate(look.factories)
            if text in look.process.name.lower() or text == str(look.process.pid) or text in label.lower()
        ],
        is_not=is_not,
    )


def _states(text: str) -> list[SessionState]:
    exact = [state for state in SessionState if state.name == text]
    return exact or [state for state in SessionState if len(text) >= _LEAST and state.name.startswith(text)]


def _is_named(error: tuple[int, int], text: str) -> bool:
    return (text in {"error", "errors"} and is_error(error)) or text in error_name(*error).lower()
