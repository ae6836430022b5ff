"""A recording in parts: orders.jsonl becomes orders.0001.jsonl, orders.0002.jsonl and so on, each a whole recording."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["all_parts", "part_path", "parts_of"]

_NAME = re.compile(r"(?P<stem>.+?)(?P<suffix>(\.jsonl)?(\.zst)?)", re.DOTALL)


def part_path(path: Path, number: int) -> Path:
    """Path of part `number` of the recording that would be `path` if it were not rotated."""
    stem, suffix = _split(path)
    return path.with_name(f"{stem}.{number:04}{suffix}")


def all_parts(path: Path) -> Path:
    """Path of all parts, as a shell's pattern."""
    stem, suffix = _split(path)
    return path.with_name(f"{stem}.*{suffix}")


def parts_of(path: Path) -> dict[int, Path]:
    """The parts of `path` that are there, by number, oldest first; OSError where the folder cannot be read."""
    stem, suffix = _split(path)
    pattern = re.compile(rf"{re.escape(stem)}\.(\d{{4,}}){re.escape(suffix)}")
    found = {int(match[1]): file for file in path.parent.iterdir() if (match := pattern.fullmatch(file.name))}
    return dict(sorted(found.items()))


def _split(path: Path) -> tuple[str, str]:
    match = _NAME.fullmatch(path.name)
    return (match["stem"], match["suffix"]) if match else (path.name, "")
