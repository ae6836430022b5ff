"""The machine that measures, and how much of it other programs had meanwhile."""

from __future__ import annotations

import os
import platform
import re
import resource
import time
from pathlib import Path
from typing import Final

import msgspec

BUSY: Final = 0.1
"""The share of the processors' time in other hands from which on figures are doubtful."""
_TICK: Final = os.sysconf("SC_CLK_TCK")


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What a figure depends on."""

    cpu: str
    cores: int
    memory_gib: float
    virtual: bool
    kernel: str
    clocksource: str
    python: str


def this_machine() -> Machine:
    """The one this runs on."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.*)$", cpuinfo, re.MULTILINE)
    clocksource = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        cpu=model[1] if model else platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(memory / (1 << 30), 1),
        virtual=re.search(r"^flags\s*:.*\bhypervisor\b", cpuinfo, re.MULTILINE) is not None,
        kernel=platform.release().partition("-")[0],
        clocksource=clocksource.read_text().strip() if clocksource.exists() else "unknown",
        python=platform.python_version(),
    )


class Watch:
    """Tells how much processor time went to others since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._machine = _machine_seconds()
        self._own = _own_seconds()

    @property
    def seconds(self) -> float:
        """So long it has watched."""
        return time.monotonic() - self._began

    def others(self) -> float:
        """Their share, between 0 and 1; of our children those count that have ended and were waited for."""
        used = _machine_seconds() - self._machine - (_own_seconds() - self._own)
        return min(1.0, max(0.0, used / (self.seconds * (os.cpu_count() or 1))))


def _machine_seconds() -> float:
    """What all processors have done since boot, for whomever: user, nice, system, irq, softirq, and what was stolen."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / _TICK


def _own_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
