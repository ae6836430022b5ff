"""Base64 as C writes it, in every way that this machine has, beside Python's own."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c4trace._native import ffi, lib


def ways() -> Iterator[Any]:
    way = lib.c4t_base64_ways()
    while way.name != ffi.NULL:
        yield pytest.param(way.write, id=ffi.string(way.name).decode())
        way += 1
    yield pytest.param(lib.c4t_base64, id="chosen")


WAYS = list(ways())
BEHIND = b"what stands behind it"


def written(write: Any, data: bytes) -> bytes:
    """What is written, and not one byte behind it."""
    room = ffi.new("char[]", b"#" * ((len(data) + 2) // 3 * 4) + BEHIND)
    exact = ffi.from_buffer("unsigned char[]", data)
    size = int(write(room, exact, len(data)) - room)
    text = bytes(ffi.buffer(room))
    assert text[size:] == BEHIND + b"\0"
    return text[:size]


@pytest.mark.parametrize("write", WAYS)
def test_every_length_up_to_a_few_rounds_is_that_of_python(write: Any) -> None:
    data = random.Random(1).randbytes(400)  # noqa: S311 - any bytes
    for size in range(len(data)):
        assert written(write, data[-size:] if size else b"") == base64.b64encode(data[-size:] if size else b"")


@pytest.mark.parametrize("write", WAYS)
def test_every_group_of_three_bytes_is_that_of_python(write: Any) -> None:
    groups = b"".join(bits.to_bytes(3, "big") for bits in range(0, 1 << 24, 61))
    assert written(write, groups) == base64.b64encode(groups)


@pytest.mark.parametrize("write", WAYS)
@given(data=st.binary(max_size=5000))
def test_any_bytes_are_those_of_python(write: Any, data: bytes) -> None:
    assert written(write, data) == base64.b64encode(data)
