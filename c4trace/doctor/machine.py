"""The machine: where segments go, how much room there is, which clock, which port."""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import CollectorRegistry

from c4trace.doctor.check import Check, fail, failed, ok, warn
from c4trace.doctor.trial import Trial
from c4trace.report.quantities import bytes_text, noun
from c4trace.segment.folder import SegmentError, list_segments, segment_folders
from c4trace.sinks.scrape import MetricsServer, ServeError

__all__ = ["check_clock", "check_folder", "check_port", "check_room", "check_tracing"]

SEGMENT = 16 << 20  # of a tracer; 64 MiB while it records, where that is at most a quarter of the room
COMFORTABLE = 4 * SEGMENT
FAST_CLOCKS = {"tsc", "cntvct"}


def check_folder() -> Check:
    """Look at the folder of the segments, and who may read it."""
    folder = segment_folders()[0]
    try:
        segments = list_segments(folder)
    except SegmentError as error:
        return failed("segment folder", str(error), "set C4TRACE_DIR to a folder of yours")
    parent = folder if folder.exists() else folder.parent
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        return fail("segment folder", f"{parent} cannot be written", "set C4TRACE_DIR to a folder on a tmpfs")
    held = sum(_size(file.path) for file in segments)
    there = f"{len(segments)} {noun(len(segments), 'segment')}, {bytes_text(held)}" if segments else "no segment yet"
    return ok("segment folder", f"{folder}: {there}")


def check_room() -> Check:
    """Look at how much room there is for segments, and whether it is memory."""
    folder = segment_folders()[0]
    place = next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))
    about = os.statvfs(place)
    size, free = about.f_blocks * about.f_frsize, about.f_bavail * about.f_frsize
    found = f"{bytes_text(free)} free of {bytes_text(size)} at {place}"
    if free < SEGMENT:
        return fail("room", found, "free some, or give the container more: docker run --shm-size=256m")
    if size < COMFORTABLE:
        return warn("room", found, "segments are made smaller; give the container more: docker run --shm-size=256m")
    if _file_system(place) not in {"tmpfs", "ramfs", ""}:
        return warn("room", f"{found}, which is a disk", "set C4TRACE_DIR to a folder on a tmpfs: disks delay the host")
    return ok("room", found)


def check_tracing(trial: Trial | str) -> Check:
    """Look at how a real tracer, opened in a process of its own, got on."""
    if isinstance(trial, str):
        return failed("tracing", f"a tracer cannot be opened: {trial}", "mend this first: nothing can be traced")
    if trial.warning:
        return warn("tracing", trial.warning, "free memory at that place, or set C4TRACE_DIR")
    return ok("tracing", f"a tracer opens, with a segment of {bytes_text(trial.segment_bytes)}")


def check_clock(trial: Trial | str) -> Check:
    """Look at the clock that stamps events."""
    current = _text(Path("/sys/devices/system/clocksource/clocksource0/current_clocksource"))
    kernel = f"the kernel uses {current}" if current else "the kernel does not say which it uses"
    if isinstance(trial, str):
        return warn("clock", f"not known without a tracer; {kernel}", "mend tracing first")
    if trial.clock in FAST_CLOCKS:
        return ok("clock", f"{trial.clock}; {kernel}")
    advice = "each call costs some 40 ns more; where the machine has a stable TSC, boot with clocksource=tsc"
    return warn("clock", f"clock_gettime; {kernel}", advice)


def check_port(port: int | None) -> Check:
    """Look whether metrics can be served at the port."""
    if port is None:
        return ok("metrics port", "none asked for; --port N looks at one")
    try:
        with MetricsServer(CollectorRegistry(), port) as server:
            return ok("metrics port", f"{server.port} is free")
    except ServeError as error:
        return failed("metrics port", str(error), "choose another port")


def _size(path: Path) -> int:
    try:
        return path.stat().st_blocks * 512
    except OSError:  # its tracer has just closed
        return 0


def _file_system(place: Path) -> str:
    """Give the type of the file system that `place` is on; empty where the kernel does not say."""
    best, found = "", ""
    for line in _text(Path("/proc/mounts")).splitlines():
        fields = line.split()
        if len(fields) > 2 and place.is_relative_to(fields[1]) and len(fields[1]) >= len(best):
            best, found = fields[1], fields[2]
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
