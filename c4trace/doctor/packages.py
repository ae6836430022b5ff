"""Python and the packages c4trace stands on."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import sys

from c4trace._native import ffi, lib
from c4trace.doctor.check import Check, fail, ok

__all__ = ["check_extras", "check_native", "check_packages", "check_python"]

OLDEST = (3, 11)
EXTRAS = {
    "zstandard": "compressed recordings (.jsonl.zst) need it: pip install 'c4trace[zstd]'",
    "python-socks": "WebSocketFactory through a SOCKS proxy needs it: pip install 'c4trace[socks]'",
}


def check_python() -> Check:
    """Look at the interpreter."""
    found = f"{platform.python_implementation()} {platform.python_version()} at {sys.executable}"
    if platform.python_implementation() != "CPython" or sys.version_info < OLDEST:
        return fail("python", found, "use CPython 3.11 or later")
    return ok("python", found)


def check_packages() -> Check:
    """Look at what c4trace requires."""
    versions = {name: _version(name) for name in _required()}
    missing = [name for name, version in versions.items() if version is None]
    if missing:
        return fail("packages", f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}")
    return ok("packages", ", ".join(f"{name} {version}" for name, version in versions.items()))


def check_extras() -> list[Check]:
    """Look at what c4trace can use."""
    versions = {name: _version(name) for name in EXTRAS}
    return [
        ok(name, version if version is not None else f"not installed; {EXTRAS[name]}")
        for name, version in versions.items()
    ]


def check_native() -> Check:
    """Look at libc4trace, which is built with this package and must be of the same version."""
    package, library = _version("c4trace"), ffi.string(lib.c4trace_version()).decode()
    if package != library:
        return fail("libc4trace", f"is {library}, the package is {package}", "pip install --force-reinstall c4trace")
    return ok("libc4trace", library)


def _required() -> list[str]:
    requirements = importlib.metadata.requires("c4trace") or []
    return [re.split(r"[^A-Za-z0-9._-]", line)[0] for line in requirements if "extra ==" not in line]


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
