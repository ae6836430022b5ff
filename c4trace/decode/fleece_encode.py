"""Python objects to Fleece bytes: options for `open`, headers for `gotHTTPResponse`. The other way is fleece.py."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from c4trace.decode.fleece import LONG_COUNT, LONG_LENGTH, MAX_DEPTH, NARROW, WIDE

__all__ = ["Encodable", "encode"]

Encodable: TypeAlias = (
    "bool | int | float | str | bytes | bytearray | Sequence[Encodable] | Mapping[str, Encodable] | None"
)

NULL, FALSE, TRUE = b"\x30\x00", b"\x34\x00", b"\x38\x00"
NARROW_REACH = 2 * 0x3FFF  # bytes a 14-bit pointer can lead back
WIDE_REACH = 2 * 0x3FFF_FFFF
ROOT_TO_WIDE = b"\x80\x02"  # a narrow root pointer to the wide pointer just before it


def encode(value: Encodable) -> bytes:
    """Encode a dict, list, tuple, str, bytes, int, float, bool or None as one Fleece value.

    Keys are sorted as the format asks, equal strings are written once. Raises TypeError for any other type and for keys
    that are no strings; ValueError for integers outside of -2^63 .. 2^64-1, text that is no Unicode, containers nested
    deeper than 100, and more than 2 GiB.
    """
    writer = _Writer()
    root = writer.place(value, depth=0)
    if isinstance(root, _Inline):
        return root.slot
    writer.point_root_at(root)
    return bytes(writer.out)


class _Inline(NamedTuple):
    """A value that fits into a slot of two bytes."""

    slot: bytes


class _Written(NamedTuple):
    """A value that was written out, at this offset."""

    offset: int


_Place: TypeAlias = _Inline | _Written


class _Writer:
    """Writes values children first, since pointers lead backwards."""

    def __init__(self) -> None:
        self.out = bytearray()
        self._blobs: dict[bytes, _Place] = {}

    def place(self, value: Encodable, depth: int) -> _Place:  # noqa: PLR0911  # one return a type
        match value:
            case None:
                return _Inline(NULL)
            case bool():
                return _Inline(TRUE if value else FALSE)
            case int():
                return self._place_int(value)
            case float():
                return self._write(_float(value))
            case str():
                return self._place_blob(_blob(0x40, value.encode()))
            case bytes() | bytearray():
                return self._place_blob(_blob(0x50, value))
            case Mapping():
                return self._place_dict(value, depth)
            case list() | tuple():
                _check_depth(depth)
                return self._place_container(0x60, len(value), [self.place(item, depth + 1) for item in value])
            case _:
                raise TypeError(f"Fleece has no place for {type(value).__name__}")

    def point_root_at(self, root: _Written) -> None:
        if len(self.out) - root.offset > NARROW_REACH:
            self.out += _pointer(len(self.out) - root.offset, WIDE)
            self.out += ROOT_TO_WIDE
        else:
            self.out += _pointer(len(self.out) - root.offset, NARROW)

    def _place_int(self, value: int) -> _Place:
        if -2048 <= value <= 2047:
            return _Inline((value & 0xFFF).to_bytes(2, "big"))
        return self._write(_int(value))

    def _place_blob(self, encoded: bytes) -> _Place:
        if len(encoded) <= NARROW:
            return _Inline(encoded.ljust(NARROW, b"\0"))
        if encoded not in self._blobs:
            self._blobs[encoded] = self._write(encoded)
        return self._blobs[encoded]

    def _place_dict(self, value: Mapping[str, Encodable], depth: int) -> _Place:
        _check_depth(depth)
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"Fleece has no place for a key of type {type(key).__name__}")
        places: list[_Place] = []
        for key in sorted(value, key=str.encode):
            places += self.place(key, depth), self.place(value[key], depth + 1)
        return self._place_container(0x70, len(value), places)

    def _place_container(self, tag: int, count: int, places: list[_Place]) -> _Place:
        if not places:
            return _Inline(bytes((tag, 0)))
        start = len(self.out)
        first_slot = start + len(_header(tag, count, NARROW))
        fits = all(
            first_slot + i * NARROW - place.offset <= NARROW_REACH
            for i, place in enumerate(places)
            if isinstance(place, _Written)
        )
        width = NARROW if fits else WIDE
        self.out += _header(tag, count, width)
        for place in places:
            if isinstance(place, _Inline):
                self.out += place.slot.ljust(width, b"\0")
            else:
                self.out += _pointer(len(self.out) - place.offset, width)
        return _Written(start)

    def _write(self, encoded: bytes) -> _Written:
        """Append a value, padded so that the next one starts at an even offset."""
        start = len(self.out)
        self.out += encoded
        self.out += bytes(len(encoded) % 2)
        return _Written(start)


def _check_depth(depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise ValueError(f"containers nested deeper than {MAX_DEPTH}")


def _int(value: int) -> bytes:
    if not -(2**63) <= value < 2**64:
        raise ValueError("an integer that does not fit into 64 bits")
    if value >= 2**63:
        return b"\x1f" + value.to_bytes(8, "little")
    size = (value if value >= 0 else ~value).bit_length() // 8 + 1
    return bytes((0x10 | size - 1,)) + value.to_bytes(size, "little", signed=True)


def _float(value: float) -> bytes:
    try:
        single = struct.pack("<f", value)
    except OverflowError:
        return b"\x28\x00" + struct.pack("<d", value)
    if struct.unpack("<f", single) == (value,):
        return b"\x24\x00" + single
    return b"\x28\x00" + struct.pack("<d", value)


def _blob(tag: int, value: bytes | bytearray) -> bytes:
    if len(value) < LONG_LENGTH:
        return bytes((tag | len(value),)) + value
    return bytes((tag | LONG_LENGTH,)) + _varint(len(value)) + value


def _header(tag: int, count: int, width: int) -> bytes:
    wide = 0x800 if width == WIDE else 0
    if count < LONG_COUNT:
        return (tag << 8 | wide | count).to_bytes(2, "big")
    more = _varint(count - LONG_COUNT)
    return (tag << 8 | wide | LONG_COUNT).to_bytes(2, "big") + more + bytes(len(more) % 2)


def _pointer(back: int, width: int) -> bytes:
    if back > WIDE_REACH:
        raise ValueError("more than 2 GiB")
    return (1 << 8 * width - 1 | back // 2).to_bytes(width, "big")


def _varint(value: int) -> bytes:
    """Unsigned LEB128."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
