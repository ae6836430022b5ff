"""Our Fleece against LiteCore's own: each reads what the other writes, and both refuse the same damage."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import cffi
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from c4trace.decode.fleece import FleeceError, decode
from c4trace.decode.fleece_encode import Encodable, encode
from tests.real.litecore import PATH

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.real

UNTRUSTED = 0
NULL, BOOLEAN, NUMBER, STRING, DATA, ARRAY, DICT = range(7)

ffi = cffi.FFI()
ffi.cdef("""
    typedef struct { const void *buf; size_t size; } FLSlice;
    typedef struct { void *a; uint32_t b; bool c; void *d[4]; void *spare[4]; } FLDictIterator;
    const void *FLValue_FromData(FLSlice data, int trust);
    int FLValue_GetType(const void *value);
    bool FLValue_IsInteger(const void *value);
    bool FLValue_IsUnsigned(const void *value);
    bool FLValue_AsBool(const void *value);
    int64_t FLValue_AsInt(const void *value);
    uint64_t FLValue_AsUnsigned(const void *value);
    double FLValue_AsDouble(const void *value);
    FLSlice FLValue_AsString(const void *value);
    FLSlice FLValue_AsData(const void *value);
    uint32_t FLArray_Count(const void *array);
    const void *FLArray_Get(const void *array, uint32_t index);
    uint32_t FLDict_Count(const void *dict);
    const void *FLDict_Get(const void *dict, FLSlice key);
    void FLDictIterator_Begin(const void *dict, FLDictIterator *iterator);
    FLSlice FLDictIterator_GetKeyString(const FLDictIterator *iterator);
    const void *FLDictIterator_GetValue(const FLDictIterator *iterator);
    bool FLDictIterator_Next(FLDictIterator *iterator);

    void *FLEncoder_New(void);
    void FLEncoder_Free(void *encoder);
    bool FLEncoder_WriteNull(void *encoder);
    bool FLEncoder_WriteBool(void *encoder, bool value);
    bool FLEncoder_WriteInt(void *encoder, int64_t value);
    bool FLEncoder_WriteUInt(void *encoder, uint64_t value);
    bool FLEncoder_WriteDouble(void *encoder, double value);
    bool FLEncoder_WriteString(void *encoder, FLSlice value);
    bool FLEncoder_WriteData(void *encoder, FLSlice value);
    bool FLEncoder_BeginArray(void *encoder, size_t reserve);
    bool FLEncoder_EndArray(void *encoder);
    bool FLEncoder_BeginDict(void *encoder, size_t reserve);
    bool FLEncoder_WriteKey(void *encoder, FLSlice key);
    bool FLEncoder_EndDict(void *encoder);
    FLSlice FLEncoder_Finish(void *encoder, int *error);
    void _FLBuf_Release(const void *buffer);
""")


@cache
def fleece() -> Any:
    return ffi.dlopen(str(PATH))


def slice_of(data: bytes, kept: list[Any]) -> Any:
    """A slice that lives as long as `kept`; an encoder refers to a dictionary's keys until it is at the end."""
    kept.append(ffi.from_buffer(data))
    return ffi.new("FLSlice *", [kept[-1], len(data)])[0]


def bytes_of(piece: Any) -> bytes:
    return bytes(ffi.buffer(piece.buf, piece.size)) if piece.size else b""


class RefusedError(Exception):
    """LiteCore does not take it for Fleece."""


