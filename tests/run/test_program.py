from __future__ import annotations

import os
import stat
import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from c4trace.run.environment import library
from c4trace.run.program import is_foreign, loader_of, look_at
from tests.run.stand_in import compile_text

MAIN = "int main(void) { return 0; }\n"
USES = "void c4repl_new(void);\nint main(void) { c4repl_new(); return 0; }\n"
DEFINES = "void c4repl_new(void) {}\n"


def test_a_program_of_the_usual_kind_is_started_by_the_loader() -> None:
    program = look_at(Path(sys.executable))
    assert program is not None
    assert (program.is_elf, is_foreign(program.loader), program.is_privileged, program.has_litecore) == (
        True,
        False,
        False,
        False,
    )


def test_a_static_program_is_not(tmp_path: Path) -> None:
    program = look_at(compile_text(MAIN, tmp_path / "static", "-static"))
    assert program is not None
    assert (program.is_elf, program.loader, program.has_litecore) == (True, "", False)


@pytest.mark.parametrize(
    ("header", "segment"),
    [("<16x12xI10xHH", "<III4xI"), ("<16x16xQ14xHH", "<I4xQ16xQ")],
    ids=["32 bits", "64 bits"],
)
def test_a_program_for_another_loader_is_foreign(header: str, segment: str, tmp_path: Path) -> None:
    at, name = struct.calcsize(header), b"/lib/ld-musl-x86_64.so.1\0"
    size = struct.calcsize(segment)
    place = (at + size, 0, len(name)) if header.startswith("<16x12") else (at + size, len(name))
    text = struct.pack(header, at, size, 1) + struct.pack(segment, 3, *place) + name
    (tmp_path / "program").write_bytes(b"\x7fELF" + (b"\1\1" if "12x" in header else b"\2\1") + text[6:])
    program = look_at(tmp_path / "program")
    assert program is not None
    assert program.loader == loader_of(program.path) == "/lib/ld-musl-x86_64.so.1"
    assert is_foreign(program.loader)


def test_a_script_is_no_program_of_its_own(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n# +CBMobile_3 c4repl_new\n")
    program = look_at(script)
    assert program is not None
    assert (program.is_elf, program.loader, program.has_litecore) == (False, "", False)


@pytest.mark.parametrize("path", ["no/such/file", ".", "/dev/null", "/proc/self/mem"])
def test_what_is_no_file_says_nothing(path: str) -> None:
    assert look_at(Path(path)) is None


def test_a_library_that_only_uses_litecore_has_none(tmp_path: Path) -> None:
    user = look_at(compile_text(USES, tmp_path / "libuser.so", "-shared", "-fPIC"))
    owner = look_at(compile_text(DEFINES, tmp_path / "libowner.so", "-shared", "-fPIC"))
    longer = look_at(compile_text("void my_c4repl_new(void) {}\n", tmp_path / "libother.so", "-shared", "-fPIC"))
    assert user is not None
    assert owner is not None
    assert longer is not None
    assert (user.has_litecore, owner.has_litecore, longer.has_litecore) == (False, True, False)


def test_the_preloaded_library_itself_defines_the_functions() -> None:
    ours = look_at(library())
    assert ours is not None
    assert ours.has_litecore


@pytest.mark.parametrize(("mode", "privileged"), [(stat.S_ISUID, True), (stat.S_ISGID, True), (0, False)])
def test_a_program_of_somebody_else_s_rights_is_privileged(tmp_path: Path, mode: int, *, privileged: bool) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    path = compile_text(MAIN, tmp_path / "program")
    os.chown(path, 65534, 65534)
    path.chmod(mode | 0o755)
    program = look_at(path)
    assert program is not None
    assert program.is_privileged is privileged


def test_a_setuid_program_of_our_own_is_not(tmp_path: Path) -> None:
    path = compile_text(MAIN, tmp_path / "program")
    path.chmod(stat.S_ISUID | stat.S_ISGID | 0o755)
    program = look_at(path)
    assert program is not None
    assert not program.is_privileged


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small program to damage."""
    return compile_text(MAIN, tmp_path_factory.mktemp("whole") / "program")


@given(
    changes=st.lists(st.tuples(st.integers(0, 0x3F), st.integers(0, 255)), max_size=8),
    length=st.one_of(st.none(), st.integers(1, 20_000)),
)
def test_a_damaged_program_is_taken_for_what_it_looks_like(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], length: int | None
) -> None:
    data = bytearray(whole.read_bytes()[:length])
    for at, value in changes:
        if at < len(data):
            data[at] = value
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(data)
    program = look_at(path)
    assert program is not None
    assert not program.is_elf or bytes(data[:6]) in {b"\x7fELF\x01\x01", b"\x7fELF\x02\x01"}
    assert not program.has_litecore
