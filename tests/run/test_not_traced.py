"""What cannot be traced runs as if c4trace were not there, and gets one sentence why."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from c4trace.run.program import our_loader
from c4trace.segment.folder import list_segments
from tests.run.stand_in import Version, build, compile_text, run

HELLO = '#include <stdio.h>\nint main(void) { puts("hello"); return 5; }\n'
LITECORE_LOADED_ONLY = """
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>
int main(int argc, char **argv) {
    if (argc < 2 || !dlopen(argv[1], RTLD_NOW)) return 1;
    usleep(600000); /* long enough to be seen from outside */
    return 0;
}
"""
KNOWN = Version(30, "3.0.0")


@pytest.fixture(autouse=True)
def nothing_is_left(segments: Path) -> Iterator[None]:
    """Nothing that is not traced has a segment."""
    yield
    assert list_segments(segments) == []


def why(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of c4trace, which is all that is on stderr."""
    (line,) = done.stderr.splitlines()
    return line.removeprefix("c4trace: nothing was traced: ")


def test_a_program_without_litecore() -> None:
    done = run("--", "/bin/true")
    assert (done.returncode, done.stdout, why(done)) == (0, "", "/bin/true never loaded LiteCore")


def test_a_shell_script_without_litecore(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\necho $# $1; exit 9\n")
    script.chmod(0o755)
    done = run("--", script, "a b")
    assert (done.returncode, done.stdout, why(done)) == (9, "1 a b\n", f"{script} never loaded LiteCore")


def test_a_static_binary(tmp_path: Path) -> None:
    program = compile_text(HELLO, tmp_path / "hello", "-static")
    done = run("--", program)
    assert (done.returncode, done.stdout) == (5, "hello\n")
    assert why(done) == f"{program} is a static binary, into which nothing can be preloaded"


def test_a_program_of_another_loader(tmp_path: Path) -> None:
    loader = tmp_path / "ld-other.so.1"
    shutil.copy(our_loader(), loader)
    text = '#include <stdio.h>\n#include <stdlib.h>\nint main(void) { puts(getenv("LD_PRELOAD") ? "ours" : "none"); }\n'
    program = compile_text(text, tmp_path / "other", f"-Wl,--dynamic-linker={loader}")
    done = run("--", program)
    assert (done.returncode, done.stdout) == (0, "none\n")
    loaders = f"its loader is {loader}, c4trace's is {our_loader()}"
    assert (
        why(done) == f"{program} is for another C library or processor ({loaders}), and nothing was preloaded into it"
    )


def linked_in(program: Path) -> str:
    return f"LiteCore is statically linked in {program}: build it with --wrap, or with c4trace.h"


def test_a_program_with_litecore_linked_in_statically(tmp_path: Path) -> None:
    program = build(tmp_path, KNOWN, static=True)
    done = run("--", program)
    assert (done.returncode, done.stdout, why(done)) == (0, "factory as given\n", linked_in(program))


@pytest.mark.parametrize("options", [(), ("-static",), ("-s",), ("-static", "-s")])
def test_a_program_that_holds_litecore_by_name_or_by_its_words(tmp_path: Path, options: tuple[str, ...]) -> None:
    source = 'const char *protocols = "+CBMobile_3";\nint main(void) { return !protocols; }\n'
    program = compile_text(source, tmp_path / "host", *options)
    done = run("--", program)
    assert (done.returncode, why(done)) == (0, linked_in(program))


def test_a_library_with_litecore_linked_in_statically(tmp_path: Path) -> None:
    library = compile_text("void c4repl_new(void) {}\n", tmp_path / "libapp.so", "-shared", "-fPIC")
    host = compile_text(LITECORE_LOADED_ONLY, tmp_path / "host")
    done = run("--", host, library)
    assert done.returncode == 0
    assert why(done) == f"LiteCore is statically linked in {library}, where its functions cannot be interposed"


def test_a_litecore_that_is_loaded_and_not_used(tmp_path: Path) -> None:
    build(tmp_path, KNOWN)
    host = compile_text(LITECORE_LOADED_ONLY, tmp_path / "loader")
    library = tmp_path / "libLiteCore.so"
    done = run("--", host, library)
    assert done.returncode == 0
    reason = "was loaded, but nothing is linked to it: if it is looked up by dlsym, run with --dlsym"
    assert why(done) == f"{library} {reason}"
    done = run("--dlsym", "--", host, library)
    assert why(done) == f"{library} was loaded, but nothing made a replicator or a connection"


def test_a_litecore_that_is_linked_and_not_used(tmp_path: Path) -> None:
    build(tmp_path, KNOWN)
    source = "void c4repl_new(void);\nint main(int argc, char **argv) { if (!argv) c4repl_new(); return argc; }\n"
    link = [f"-L{tmp_path}", "-lLiteCore", f"-Wl,-rpath,{tmp_path}"]
    done = run("--", compile_text(source, tmp_path / "idle", *link))
    assert done.returncode == 1
    assert why(done) == f"{tmp_path}/libLiteCore.so was loaded, but nothing made a replicator or a connection"


def test_a_litecore_in_a_process_that_does_not_live_to_tell(tmp_path: Path) -> None:
    build(tmp_path, KNOWN)
    host = compile_text(LITECORE_LOADED_ONLY.replace("return 0;", "_exit(0);"), tmp_path / "loader")
    library = tmp_path / "libLiteCore.so"
    done = run("--", host, library)
    reason = "was loaded, but no replicator was made by a call that is seen (with --dlsym more are)"
    assert why(done) == f"{library} {reason}"


def test_a_litecore_behind_what_clears_the_environment(tmp_path: Path) -> None:
    build(tmp_path, KNOWN)
    host = compile_text(LITECORE_LOADED_ONLY, tmp_path / "loader")
    library = tmp_path / "libLiteCore.so"
    done = run("--", "/usr/bin/env", "-i", host, library)
    assert done.returncode == 0
    reason = "was loaded, but something had cleared LD_PRELOAD on the way to the process that did"
    assert why(done) == f"{library} {reason}"


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder where other users may run what is in it."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_setuid_program(public: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a program that runs as another user")
    if os.statvfs(public).f_flag & os.ST_NOSUID:
        pytest.skip(f"{public} is mounted nosuid")
    source = '#include <stdio.h>\n#include <unistd.h>\nint main(void) { printf("%d\\n", geteuid()); return 0; }\n'
    program = compile_text(source, public / "other")
    os.chown(program, 65534, 65534)
    program.chmod(stat.S_ISUID | 0o755)
    done = run("--", program)
    assert (done.returncode, done.stdout) == (0, "65534\n")
    assert why(done) == f"{program} is setuid (or the like), and the loader preloads nothing into such a program"


