"""Bytes of a terminal's keyboard become keys: characters, and names for the others."""

from __future__ import annotations

import codecs
import re

__all__ = ["KeyReader"]

_NAMED = {
    "\r": "enter",
    "\n": "enter",
    "\t": "tab",
    "\x7f": "backspace",
    "\x08": "backspace",
    "\x15": "ctrl-u",
    "\x04": "ctrl-d",
    "\x0c": "ctrl-l",
    "\x0e": "down",
    "\x10": "up",
}
_FINAL = {"A": "up", "B": "down", "C": "right", "D": "left", "H": "home", "F": "end", "P": "f1", "Z": "backtab"}
_TILDE = {"1": "home", "4": "end", "5": "pgup", "6": "pgdn", "7": "home", "8": "end", "11": "f1", "3": "delete"}
_WHOLE = re.compile(r"\x1b(?:\[\[(?P<linux>[A-E])|\[(?P<args>[0-?]*)[ -/]*(?P<final>[@-Z\\-~])|O(?P<ss3>[ -~]))")
_BEGUN = re.compile(r"\x1b(?:\[\[?[0-?]*[ -/]*|O)?")
_LONGEST = 32  # characters; a sequence that goes on beyond is none


class KeyReader:
    """Give `feed` what was read, in pieces of any size; `flush` once nothing followed for a while.

    Sequences it does not know (ECMA-48 control sequences and SS3) are swallowed, so that none is taken for keys.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    @property
    def waiting(self) -> bool:
        """Whether a sequence was begun: a lone Esc is known by nothing following it."""
        return bool(self._rest)

    def feed(self, data: bytes) -> list[str]:
        """Give the keys that are whole."""
        self._rest += self._decoder.decode(data)
        keys = []
        while self._rest:
            key = self._next()
            if key is None:
                break
            if key:
                keys.append(key)
        return keys

    def flush(self) -> list[str]:
        """Take what was begun for what it is: Esc, then the characters."""
        rest, self._rest = self._rest, ""
        if not rest:
            return []
        return ["esc", *(_NAMED.get(character, character) for character in rest[1:])]

    def _next(self) -> str | None:
        """Cut the first key off; "" for one that means nothing, None where more is needed."""
        if self._rest[0] != "\x1b":
            character, self._rest = self._rest[0], self._rest[1:]
            return _NAMED.get(character) or (character if character.isprintable() else "")
        whole = _WHOLE.match(self._rest)
        if whole:
            self._rest = self._rest[whole.end() :]
            return _name(whole)
        if _BEGUN.fullmatch(self._rest) and len(self._rest) < _LONGEST:
            return None
        self._rest = self._rest[1:]
        return "esc"


def _name(whole: re.Match[str]) -> str:
    if whole["linux"]:
        return "f1" if whole["linux"] == "A" else ""
    if whole["ss3"]:
        return _FINAL.get(whole["ss3"], "")
    if whole["final"] == "~":
        return _TILDE.get(whole["args"].partition(";")[0], "")
    return _FINAL.get(whole["final"], "")
