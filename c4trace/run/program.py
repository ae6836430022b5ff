"""What a file of a program says of itself: can anything be preloaded into it, and does it hold a LiteCore?"""

from __future__ import annotations

import dataclasses
import functools
import mmap
import os
import shutil
import stat
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["LITECORE_FUNCTION", "Program", "file_of", "is_foreign", "loader_of", "look_at", "our_loader"]

LITECORE_FUNCTION = b"c4repl_new"
_LITECORE_WORDS = b"+CBMobile_"  # of the WebSocket protocols it speaks; what is left of it in a stripped file
_PT_INTERP, _SHT_SYMTAB, _SHT_DYNSYM = 3, 2, 11
_SYMBOL = struct.Struct("<IBBHQQ")
_BITS = {b"\x7fELF\x01\x01": 32, b"\x7fELF\x02\x01": 64}  # both little-endian


class _Layout(NamedTuple):
    """Where a file has its table of segments, and the size and number of its entries; and an entry its place."""

    word: struct.Struct
    table: int
    table_shape: int
    offset: int
    length: int


_LAYOUTS = {
    32: _Layout(struct.Struct("<I"), table=0x1C, table_shape=0x2A, offset=4, length=16),
    64: _Layout(struct.Struct("<Q"), table=0x20, table_shape=0x36, offset=8, length=32),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Program:
    """One file; `is_elf` false: a script, or anything else that the kernel runs by another program."""

    path: Path
    is_elf: bool
    loader: str
    """Path of the dynamic loader that starts it, which preloads; "": none does."""
    is_privileged: bool
    """Whether it has rights its caller has not (setuid, setgid, capabilities), so that the loader preloads nothing."""
    has_litecore: bool


def file_of(word: str) -> Path:
    """The file that is run where a command is called `word`."""
    return Path(shutil.which(word) or word).resolve()


@functools.cache
def our_loader() -> str:
    """Path of the loader that our library is for, which is Python's; "" where that has none."""
    return loader_of(Path(sys.executable).resolve())


def is_foreign(loader: str) -> bool:
    """Whether our library is for another loader: musl's, for one, starts no program with it."""
    ours = our_loader()
    if not loader or not ours or Path(loader).name == Path(ours).name:
        return False
    return Path(loader).resolve() != Path(ours).resolve()


def loader_of(path: Path) -> str:
    """Path of the dynamic loader that starts the program in a file; "" where none does, or that cannot be told."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
            bits = _BITS.get(data[:6], 0)
            return _loader(data, _LAYOUTS[bits]) if bits else ""
    except (OSError, ValueError, struct.error, OverflowError):
        return ""


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
    bits = _BITS.get(data[:6], 0)
    try:
        loader = _loader(data, _LAYOUTS[bits]) if bits else ""
    except (struct.error, OverflowError):
        bits, loader = 0, ""  # the kernel does not take it for a program either
    return Program(
        path=path,
        is_elf=bits > 0,
        loader=loader,
        is_privileged=_is_privileged(path, about),
        has_litecore=bits > 0 and (data.find(_LITECORE_WORDS) >= 0 or (bits == 64 and _defines_litecore(data))),
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


def _loader(data: mmap.mmap, layout: _Layout) -> str:
    (table,) = layout.word.unpack_from(data, layout.table)
    size, count = struct.unpack_from("<HH", data, layout.table_shape)
    for i in range(count):
        at = table + i * size
        if struct.unpack_from("<I", data, at)[0] == _PT_INTERP:
            (offset,), (length,) = (
                layout.word.unpack_from(data, at + field) for field in (layout.offset, layout.length)
            )
            return os.fsdecode(data[offset : offset + length].split(b"\0")[0])
    return ""


def _sections(data: mmap.mmap) -> Iterator[tuple[int, int, int, int]]:
    """Type, offset, size and link of each."""
    (table,) = struct.unpack_from("<Q", data, 0x28)
    size, count = struct.unpack_from("<HH", data, 0x3A)
    for i in range(count):
        _, kind, _, _, offset, length, link = struct.unpack_from("<IIQQQQI", data, table + i * size)
        yield kind, offset, length, link


def _defines_litecore(data: mmap.mmap) -> bool:
    try:
        return _defines(data, LITECORE_FUNCTION)
    except (struct.error, IndexError, OverflowError):
        return False


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
