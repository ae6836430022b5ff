"""Encoding Fleece: the vectors of the format, and the decoder as the judge."""

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c4trace.decode.fleece import FleeceError, decode
from c4trace.decode.fleece_encode import Encodable, encode


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (None, "3000"),
        (False, "3400"),
        (True, "3800"),
        (1234, "04D2"),
        (-1234, "0B2E"),
        (2048, "1100 0800 8002"),
        (-2049, "11FF F700 8002"),
        (12345678, "134E 61BC 0000 8003"),
        (2**64 - 1, "1FFF FFFF FFFF FFFF FF00 8005"),
        (0.5, "2400 0000 003F 8003"),
        (math.pi, "2800 182D 4454 FB21 0940 8005"),
        ("", "4000"),
        ("a", "4161"),
        ("ab", "4261 6200 8002"),
        ("abcdefghijklmno", "4F0F 6162 6364 6566 6768 696A 6B6C 6D6E 6F00 8009"),
        (b"", "5000"),
        (b"\xff\x00", "52FF 0000 8002"),
        ([], "6000"),
        ([None], "6001 3000 8002"),
        (["a", "hello"], "4568 656C 6C6F 6002 4161 8005 8003"),
        ({}, "7000"),
        ({"f": 42}, "7001 4166 002A 8003"),
        ({"o-o": 42}, "436F 2D6F 7001 8003 002A 8003"),
        ((1, 2), "6002 0001 0002 8003"),
        (bytearray(b"\xff\x00"), "52FF 0000 8002"),
    ],
)
def test_a_vector_of_the_format_is_what_comes_out(value: Encodable, encoded: str) -> None:
    assert encode(value) == bytes.fromhex(encoded)


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.integers(-3000, 3000),
        st.floats(allow_nan=False),
        st.text(max_size=40),
        st.binary(max_size=40),
    ),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=20), inner, max_size=8),
    max_leaves=40,
)


@given(VALUES)
def test_what_was_encoded_decodes_to_itself(value: Encodable) -> None:
    encoded = encode(value)
    assert len(encoded) % 2 == 0
    assert_same(decode(encoded), value)


def assert_same(decoded: object, value: object) -> None:
    """Equal, and of equal types all the way down: 1, 1.0 and True are three values."""
    assert type(decoded) is type(value)
    if isinstance(value, dict):
        assert isinstance(decoded, dict)
        assert decoded.keys() == value.keys()
        for key, item in value.items():
            assert_same(decoded[key], item)
    elif isinstance(value, list):
        assert isinstance(decoded, list)
        assert len(decoded) == len(value)
        for one, other in zip(decoded, value, strict=True):
            assert_same(one, other)
    else:
        assert decoded == value
        assert repr(decoded) == repr(value)  # tells -0.0 from 0.0


@pytest.mark.parametrize("number", [math.inf, -math.inf, 1e300, -0.0, 5e-324])
def test_the_odd_floats_survive(number: float) -> None:
    assert repr(decode(encode(number))) == repr(number)


def test_not_a_number_survives() -> None:
    decoded = decode(encode(math.nan))
    assert isinstance(decoded, float)
    assert math.isnan(decoded)


@pytest.mark.parametrize("count", [2046, 2047, 2048, 2047 + 127, 2047 + 128, 2047 + 20000])
def test_long_containers_count_themselves_by_a_varint(count: int) -> None:
    numbers = [i % 2048 for i in range(count)]
    assert decode(encode(numbers)) == numbers
    names: dict[str, Encodable] = {f"k{i:05}": i % 7 for i in range(count)}
    assert decode(encode(names)) == names


@pytest.mark.parametrize("size", [14, 15, 127, 128, 16383, 16384, 32757, 32758, 32759, 32760, 32766, 40000])
def test_pointers_become_wide_when_they_must_reach_further(size: int) -> None:
    value = {"first": "x", "long": "y" * size, "second": ["abc", "def"]}
    assert decode(encode(value)) == value
    assert decode(encode("y" * size)) == "y" * size
    assert decode(encode(["near", "y" * size, "far"])) == ["near", "y" * size, "far"]


def test_a_container_is_narrow_as_long_as_it_can_be() -> None:
    # 32764 bytes of string and two of header: the slot's pointer leads back the farthest it can, 32766 bytes.
    assert encode(["y" * 32760])[-4:-2] == (0x8000 | 0x3FFF).to_bytes(2, "big")
    assert encode(["y" * 32762])[-6:-2] == (0x8000_0000 | 0x4000).to_bytes(4, "big")


def test_keys_are_sorted_by_their_bytes() -> None:
    encoded = encode({"é": 1, "z": 2, "Z": 3, "zz": 4, "": 5})
    decoded = decode(encoded)
    assert isinstance(decoded, dict)
    assert list(decoded) == ["", "Z", "z", "zz", "é"]


def test_equal_strings_are_written_once() -> None:
    assert len(encode(["hello"] * 100)) == 6 + 2 + 200 + 2


@pytest.mark.parametrize("value", [object(), {1, 2}, {1: 2}, {None: 2}, [object()], 1j])
def test_a_type_without_a_place_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="Fleece has no place for"):
        encode(value)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, "\ud800", {"\ud800": 1}])
def test_a_value_without_a_place_is_refused(value: Encodable) -> None:
    with pytest.raises(ValueError, match=r"64 bits|surrogates"):
        encode(value)


def test_depth_ends_where_the_decoder_ends() -> None:
    value: Encodable = 1
    for _ in range(100):
        value = [value]
    assert decode(encode(value)) == value
    with pytest.raises(ValueError, match="nested deeper than 100"):
        encode([value])
    with pytest.raises(ValueError, match="nested deeper than 100"):
        encode({"a": value})


def test_a_list_that_holds_itself_is_refused() -> None:
    loop: list[Encodable] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="nested deeper than 100"):
        encode(loop)


@given(VALUES, st.data())
def test_a_flipped_byte_decodes_or_raises_fleece_error(value: Encodable, data: st.DataObject) -> None:
    encoded = bytearray(encode(value))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    with suppress(FleeceError):
        decode(bytes(encoded))
