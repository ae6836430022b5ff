"""Where a loaded library's references to c4socket_ functions lead, as readelf and the kernel say it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from tests.real.abi import ffi

_RELOCATION = re.compile(
    r"^(?P<offset>[0-9a-f]+) +[0-9a-f]+ +R_X86_64_(?:JUMP_SLOT|GLOB_DAT|64) .* (?P<name>c4socket_\w+)(?:@\S+)? \+ 0$"
)


class Slot(msgspec.Struct, frozen=True):
    """One reference: the function's name, the file its value lies in, and the rights of the slot's own page."""

    name: str
    leads_to: str
    rights: str


@dataclass(frozen=True)
class _Mapping:
    start: int
    end: int
    rights: str
    offset: int
    path: str


def library_of(address: int) -> str | None:
    """The path of the shared library whose code `address` is; None for code made at run time."""
    found = next(mapping for mapping in _mappings() if mapping.start <= address < mapping.end)
    return found.path if ".so" in found.path else None


def slots_of(library: str) -> list[Slot]:
    """All references of the loaded `library` to c4socket_ functions, by name."""
    mappings = list(_mappings())
    base = min(mapping.start - mapping.offset for mapping in mappings if mapping.path == library)
    return [_slot(mappings, name, base + offset) for name, offset in _relocations(library)]


def _slot(mappings: list[_Mapping], name: str, address: int) -> Slot:
    def mapping_of(place: int) -> _Mapping:
        return next(mapping for mapping in mappings if mapping.start <= place < mapping.end)

    value = int(ffi.cast("uintptr_t *", address)[0])
    return Slot(name, Path(mapping_of(value).path).name, mapping_of(address).rights)


@cache
def _relocations(library: str) -> list[tuple[str, int]]:
    readelf = shutil.which("readelf") or "readelf"
    lines = subprocess.run([readelf, "-rW", library], check=True, capture_output=True, text=True).stdout.splitlines()
    found = [match for line in lines if (match := _RELOCATION.match(line))]
    return sorted((match["name"], int(match["offset"], 16)) for match in found)


def _mappings() -> Iterator[_Mapping]:
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, rights, offset, _, _, *path = line.split(maxsplit=5)
        start, _, end = span.partition("-")
        yield _Mapping(int(start, 16), int(end, 16), rights, int(offset, 16), path[0] if path else "")
