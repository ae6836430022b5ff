"""Text of others (addresses, messages, names) made safe to print in a terminal."""

from __future__ import annotations

import unicodedata

__all__ = ["plain"]

_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def plain(text: str) -> str:
    r"""Put `text` on one line that moves no cursor: control and format characters as `\x1b`, line ends as a space."""
    if text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character in "\n\r\t":
        return " "
    if unicodedata.category(character) in _UNSAFE:
        return character.encode("unicode_escape", "backslashreplace").decode()
    return character