def read_by_litecore(data: bytes, read: Callable[[Any], Any] | None = None) -> Any:
    """A value as LiteCore reads it, without trust. Raises RefusedError."""
    kept = ffi.new("uint16_t[]", len(data) // 2 + 1)  # even: values are aligned to two bytes
    ffi.memmove(kept, data, len(data))
    root = fleece().FLValue_FromData(ffi.new("FLSlice *", [kept, len(data)])[0], UNTRUSTED)
    if not root:
        raise RefusedError
    return (read or python_of)(root)


def python_of(value: Any) -> Any:  # noqa: PLR0911  # one return a type
    fl = fleece()
    match fl.FLValue_GetType(value):
        case int(kind) if kind == BOOLEAN:
            return bool(fl.FLValue_AsBool(value))
        case int(kind) if kind == NUMBER:
            if not fl.FLValue_IsInteger(value):
                return float(fl.FLValue_AsDouble(value))
            return int(fl.FLValue_AsUnsigned(value) if fl.FLValue_IsUnsigned(value) else fl.FLValue_AsInt(value))
        case int(kind) if kind == STRING:
            return bytes_of(fl.FLValue_AsString(value)).decode()
        case int(kind) if kind == DATA:
            return bytes_of(fl.FLValue_AsData(value))
        case int(kind) if kind == ARRAY:
            return [python_of(fl.FLArray_Get(value, i)) for i in range(fl.FLArray_Count(value))]
        case int(kind) if kind == DICT:
            return dict_of(value)
        case _:
            return None


def dict_of(value: Any) -> dict[str, Any]:
    fl, result = fleece(), {}
    iterator = ffi.new("FLDictIterator *")
    fl.FLDictIterator_Begin(value, iterator)
    for _ in range(fl.FLDict_Count(value)):
        key = bytes_of(fl.FLDictIterator_GetKeyString(iterator))
        result[key.decode()] = python_of(fl.FLDictIterator_GetValue(iterator))
        fl.FLDictIterator_Next(iterator)
    return result


def written_by_litecore(value: Any) -> bytes:
    fl = fleece()
    encoder = fl.FLEncoder_New()
    kept: list[Any] = []
    try:
        write(encoder, value, kept)
        error = ffi.new("int *")
        written = fl.FLEncoder_Finish(encoder, error)
        assert error[0] == 0
        data = bytes_of(written)
        fl._FLBuf_Release(written.buf)
    finally:
        fl.FLEncoder_Free(encoder)
    return data


def write(encoder: Any, value: Any, kept: list[Any]) -> None:
    fl = fleece()
    if isinstance(value, list):
        fl.FLEncoder_BeginArray(encoder, len(value))
        for item in value:
            write(encoder, item, kept)
        fl.FLEncoder_EndArray(encoder)
    elif isinstance(value, dict):
        fl.FLEncoder_BeginDict(encoder, len(value))
        for key, item in value.items():
            fl.FLEncoder_WriteKey(encoder, slice_of(key.encode(), kept))
            write(encoder, item, kept)
        fl.FLEncoder_EndDict(encoder)
    else:
        write_scalar(encoder, value, kept)


def write_scalar(encoder: Any, value: Any, kept: list[Any]) -> None:
    fl = fleece()
    match value:
        case None:
            fl.FLEncoder_WriteNull(encoder)
        case bool():
            fl.FLEncoder_WriteBool(encoder, value)
        case int():
            (fl.FLEncoder_WriteUInt if value >= 2**63 else fl.FLEncoder_WriteInt)(encoder, value)
        case float():
            fl.FLEncoder_WriteDouble(encoder, value)
        case str():
            fl.FLEncoder_WriteString(encoder, slice_of(value.encode(), kept))
        case bytes():
            fl.FLEncoder_WriteData(encoder, slice_of(value, kept))


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.integers(-3000, 3000)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40)
    | st.binary(max_size=40)
    | st.sampled_from(["y" * 40_000, "z" * 32_760]),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=20), inner, max_size=8),
    max_leaves=40,
)


def same(one: Any, other: Any) -> bool:
    """Equal, NaN to itself; LiteCore writes a whole double as an integer, so 1 and 1.0 are one here."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


@given(VALUES)
def test_litecore_reads_what_we_write(value: Encodable) -> None:
    assert same(read_by_litecore(encode(value)), value)


@given(st.dictionaries(st.text(max_size=20), st.integers(0, 2000), min_size=1, max_size=100))
def test_litecore_finds_every_key_we_write(value: dict[str, Encodable]) -> None:
    def found(root: Any) -> dict[str, int]:
        kept: list[Any] = []
        members = {key: fleece().FLDict_Get(root, slice_of(key.encode(), kept)) for key in value}
        return {key: fleece().FLValue_AsInt(member) for key, member in members.items() if member}

    assert read_by_litecore(encode(value), found) == value


@given(VALUES)
def test_we_read_what_litecore_writes(value: Any) -> None:
    assert same(decode(written_by_litecore(value)), value)


@pytest.mark.parametrize("count", [0, 1, 2046, 2047, 2048, 20_000])
def test_long_containers_are_the_same_to_both(count: int) -> None:
    numbers: list[Encodable] = [*range(count)]
    names: dict[str, Encodable] = {f"key {i}": i for i in range(count)}
    for value in (numbers, names):
        assert read_by_litecore(encode(value)) == value
        assert decode(written_by_litecore(value)) == value


@given(VALUES, st.data())
def test_what_both_read_of_damaged_data_is_the_same(value: Encodable, data: st.DataObject) -> None:
    damaged = bytearray(encode(value))
    assume(len(damaged) < 1000)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    compare(bytes(damaged))


@given(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=20))
def test_what_both_read_of_random_words_is_the_same(words: list[int]) -> None:
    compare(b"".join(word.to_bytes(2, "big") for word in words))


def compare(data: bytes) -> None:
    """What we take for Fleece LiteCore does, too, and reads the same in it."""
    try:
        ours = decode(data)
    except FleeceError:
        return
    try:
        theirs = read_by_litecore(data)
    except RefusedError:
        pytest.fail(f"we read {ours!r} in {data.hex()}, LiteCore nothing")
    assert same(ours, theirs)
