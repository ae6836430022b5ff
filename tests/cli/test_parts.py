from __future__ import annotations

from typing import Any

import click
import pytest

from c4trace.cli.ending import BadInput
from c4trace.cli.parts import rotation_of
from c4trace.cli.size import Size
from c4trace.recording.rotation import Rotation
from tests.cli.test_main import run

NOTHING: dict[str, Any] = {
    "part_size": None,
    "part_time": None,
    "keep_size": None,
    "keep_parts": None,
    "sync_parts": False,
}


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1000", 1000),
        ("64MiB", 64 << 20),
        ("2g", 2 * 10**9),
        ("2 GiB", 2 << 30),
        ("1.5k", 1500),
        (".5KiB", 512),
        ("7b", 7),
    ],
)
def test_sizes_are_written_as_people_do(text: str, size: int) -> None:
    assert Size().convert(text, None, None) == size


@pytest.mark.parametrize("text", ["9223372036854775808", "9000000TiB", "9" * 400])
def test_a_size_that_no_file_can_have_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is larger than any file; give less"):
        Size().convert(text, None, None)


def test_without_options_there_is_one_file() -> None:
    assert rotation_of(**NOTHING) is None


def test_parts_are_as_asked_for() -> None:
    asked: dict[str, Any] = {"part_size": 100, "part_time": 2.5, "keep_size": 1000, "keep_parts": 3, "sync_parts": True}
    expected = Rotation(part_bytes=100, part_seconds=2.5, keep_bytes=1000, keep_parts=3, sync=True)
    assert rotation_of(**asked) == expected


def test_what_is_kept_is_divided_into_parts_where_nothing_else_is_said() -> None:
    assert rotation_of(**NOTHING | {"keep_size": 2 << 30}) == Rotation(part_bytes=256 << 20, keep_bytes=2 << 30)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"keep_parts": 3}, "--keep-parts does not say when a part ends; give --part-size or --part-time as well"),
        ({"sync_parts": True}, "--sync-parts does not say when a part ends"),
        ({"part_size": 10, "keep_size": 9}, "--keep-size is less than one part"),
        ({"part_size": 0}, "--part-size is 0; give more"),
        ({"part_time": 0.0}, "--part-time is 0; give more"),
        ({"keep_size": 0}, "--keep-size is less than one part"),
    ],
)
def test_what_makes_no_sense_is_refused(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        rotation_of(**NOTHING | asked)


def test_sizes_and_parts_that_make_no_sense_end_a_command_with_2() -> None:
    done = run("record", "4711", "-o", "a.jsonl", "--part-size", "much")
    assert (done.returncode, "'much' is no size: write bytes" in done.stderr) == (2, True)
    done = run("run", "--keep-size", "1GiB", "--", "true")
    assert (done.returncode, "give --record FILE" in done.stderr) == (2, True)
