"""Why nothing was traced, in one sentence."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from c4trace.run.loaded import OURS
from c4trace.run.program import Program, file_of, is_foreign, look_at, our_loader
from c4trace.run.reports import Report

__all__ = ["why_not", "why_nothing"]

_LITECORES = ("libLiteCore.so", "libcblite.so")


def why_not(report: Report) -> str:
    """Say why one process was not traced, from its own report (failed or unknown)."""
    if report.word == "failed":
        return report.text
    version = f"'{report.text}'" if report.text else "that names no version"
    return f"LiteCore {version} is of a version c4trace does not know; it was left alone"


def why_nothing(
    command: str, reports: Iterable[Report], loaded: Collection[Path], bare: Collection[Path], *, dlsym: bool = False
) -> str:
    """Say why no process of a run was traced.

    `command` is the word that was run, `reports` are all there were, `loaded` the files that were seen loaded, `bare`
    those of them that processes loaded into which nothing was preloaded. With `dlsym`, functions that are looked up
    were seen too.
    """
    said = list(reports)
    for report in said:
        if report.word in {"failed", "unknown"}:
            return why_not(report)
    for report in said:
        if report.word in {"loaded", "unlinked"}:
            return _of_a_litecore(report, dlsym=dlsym)
    if said:
        return (
            f"LiteCore {said[0].text} was there, but got no socket factory that could be wrapped: it made no connection"
        )
    executable = look_at(file_of(command))
    others = [
        path
        for path in sorted(loaded)
        if not path.name.startswith(OURS) and (executable is None or path != executable.path)
    ]
    return _of_the_executable(executable) or _of_libraries(others, bare) or f"{command} never loaded LiteCore"


def _of_a_litecore(report: Report, *, dlsym: bool) -> str:
    if report.word == "loaded" or dlsym:
        return f"{report.text} was loaded, but nothing made a replicator or a connection"
    return f"{report.text} was loaded, but nothing is linked to it: if it is looked up by dlsym, run with --dlsym"


def _of_the_executable(program: Program | None) -> str:
    if program is None or not program.is_elf:
        return ""
    if program.is_privileged:
        return f"{program.path} is setuid (or the like), and the loader preloads nothing into such a program"
    if program.has_litecore:
        return f"LiteCore is statically linked in {program.path}: build it with --wrap, or with c4trace.h"
    if not program.loader:
        return f"{program.path} is a static binary, into which nothing can be preloaded"
    if is_foreign(program.loader):
        return (
            f"{program.path} is for another C library or processor (its loader is {program.loader}, c4trace's is "
            f"{our_loader()}), and nothing was preloaded into it"
        )
    return ""


def _of_libraries(paths: list[Path], bare: Collection[Path]) -> str:
    """What was seen from outside, of a process that did not live to tell, or could not."""
    for path in paths:
        if path.name.startswith(_LITECORES) and path in bare:
            return f"{path} was loaded, but something had cleared LD_PRELOAD on the way to the process that did"
        if path.name.startswith(_LITECORES[0]):
            return f"{path} was loaded, but no replicator was made by a call that is seen (with --dlsym more are)"
    for path in paths:
        library_file = look_at(path)
        if library_file is not None and library_file.has_litecore:
            return f"LiteCore is statically linked in {path}, where its functions cannot be interposed"
    return ""
