"""Decoding Fleece: the vectors of the format, and everything that is none."""

import math
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c4trace.decode.fleece import FleeceError, FleeceValue, decode

VECTORS: list[tuple[str, FleeceValue]] = [
    ("3000", None),
    ("3C00", None),
    ("3400", False),
    ("3800", True),
    ("0000", 0),
    ("0FFF", -1),
    ("0800", -2048),
    ("04D2", 1234),
    ("0B2E", -1234),
    ("1100 0800 8002", 2048),
    ("134E 61BC 0000 8003", 12345678),
    ("1FFF FFFF FFFF FFFF FF00 8005", 2**64 - 1),
    ("2000 0000 003F 8003", 0.5),
    ("2400 0000 003F 8003", 0.5),
    ("2800 182D 4454 FB21 0940 8005", math.pi),
    ("4000", ""),
    ("4161", "a"),
    ("4261 6200 8002", "ab"),
    ("4F0F 6162 6364 6566 6768 696A 6B6C 6D6E 6F00 8009", "abcdefghijklmno"),
    ("5000", b""),
    ("52FF 0000 8002", b"\xff\x00"),
    ("6000", []),
    ("6001 3000 8002", [None]),
    ("4568 656C 6C6F 6002 4161 8005 8003", ["a", "hello"]),
    ("7000", {}),
    ("7001 4166 002A 8003", {"f": 42}),
    ("436F 2D6F 7001 8003 002A 8003", {"o-o": 42}),
    # The same with wide slots.
    ("4568 656C 6C6F 6802 4161 0000 8000 0006 8005", ["a", "hello"]),
    ("436F 2D6F 7801 8000 0003 002A 0000 8005", {"o-o": 42}),
    # A wide slot has room for an integer of three bytes.
    ("6801 1100 0800 8003", [2048]),
    # A narrow root pointer to a wide one.
    ("4261 6200 8000 0002 8002", "ab"),
    # One string, two pointers.
    ("4261 6200 6002 8003 8004 8003", ["ab", "ab"]),
]


def given_hex(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize(("encoded", "value"), VECTORS)
def test_a_vector_of_the_format_decodes(encoded: str, value: FleeceValue) -> None:
    decoded = decode(given_hex(encoded))
    assert decoded == value
    assert type(decoded) is type(value)


def test_integer_keys_are_names_only_to_those_who_have_the_table() -> None:
    data = given_hex("7003 0000 0017 0001 002A 07FF 0FFF 8007")
    assert decode(data, shared_keys={0: "a", 1: "b", 2047: "z"}) == {"a": 23, "b": 42, "z": -1}
    with pytest.raises(FleeceError, match="shared key without its name") as caught:
        decode(data)
    assert caught.value.offset == 2


@pytest.mark.parametrize(
    ("encoded", "problem"),
    [
        ("", "0 bytes"),
        ("30", "1 bytes"),
        ("3000 30", "3 bytes"),
        ("3000 3000", "no pointer"),
        ("3000 8000", "leads 0 bytes back"),
        ("3000 8002", "leads 4 bytes back"),
        ("3000 C001", "into other data"),
        ("3100", "unknown tag 0x31"),
        ("2000 8001", "not all there"),
        ("1F00 0000 8002", "not all there"),
        ("2100 0000 003F 8003", "unknown size of a float"),
        ("2C00 0000 003F 8003", "unknown size of a float"),
        ("4961 8001", "not all there"),
        ("4FFF 8001", "a length without an end"),
        ("4F80 8001", "a length without an end"),
        ("4FFF FFFF FFFF FFFF FFFF FFFF FFFF 8007", "a length without an end"),
        ("5FFF FFFF FFFF FFFF FFFF 7F00 8006", "not all there"),
        ("42C3 2800 8002", "not UTF-8"),
        ("6002 8001", "not all there"),
        ("67FF FF7F 8002", "not all there"),
        ("6001 4261 8002", "not all there"),  # a string of two bytes in a narrow slot
        ("6001 1100 8002", "not all there"),
        ("6001 6001 8002", "not all there"),
        ("7001 002A 002A 8003", "shared key"),
        ("7001 3800 002A 8003", "a key that is no string"),
        ("7001 3000 002A 8003", "a key that is no string"),
        ("7001 0800 002A 8003", "inherits from another"),
        ("7002 4161 0001 4161 0002 8005", "a key that is there twice"),
        ("6001 8001 8002", "not all there"),  # an array that holds itself
        ("6002 0001 8002 8002 8004", "bytes"),
        ("8001 8001", "4 bytes that are not all there"),
    ],
)
def test_what_is_no_fleece_is_refused_with_its_offset(encoded: str, problem: str) -> None:
    data = given_hex(encoded)
    with pytest.raises(FleeceError, match=problem) as caught:
        decode(data)
    assert 0 <= caught.value.offset <= len(data)


def test_shared_containers_do_not_explode() -> None:
    # Each array holds the one before it twice: 3 KB that stand for 2^90 values.
    data = bytearray.fromhex("6002 0001 0001")
    for _ in range(90):
        data += bytes.fromhex("6002 8004 8005")
    data += bytes.fromhex("8003")
    with pytest.raises(FleeceError, match="too many values"):
        decode(bytes(data))


def test_a_shared_string_is_one_object() -> None:
    decoded = decode(given_hex("4261 6200 6002 8003 8004 8003"))
    assert isinstance(decoded, list)
    assert decoded[0] is decoded[1]


def test_containers_are_followed_a_hundred_deep_and_no_deeper() -> None:
    hundred = bytes.fromhex("6001 6000" + 98 * "6001 8003")
    assert isinstance(decode(hundred + bytes.fromhex("8002")), list)
    with pytest.raises(FleeceError, match="nested deeper than 100"):
        decode(hundred + bytes.fromhex("6001 8003 8002"))


def test_the_limit_of_values_can_be_set() -> None:
    data = given_hex("4568 656C 6C6F 6002 4161 8005 8003")
    assert decode(data, max_values=3) == ["a", "hello"]
    with pytest.raises(FleeceError, match="too many values"):
        decode(data, max_values=2)


def test_a_bytes_like_object_is_as_good_as_bytes() -> None:
    assert decode(bytearray(b"\x41a")) == "a"  # type: ignore[arg-type]  # what a memory view of a segment gives
    assert decode(memoryview(b"\x41a")) == "a"  # type: ignore[arg-type]


@given(st.binary(max_size=200))
def test_random_bytes_decode_or_raise_fleece_error(data: bytes) -> None:
    with suppress(FleeceError):
        decode(data)


@st.composite
def almost_fleece(draw: st.DrawFn) -> bytes:
    """Words that are mostly tags, small counts and short pointers: random, but it goes deep."""
    word = st.one_of(
        st.sampled_from([0x6001, 0x6002, 0x7001, 0x7002, 0x6801, 0x7801, 0x4161, 0x4261, 0x3000, 0x1100, 0x67FF]),
        st.integers(0x8001, 0x8010),
        st.integers(0, 0xFFFF),
    )
    words = draw(st.lists(word, min_size=1, max_size=40))
    return b"".join(struct.pack(">H", word) for word in words) + struct.pack(">H", draw(st.integers(0x8001, 0x8020)))


@given(almost_fleece())
def test_well_formed_words_in_any_order_decode_or_raise_fleece_error(data: bytes) -> None:
    with suppress(FleeceError):
        decode(data)
