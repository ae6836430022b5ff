"""What a file of a program says of itself: can anything be preloaded into it, and does it hold a LiteCore?"""

from __future__ import annotations

import dataclasses
import mmap
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

__all__ = ["LITECORE_FUNCTION", "Program", "look_at"]

LITECORE_FUNCTION = b"c4repl_new"
_LITECORE_WORDS = b"+CBMobile_"  # of the WebSocket protocols it speaks; what is left of it in a stripped file
_PT_INTERP, _SHT_SYMTAB, _SHT_DYNSYM = 3, 2, 11
_SYMBOL = struct.Struct("<IBBHQQ")


@dataclasses.dataclass(frozen=True, slots=True)
class Program:
    """One file; `is_elf` false: a script, or anything else that the kernel runs by another program."""

    path: Path
    is_elf: bool
    has_loader: bool
    """Whether the dynamic loader starts it, which preloads."""
    is_privileged: bool
    """Whether it has rights its caller has not (setuid, setgid, capabilities), so that the loader preloads nothing."""
    has_litecore: bool


def look_at(path: Path) -> Program | None:
    """Read the file; None where that is not possible. A damaged one is taken for what it looks like."""
    try:
        with path.open("rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode) or not about.st_size:
                return None
            with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
                return _program(path, about, data)
    except (OSError, ValueError):
        return None


def _program(path: Path, about: os.stat_result, data: mmap.mmap) -> Program:
    is_elf = data[:6] == b"\x7fELF\x02\x01"  # 64 bits, little-endian
    try:
        has_loader = is_elf and _PT_INTERP in _segment_types(data)
        has_litecore = is_elf and _defines(data, LITECORE_FUNCTION)
    except (struct.error, IndexError, OverflowError):
        has_loader, has_litecore = is_elf, False
    return Program(
        path=path,
        is_elf=is_elf,
        has_loader=has_loader,
        is_privileged=_is_privileged(path, about),
        has_litecore=has_litecore or (is_elf and data.find(_LITECORE_WORDS) >= 0),
    )


def _is_privileged(path: Path, about: os.stat_result) -> bool:
    other_user = about.st_mode & stat.S_ISUID and about.st_uid != os.geteuid()
    other_group = about.st_mode & stat.S_ISGID and about.st_mode & stat.S_IXGRP and about.st_gid != os.getegid()
    if other_user or other_group:
        return True
    try:
        return os.geteuid() != 0 and bool(os.getxattr(path, "security.capability"))
    except OSError:
        return False


def _segment_types(data: mmap.mmap) -> set[int]:
    (table,) = struct.unpack_from("<Q", data, 0x20)
    size, count = struct.unpack_from("<HH", data, 0x36)
    return {struct.unpack_from("<I", data, table + i * size)[0] for i in range(count)}


def _sections(data: mmap.mmap) -> Iterator[tuple[int, int, int, int]]:
    """Type, offset, size and link of each."""
    (table,) = struct.unpack_from("<Q", data, 0x28)
    size, count = struct.unpack_from("<HH", data, 0x3A)
    for i in range(count):
        _, kind, _, _, offset, length, link = struct.unpack_from("<IIQQQQI", data, table + i * size)
        yield kind, offset, length, link


def _defines(data: mmap.mmap, name: bytes) -> bool:
    """Whether a symbol table has `name` as a function of this very file."""
    sections = list(_sections(data))
    for kind, offset, length, link in sections:
        if kind not in {_SHT_SYMTAB, _SHT_DYNSYM}:
            continue
        _, strings, strings_length, _ = sections[link]
        wanted = _places(data, name, strings, strings + strings_length)
        if wanted and any(
            symbol_name in wanted and section
            for symbol_name, _, _, section, _, _ in _SYMBOL.iter_unpack(data[offset : offset + length])
        ):
            return True
    return False


def _places(data: mmap.mmap, name: bytes, begin: int, end: int) -> set[int]:
    """Where `name`, or the end of a longer name that is the same, stands in a table of strings."""
    found = set()
    at = data.find(name + b"\0", begin, end)
    while at >= 0:
        if data[at - 1 : at] == b"\0":
            found.add(at - begin)
        at = data.find(name + b"\0", at + 1, end)
    return found
