from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c4trace.recording import digest as digests
from c4trace.recording.digest import FileDigest, TextDigest
from c4trace.recording.target import Target

CALM = threading.Event()
CALM.set()


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    made = Target(tmp_path / "a", b"first", replace=True)
    yield made
    made.close()


@given(st.lists(st.tuples(st.binary(max_size=200), st.booleans())))
def test_what_is_read_behind_the_writer_gives_the_digest_of_the_text(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[tuple[bytes, bool]]
) -> None:
    target = Target(tmp_path_factory.mktemp("digest") / "a", b"first", replace=True)
    behind, beside = FileDigest(target, CALM), TextDigest()
    beside.add(b"first")
    for piece, catch_up in pieces:
        target.append(piece)
        beside.add(piece)
        if catch_up:
            behind.catch_up()
            assert behind.behind == 0
    expected = hashlib.sha256(target.path.read_bytes()).hexdigest()
    assert behind.hexdigest() == beside.hexdigest() == expected
    target.close()


def test_a_long_file_is_read_piece_by_piece(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "_PIECE", 1000)
    digest = FileDigest(target, CALM)
    text = os.urandom(12_345)
    target.append(text)
    assert digest.behind == len(text) + 5
    assert digest.hexdigest() == hashlib.sha256(b"first" + text).hexdigest()


def test_a_file_that_somebody_has_cut_has_no_digest(target: Target) -> None:
    digest = FileDigest(target, CALM)
    os.truncate(target.path, 2)
    with pytest.raises(OSError, match="Input/output error"):
        digest.hexdigest()


def test_what_was_given_up_is_none_unless_there_was_nothing_left_to_do(target: Target) -> None:
    done, behind = FileDigest(target, CALM), FileDigest(target, CALM)
    done.catch_up()
    for digest in (done, behind):
        digest.give_up()
    assert done.hexdigest() == hashlib.sha256(b"first").hexdigest()
    assert behind.hexdigest() is None


def test_nothing_is_digested_until_there_is_calm_unless_it_is_given_up(target: Target) -> None:
    calm, begun = threading.Event(), threading.Event()
    target.append(b" and more")
    waiting, given_up = FileDigest(target, calm), FileDigest(target, calm)
    found: list[str | None] = []

    def digest() -> None:
        begun.set()
        found.append(waiting.hexdigest())

    thread = threading.Thread(target=digest)
    thread.start()
    begun.wait()
    given_up.give_up()
    assert given_up.hexdigest() is None
    assert (found, waiting.behind) == ([], len(b"first and more"))
    calm.set()
    thread.join()
    assert found == [hashlib.sha256(b"first and more").hexdigest()]
