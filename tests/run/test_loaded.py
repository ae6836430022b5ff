from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from c4trace.run import loaded
from c4trace.run.loaded import LoadedFiles

SLEEPS = "import sys; print('ready', flush=True); sys.stdin.read()"


def test_the_files_of_a_process_and_of_its_children_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaded, "_FIRST_S", 0.0)
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEPS!r}])"
    with subprocess.Popen(
        ["/bin/sh", "-c", '"$@"; true', "sh", sys.executable, "-c", script], stdin=-1, stdout=-1
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        files = LoadedFiles(process.pid)
        files.look_if_due()
        process.communicate()
    assert {Path("/bin/sh").resolve(), Path(sys.executable).resolve()} <= files.paths
    assert all(path.is_absolute() for path in files.paths)


def test_it_looks_ever_less(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    files = LoadedFiles(os.getpid())
    looks = []
    for _ in range(40 * 20):
        now += 0.05
        before, files.paths = files.paths, set()
        files.look_if_due()
        if files.paths:
            looks.append(now - 100.0)
        files.paths |= before
    gaps = [round(later - earlier) for earlier, later in itertools.pairwise(looks)]
    assert looks[0] == pytest.approx(0.1, abs=0.051)
    assert gaps == sorted(gaps)
    assert gaps[-1] == 5


def test_a_process_that_is_gone_has_none() -> None:
    with subprocess.Popen(["/bin/true"]) as process:
        pass
    files = LoadedFiles(process.pid)
    time.sleep(0.11)
    files.look_if_due()
    assert files.paths == set()