def test_a_host_for_whose_segment_there_is_no_folder(tmp_path: Path) -> None:
    host = build(tmp_path, KNOWN)
    done = run("--record", tmp_path / "r.jsonl", "--", host, C4TRACE_DIR="/proc/nowhere")
    assert (done.returncode, done.stdout) == (0, "factory as given\n")
    reason = "No such file or directory; set C4TRACE_DIR to a folder of yours"
    assert why(done) == f"cannot make the segment folder /proc/nowhere: {reason}"


def test_a_litecore_that_gets_no_factory(tmp_path: Path) -> None:
    build(tmp_path, KNOWN)
    source = """
        #include "stand_in.h"
        int main(void) {
            C4ReplicatorParameters none = {0};
            return !c4repl_new(0, (C4Address){0}, (C4String){0}, none, 0);
        }
    """
    folder = Path(__file__).with_name("native")
    options = [f"-I{folder}", "-DGENERATION=30", "-Wno-missing-field-initializers"]
    host = compile_text(source, tmp_path / "bare", *options, f"-L{tmp_path}", "-lLiteCore", f"-Wl,-rpath,{tmp_path}")
    done = run("--", host)
    assert done.returncode == 0
    reason = "LiteCore 3.0.0 was there, but got no socket factory that could be wrapped: it made no connection"
    assert why(done) == reason
