from __future__ import annotations

import pytest

from c4trace.tui.keys import KeyReader

TYPED = {
    b"q": ["q"],
    b"\x1b[A": ["up"],
    b"\x1bOB": ["down"],
    b"\x1b[5~\x1b[6~": ["pgup", "pgdn"],
    b"\x1b[1~\x1b[4~\x1b[H\x1bOF": ["home", "end", "home", "end"],
    b"\r\n\t\x7f": ["enter", "enter", "tab", "backspace"],
    b"\x1bOP\x1b[11~\x1b[[A": ["f1", "f1", "f1"],
    "é本".encode(): ["é", "本"],
    b"\x1b[1;5A": ["up"],  # with Ctrl
    b"a\x1b[Zb": ["a", "backtab", "b"],
}


@pytest.mark.parametrize("data", TYPED)
def test_keys_are_known_by_their_bytes(data: bytes) -> None:
    assert KeyReader().feed(data) == TYPED[data]


@pytest.mark.parametrize("data", TYPED)
def test_bytes_may_come_one_by_one(data: bytes) -> None:
    reader = KeyReader()
    keys = [key for i in range(len(data)) for key in reader.feed(data[i : i + 1])]
    assert keys == TYPED[data]
    assert not reader.waiting


def test_a_lone_esc_is_known_by_nothing_following_it() -> None:
    reader = KeyReader()
    assert reader.feed(b"\x1b") == []
    assert reader.waiting
    assert reader.flush() == ["esc"]
    assert reader.flush() == []
    assert reader.feed(b"\x1bq") == ["esc", "q"]
    assert reader.feed(b"\x1b[") == []
    assert reader.flush() == ["esc", "["]


@pytest.mark.parametrize("data", [b"\x1b[?1;2c", b"\x1b[<0;12;3M", b"\x1b[200~", b"\x00\x01\x02", b"\x1b[24;80R"])
def test_what_no_key_sends_means_nothing(data: bytes) -> None:
    reader = KeyReader()
    assert reader.feed(data) == []
    assert not reader.waiting


def test_a_sequence_without_an_end_does_not_wait_for_ever() -> None:
    reader = KeyReader()
    keys = reader.feed(b"\x1b[" + b"1" * 100)
    assert keys[0] == "esc"
    assert not reader.waiting


def test_broken_utf_8_is_no_harm() -> None:
    reader = KeyReader()
    assert reader.feed(b"\xff\xfeq")[-1] == "q"
