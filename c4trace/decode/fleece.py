"""Fleece bytes to Python objects, sans-IO, for data nobody vouches for.

Used for `open`'s options and for the headers of `gotHTTPResponse`. Format: FORMAT.md of the Fleece library. Every value
starts at an even offset; the root is the last slot of the data; a pointer counts backwards from where it stands.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAX_DEPTH", "FleeceError", "FleeceValue", "decode"]

FleeceValue: TypeAlias = "bool | int | float | str | bytes | list[FleeceValue] | dict[str, FleeceValue] | None"

MAX_DEPTH = 100
"""Containers within containers that are followed."""

NARROW, WIDE = 2, 4  # bytes of a slot
LONG_COUNT = 2047  # this count in a container's header says that a varint with the rest follows
LONG_LENGTH = 15  # the same for strings and data
PARENT_DICT_KEY = -2048  # as the first key: a delta against an older dict

SPECIALS: dict[int, bool | None] = {0x30: None, 0x34: False, 0x38: True, 0x3C: None}  # 3C: undefined


class FleeceError(ValueError):
    """The data is no Fleece value we accept; `offset` is where in it, in bytes."""

    def __init__(self, problem: str, offset: int) -> None:
        super().__init__(f"not a Fleece value: {problem} at offset {offset}")
        self.offset = offset


def decode(data: bytes, *, shared_keys: Mapping[int, str] | None = None, max_values: int | None = None) -> FleeceValue:
    """Decode one Fleece value: dict, list, str, bytes, int, float, bool or None ("undefined" is None, too).

    A dict's integer keys are looked up in `shared_keys`; options and headers have none. At most `max_values` values are
    visited: values may be shared by pointers, and a few bytes can stand for more than any memory holds. By default that
    is 1000 + len(data), twice what data of this size can hold unshared. Raises FleeceError on bad data, nothing else.
    """
    reader = _Reader(bytes(data), shared_keys or {}, 1000 + len(data) if max_values is None else max_values)
    return reader.value(*reader.root(), depth=0)


class _Container(NamedTuple):
    slots: int  # offset of the first slot
    length: int  # items of an array, pairs of a dict
    width: int  # bytes of a slot


class _Reader:
    def __init__(self, data: bytes, shared_keys: Mapping[int, str], max_values: int) -> None:
        self._data = data
        self._shared_keys = shared_keys
        self._budget = max_values
        # One string many pointers lead to is decoded once: sharing must not cost memory. With it the offset of its end.
        self._blobs: dict[int, tuple[str | bytes, int]] = {}

    def root(self) -> tuple[int, int]:
        """The offset of the root value, and of its end."""
        size = len(self._data)
        if size < NARROW or size % 2:
            raise FleeceError(f"{size} bytes", 0)
        slot = size - NARROW
        if self._data[slot] >= 0x80:
            return self._target(slot, NARROW)
        if size != NARROW:
            raise FleeceError("the last two bytes are no pointer", slot)
        return slot, size

    def value(self, at: int, end: int, depth: int) -> FleeceValue:  # noqa: PLR0911  # one return a tag
        """The value at offset `at`, which must end before `end`."""
        self._budget -= 1
        if self._budget < 0:
            raise FleeceError("too many values", at)
        first = self._data[at]
        match first >> 4:
            case 0:
                return _signed(int.from_bytes(self._data[at : at + 2], "big") & 0xFFF, 12)
            case 1:
                count = (first & 7) + 1
                return int.from_bytes(self._span(at + 1, count, end), "little", signed=not first & 8)
            case 2:
                return self._float(at, end)
            case 3 if first in SPECIALS:
                return SPECIALS[first]
            case 4 | 5:
                return self._blob(at, end)
            case 6:
                return self._array(at, end, depth)
            case 7:
                return self._dict(at, end, depth)
            case _:
                raise FleeceError(f"unknown tag {first:#04x}", at)

    def _float(self, at: int, end: int) -> float:
        match self._data[at] & 0x0F:
            case 0 | 4:
                (number,) = struct.unpack("<f", self._span(at + 2, 4, end))
            case 8:
                (number,) = struct.unpack("<d", self._span(at + 2, 8, end))
            case _:
                raise FleeceError("unknown size of a float", at)
        return float(number)

    def _blob(self, at: int, end: int) -> str | bytes:
        if at in self._blobs and self._blobs[at][1] <= end:
            return self._blobs[at][0]
        start, size = at + 1, self._data[at] & 0x0F
        if size == LONG_LENGTH:
            size, start = self._varint(start, end)
        span = self._span(start, size, end)
        blob = self._text(span, start) if self._data[at] >> 4 == 4 else span
        self._blobs[at] = blob, start + size
        return blob

    def _text(self, blob: bytes, start: int) -> str:
        try:
            return blob.decode()
        except UnicodeDecodeError as error:
            raise FleeceError("a string that is not UTF-8", start + error.start) from None

    def _array(self, at: int, end: int, depth: int) -> list[FleeceValue]:
        slots, length, width = self._container(at, end, depth, slots_per_item=1)
        return [self._slot(slots + i * width, width, depth + 1) for i in range(length)]

    def _dict(self, at: int, end: int, depth: int) -> dict[str, FleeceValue]:
        slots, length, width = self._container(at, end, depth, slots_per_item=2)
        result: dict[str, FleeceValue] = {}
        for slot in range(slots, slots + 2 * length * width, 2 * width):
            key = self._key(slot, width, depth + 1)
            if key in result:
                raise FleeceError("a key that is there twice", slot)
            result[key] = self._slot(slot + width, width, depth + 1)
        return result

    def _key(self, slot: int, width: int, depth: int) -> str:
        key = self._slot(slot, width, depth)
        if isinstance(key, str):
            return key
        if key == PARENT_DICT_KEY:
            raise FleeceError("a dict that inherits from another", slot)
        if isinstance(key, bool) or not isinstance(key, int):
            raise FleeceError("a key that is no string", slot)
        if key not in self._shared_keys:
            raise FleeceError(f"a shared key without its name ({key})", slot)
        return self._shared_keys[key]

    def _container(self, at: int, end: int, depth: int, *, slots_per_item: int) -> _Container:
        if depth >= MAX_DEPTH:
            raise FleeceError(f"containers nested deeper than {MAX_DEPTH}", at)
        header = int.from_bytes(self._data[at : at + 2], "big")
        count, width, slots = header & 0x7FF, WIDE if header & 0x800 else NARROW, at + 2
        if count == LONG_COUNT:
            more, slots = self._varint(slots, end)
            count += more
            slots += slots % 2
        self._span_check(slots, count * slots_per_item * width, end)
        return _Container(slots, count, width)

    def _slot(self, slot: int, width: int, depth: int) -> FleeceValue:
        """A slot holds either a small value or a pointer to one before it."""
        if self._data[slot] < 0x80:
            return self.value(slot, slot + width, depth)
        return self.value(*self._target(slot, width), depth)

    def _target(self, slot: int, width: int) -> tuple[int, int]:
        """Where the pointer in `slot` leads, and where the value there must end.

        It ends before the pointer, so nothing can hold itself. A narrow pointer may lead to a wide one.
        """
        target = self._follow(slot, width)
        if self._data[target] < 0x80:
            return target, slot
        self._span_check(target, WIDE, slot)
        return self._follow(target, WIDE), target

    def _follow(self, slot: int, width: int) -> int:
        pointer = int.from_bytes(self._data[slot : slot + width], "big")
        bits = 8 * width
        if pointer >> (bits - 2) & 1:
            raise FleeceError("a pointer into other data", slot)
        back = 2 * (pointer & (1 << (bits - 2)) - 1)
        if not 0 < back <= slot:
            raise FleeceError(f"a pointer that leads {back} bytes back", slot)
        return slot - back

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        """The unsigned LEB128 at `at`, and the offset behind it."""
        value = 0
        for position in range(at, min(at + 10, end)):
            byte = self._data[position]
            value |= (byte & 0x7F) << 7 * (position - at)
            if byte < 0x80:
                return value, position + 1
        raise FleeceError("a length without an end", at)

    def _span(self, at: int, size: int, end: int) -> bytes:
        self._span_check(at, size, end)
        return self._data[at : at + size]

    def _span_check(self, at: int, size: int, end: int) -> None:
        if at + size > end:
            raise FleeceError(f"{size} bytes that are not all there", at)


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value
