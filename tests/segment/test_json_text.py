"""Numbers, strings and objects as C writes them, beside what json and msgspec make of the same."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from c4trace._native import ffi, lib

EDGES = [edge for n in range(20) for edge in (10**n - 1, 10**n, 10**n + 1)] + [2**n - 1 for n in range(65)]
BEHIND = 7
"""Bytes behind its end that writing a number may touch (json_text.h)."""


def number(write: Any, value: int) -> str:
    room = ffi.new("char[]", b"#" * 40)
    size = int(write(room, value) - room)
    assert bytes(ffi.buffer(room))[max(24, size + BEHIND) :] == b"#" * (40 - max(24, size + BEHIND)) + b"\0"
    return bytes(ffi.buffer(room, size)).decode()


def test_numbers_around_every_power_of_ten_and_two_are_decimal() -> None:
    for value in EDGES:
        if value < 1 << 64:
            assert number(lib.c4t_json_unsigned, value) == str(value)
        if value < 1 << 63:
            assert number(lib.c4t_json_int, value) == str(value)
            assert number(lib.c4t_json_int, -value - 1) == str(-value - 1)


@given(st.integers(0, 2**64 - 1) | st.integers(0, 10**9))
def test_any_number_is_decimal(value: int) -> None:
    assert number(lib.c4t_json_unsigned, value) == str(value)


@given(st.integers(-(2**63), 2**63 - 1))
def test_any_signed_number_is_decimal(value: int) -> None:
    assert number(lib.c4t_json_int, value) == str(value)


def string(text: bytes) -> bytes:
    room = ffi.new("char[]", 6 * len(text) + 2)
    size = int(lib.c4t_json_string(room, text, len(text)) - room)
    return bytes(ffi.buffer(room, size))


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example('"\\\b\f\n\r\t\0\x1f\x7f\u2028\uffff\U0010ffff')
def test_any_text_is_a_string_that_json_and_msgspec_read(text: str) -> None:
    written = string(text.encode())
    assert json.loads(written) == msgspec.json.decode(written) == text


@given(st.binary())
@example(b"\xed\xa0\x80\xf4\x90\x80\x80\xc0\x80\xe0\x80\x80\xff\xfe\x80")
def test_any_bytes_are_a_string_in_which_what_is_no_text_is_replaced(data: bytes) -> None:
    read = msgspec.json.decode(string(data))
    assert isinstance(read, str)
    assert read.replace("\ufffd", "") == data.decode(errors="replace").replace("\ufffd", "")


def an_object(text: bytes) -> bytes | None:
    room = ffi.new("char[]", 6 * len(text) + 2)
    end = lib.c4t_json_object(room, text, len(text))
    return None if end == ffi.NULL else bytes(ffi.buffer(room, int(end - room)))


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False)
)
OBJECTS = st.dictionaries(
    st.text(),
    st.recursive(
        LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
    ),
    max_size=5,
)


@given(OBJECTS, st.sampled_from([None, 0, 1, "\t"]), st.booleans())
def test_any_object_is_the_same_without_blanks(
    value: dict[str, Any], indent: int | str | None, ensure_ascii: object
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=bool(ensure_ascii)).encode(errors="surrogatepass")
    written = an_object(text)
    assert written is not None
    expected = json.dumps(value, separators=(",", ":"), ensure_ascii=bool(ensure_ascii)).encode(errors="surrogatepass")
    if written != expected:  # lone surrogates, which no UTF-8 has
        assert b"\\ufffd" in written or b"\xef\xbf\xbd" in written
    msgspec.json.decode(written, type=dict[str, Any])


@given(OBJECTS, st.data())
def test_a_damaged_object_is_left_out_or_still_one(value: dict[str, Any], data: st.DataObject) -> None:
    text = bytearray(json.dumps(value).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
        if not text:
            break
    written = an_object(bytes(text))
    if written is not None:
        msgspec.json.decode(written, type=dict[str, Any])


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b'{"a":1}x', b'{"a":1,}', b"{\xff}", b'{"a":"\n"}'])
def test_what_is_no_object_is_left_out(text: bytes) -> None:
    assert an_object(text) is None
