"""Which formats can be read, and how each becomes the lines of today."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from c4trace.recording.schema import FORMAT, Line

__all__ = ["DECODERS", "Preamble", "preamble", "refusal"]

DECODERS: Mapping[int, msgspec.json.Decoder[Line]] = {FORMAT: msgspec.json.Decoder(Line)}
"""By format, what turns a line of it into one of today: an older format is kept readable by an entry here."""


class Preamble(msgspec.Struct, frozen=True, tag="header", tag_field="type"):
    """The two fields of a header that every format has, past and to come."""

    format: int
    c4trace: str = ""


preamble = msgspec.json.Decoder(Preamble).decode


def refusal(found: Preamble) -> tuple[str, str] | None:
    """What is wrong and what to do where the format of `found` cannot be read; None where it can."""
    if found.format in DECODERS:
        return None
    if found.format < FORMAT:
        return f"its header names format {found.format}, which never was", "the file is damaged or not of c4trace"
    what = f"is of format {found.format}, and this c4trace reads formats up to {FORMAT}"
    if re.fullmatch(r"[0-9]+(\.[0-9]+)*[a-z0-9.+-]{0,20}", found.c4trace):
        return what, f"install c4trace {found.c4trace} or later, which wrote it"
    return what, "install a newer c4trace"
