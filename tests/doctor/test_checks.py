from __future__ import annotations

import importlib.metadata
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from c4trace.doctor import machine, packages, trial
from c4trace.doctor.check import Check, Verdict, failed
from c4trace.doctor.litecore import NEEDED, check_litecore
from c4trace.doctor.trial import Trial, attempt
from tests.real.litecore import PATH

GOOD = Trial(litecore="3.0.0", factory_size=64, upcalls=sorted(NEEDED), clock="tsc", segment_bytes=16 << 20)
KIB = 1024


def changed(**fields: object) -> Trial:
    return msgspec.structs.replace(GOOD, **fields)


def test_an_error_is_split_into_what_and_what_to_do() -> None:
    assert failed("x", "it broke: a; b; mend it", "?") == Check("x", Verdict.FAIL, "it broke: a; b", "mend it")
    assert failed("x", "it broke", "look") == Check("x", Verdict.FAIL, "it broke", "look")


def test_an_old_python_is_unfit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert packages.check_python().verdict is Verdict.OK
    monkeypatch.setattr(sys, "version_info", (3, 10, 9))
    assert packages.check_python().advice == "use CPython 3.11 or later"


def test_a_missing_package_is_named_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert packages.check_packages().verdict is Verdict.OK
    version = importlib.metadata.version

    def without_structlog(name: str) -> str:
        if name in {"structlog", "zstandard"}:
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", without_structlog)
    assert packages.check_packages() == Check("packages", Verdict.FAIL, "missing: structlog", "pip install structlog")
    (zstandard, _) = packages.check_extras()
    assert zstandard.verdict is Verdict.OK
    assert zstandard.found.endswith("pip install 'c4trace[zstd]'")


def test_a_library_of_another_version_is_unfit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert packages.check_native().verdict is Verdict.OK
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "9.9")
    assert packages.check_native().verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("size", "free", "system", "verdict"),
    [
        (1 << 30, 1 << 30, "tmpfs", Verdict.OK),
        (64 << 20, 63 << 20, "tmpfs", Verdict.OK),
        (63 << 20, 63 << 20, "tmpfs", Verdict.WARN),
        (1 << 30, 15 << 20, "tmpfs", Verdict.FAIL),
        (1 << 40, 1 << 39, "ext4", Verdict.WARN),
    ],
)
def test_room_is_memory_and_enough_of_it(
    monkeypatch: pytest.MonkeyPatch, size: int, free: int, system: str, verdict: Verdict
) -> None:
    room = SimpleNamespace(f_blocks=size // KIB, f_bavail=free // KIB, f_frsize=KIB)
    monkeypatch.setattr(os, "statvfs", lambda _: room)
    monkeypatch.setattr(machine, "_file_system", lambda _: system)
    check = machine.check_room()
    assert check.verdict is verdict
    assert bool(check.advice) is (verdict is not Verdict.OK)


def test_the_file_system_is_that_of_the_nearest_mount() -> None:
    assert machine._file_system(Path("/proc/self")) == "proc"


def test_a_slow_clock_costs_and_says_how_much() -> None:
    assert machine.check_clock(GOOD).verdict is Verdict.OK
    slow = machine.check_clock(changed(clock="monotonic"))
    assert slow.verdict is Verdict.WARN
    assert "each call costs some 40 ns more" in slow.advice
    assert machine.check_clock("no tracer").verdict is Verdict.WARN


def test_a_tracer_with_less_room_than_it_wants_is_a_warning() -> None:
    assert machine.check_tracing(GOOD).verdict is Verdict.OK
    assert machine.check_tracing(changed(warning="room for 5 MiB only")).verdict is Verdict.WARN
    assert machine.check_tracing("it ended by SIGSEGV").verdict is Verdict.FAIL


def test_a_litecore_is_judged_by_version_and_functions() -> None:
    assert check_litecore(None, None).verdict is Verdict.OK
    assert check_litecore("/x.so", GOOD) == Check(
        "litecore", Verdict.OK, "/x.so: LiteCore 3.0.0, factories of 64 bytes"
    )
    assert check_litecore("/x.so", changed(factory_size=0)).verdict is Verdict.WARN
    lacking = check_litecore("/x.so", changed(upcalls=["c4socket_opened"]))
    assert lacking.verdict is Verdict.FAIL
    assert "lacks c4socket_closeRequested, c4socket_closed" in lacking.found
    assert check_litecore("/x.so", "it ended by SIGSEGV").found == "/x.so: it ended by SIGSEGV"


def test_a_trial_is_a_real_tracer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("C4TRACE_DIR", str(tmp_path / "segments"))
    found = attempt(None)
    assert isinstance(found, Trial)
    assert set(found.upcalls) > NEEDED
    assert found.factory_size == 72
    assert list((tmp_path / "segments").iterdir()) == []


def test_a_litecore_that_crashes_or_hangs_takes_nothing_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    script = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    for body, said in ((script, "it ended by SIGKILL"), ("import sys; sys.exit(5)", "it ended with code 5")):
        monkeypatch.setattr(trial, "command", lambda _litecore, body=body: [sys.executable, "-c", body])
        assert attempt("/x.so") == said
    monkeypatch.setattr(trial, "PATIENCE", 0.2)
    monkeypatch.setattr(trial, "command", lambda _litecore: [sys.executable, "-c", "import time; time.sleep(60)"])
    assert attempt("/x.so") == "it did not end within 0.2 s"


@pytest.mark.real
def test_the_real_litecore_is_known() -> None:
    found = attempt(str(PATH))
    assert isinstance(found, Trial)
    assert found.litecore.startswith("3.0.0")
    assert check_litecore("x", found).verdict is Verdict.OK
