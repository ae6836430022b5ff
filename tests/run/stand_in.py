"""A LiteCore that stands in for one of another version, and a host of it (native/stand_in.c, native/host.c)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

SOURCES: Final = Path(__file__).with_name("native")
C4TRACE: Final = Path(sys.executable).with_name("c4trace")
FLAGS: Final = ["-std=c11", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror"]

EVENTS: Final = {
    "open": (1, 0),
    "gotHTTPResponse": (1, 0),
    "opened": (1, 0),
    "received": (1, 7),
    "completedReceive": (1, 7),
    "write": (1, 10),
    "completedWrite": (1, 10),
    "requestClose": (1, 0),
    "closed": (1, 0),
    "dispose": (1, 0),
}
"""What one session of the stand-in consists of: numbers and bytes."""


class Version(NamedTuple):
    """The signatures (see native/stand_in.h) and the text of c4_getVersion."""

    generation: int
    text: str


def build(folder: Path, version: Version, *options: str, static: bool = False) -> Path:
    """Compile library and host into `folder`; `static`: LiteCore becomes part of the host. Gives the host."""
    macros = [f"-DGENERATION={version.generation}", f'-DVERSION="{version.text}"', *options]
    host, library = folder / "host", folder / "libLiteCore.so"
    if static:
        _gcc("-o", host, *macros, SOURCES / "host.c", SOURCES / "stand_in.c")
        return host
    _gcc("-shared", "-fPIC", "-o", library, *macros, SOURCES / "stand_in.c")
    _gcc("-o", host, *macros, SOURCES / "host.c", f"-L{folder}", "-lLiteCore", f"-Wl,-rpath,{folder}")
    return host


def build_looking_up(folder: Path, version: Version, *options: str) -> Path:
    """The host, linked to no library: it looks up what $STAND_IN names, `libLiteCore.so` beside it."""
    host = build(folder, version)
    macros = [f"-DGENERATION={version.generation}", f'-DVERSION="{version.text}"', "-DLOOKS_UP", *options]
    _gcc("-o", host, *macros, SOURCES / "host.c")
    return host


def build_lookups(folder: Path) -> tuple[Path, Path]:
    """native/lookups.c as a program, and as a library."""
    program, library = folder / "lookups", folder / "libnext.so"
    _gcc("-o", program, SOURCES / "lookups.c", "-rdynamic")
    _gcc("-shared", "-fPIC", "-DNEXT", "-o", library, SOURCES / "lookups.c")
    return program, library


def build_plugin(folder: Path, version: Version, litecore: str) -> Path:
    """The host as a plugin (native/plugins.c loads it), linked to a stand-in of this file name."""
    macros = [f"-DGENERATION={version.generation}", f'-DVERSION="{version.text}"']
    library, plugin = folder / litecore, folder / f"plugin-{version.text}.so"
    _gcc("-shared", "-fPIC", "-o", library, *macros, SOURCES / "stand_in.c")
    link = [f"-L{folder}", f"-l:{litecore}", f"-Wl,-rpath,{folder}"]
    _gcc("-shared", "-fPIC", "-Dmain=plugin_main", "-o", plugin, *macros, SOURCES / "host.c", *link)
    return plugin


def build_plugins_host(folder: Path) -> Path:
    """Compile native/plugins.c."""
    program = folder / "plugins"
    _gcc("-o", program, SOURCES / "plugins.c")
    return program


def compile_text(source: str, program: Path, *options: str) -> Path:
    """Compile a program from its text."""
    text = program.with_suffix(".c")
    text.write_text(source)
    _gcc("-o", program, text, *options)
    return program


def run(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`c4trace run` with these words, as a user starts it."""
    return subprocess.run(
        [C4TRACE, "run", *map(str, words)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def _gcc(*words: str | Path) -> None:
    command = [shutil.which("gcc") or "gcc", *FLAGS, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
