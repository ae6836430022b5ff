"""What is installed elsewhere is the wheel: one for every Python from 3.11 on, with its library beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# -S: without the hook by which this installation finds the sources.
PROGRAM = """
import sys
sys.path += sys.argv[1:3]
import c4trace._native
from c4trace.cli.main import main
ours = ("_native.abi3.so", "libc4trace.so")
mapped = {line.split()[-1] for line in open("/proc/self/maps") if line.rstrip().endswith(ours)}
assert mapped == {f"{sys.argv[1]}/c4trace/{name}" for name in ours}, mapped
main(sys.argv[3:])
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built as make builds: one at a time, where the last one was built."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        ["/usr/bin/flock", "build/.lock", *pip, "--no-build-isolation", "--no-deps", "--wheel-dir", folder, "."],
        cwd=ROOT,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        check=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_one_wheel_is_for_every_python(wheel: Path) -> None:
    _, _, python, abi, machine = wheel.stem.split("-")
    assert (python, abi) == ("cp311", "abi3")
    assert machine.startswith("linux_")
    with zipfile.ZipFile(wheel) as content:
        names = set(content.namelist())
    assert {"c4trace/py.typed", "c4trace/libc4trace.so", "c4trace/include/c4trace.h"} <= names
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "c4trace").rglob("*.py")}
    assert sources - names <= {"c4trace/native/build_ffi.py"}


def test_the_demo_runs_from_the_wheel_alone(wheel: Path, tmp_path: Path, segments: Path) -> None:
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as content:
        content.extractall(installed)
    libraries = sysconfig.get_path("purelib")
    command = [sys.executable, "-I", "-S", "-c", PROGRAM, str(installed), libraries, "demo", "--folder", "demo"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "equal  recording, metrics page and host" in ended.stdout
    assert list(segments.iterdir()) == []
