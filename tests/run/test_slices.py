"""Slices that a preloaded program was given by `write`: whether it released them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from c4trace.segment.attach import attach
from c4trace.segment.folder import list_segments
from c4trace.segment.snapshot import Flow, Slices, Snapshot
from tests.run.stand_in import EVENTS, Version, build, compile_text, run

KNOWN = Version(30, "3.0.0")
ONE, NONE = Flow(1, EVENTS["write"][1]), Flow(0, 0)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("slices"), KNOWN)


def snapshot(segments: Path) -> Snapshot:
    (file,) = list_segments(segments)
    with attach(file.path) as segment:
        return segment.snapshot()


def test_what_the_program_releases_is_seen_and_what_litecore_releases_itself_is_not(host: Path, segments: Path) -> None:
    done = run("--", host, "new")
    assert (done.returncode, done.stdout) == (0, "factory replaced\n"), done.stderr
    seen = snapshot(segments)
    (factory,) = seen.factories
    assert factory.releases == "interposed"
    assert factory.slices == Slices(written=ONE, released=ONE, not_followed=NONE)
    assert factory.slices.unreleased == NONE
    assert [view.unreleased for view in seen.sessions] == [NONE]


def test_what_the_program_never_releases_shows(host: Path, segments: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    done = run("--log", log, "--", host, "leak")
    assert (done.returncode, done.stdout) == (0, "factory replaced\n"), done.stderr
    seen = snapshot(segments)
    (factory,) = seen.factories
    assert factory.slices == Slices(written=ONE, released=NONE, not_followed=NONE)
    assert factory.slices.unreleased == ONE
    assert [view.unreleased for view in seen.sessions] == [ONE]
    (summary,) = [line for line in map(json.loads, log.read_text().splitlines()) if line["event"] == "summary"]
    assert (summary["slices_unreleased"], summary["slices_unreleased_bytes"]) == (ONE.n, ONE.bytes)
    assert "1 slice of 10 B not released" in done.stderr


def test_of_a_program_whose_releases_cannot_be_seen_nothing_is_said(segments: Path, tmp_path: Path) -> None:
    done = run("--log", tmp_path / "log", "--", build(tmp_path, KNOWN, "-DRELEASES_NOWHERE"), "new")
    assert done.returncode == 0, done.stderr
    seen = snapshot(segments)
    assert [(factory.releases, factory.slices) for factory in seen.factories] == [("not visible", None)]
    assert [view.unreleased for view in seen.sessions] == [None]
    assert "slice" not in (tmp_path / "log").read_text() + done.stderr


def test_each_process_of_a_family_has_its_own_slices(host: Path, segments: Path) -> None:
    done = run("--", host, "fork", "5")
    assert done.returncode == 0, done.stderr
    files = list_segments(segments)
    assert len(files) == 6
    for file in files:
        with attach(file.path) as segment:
            assert [factory.slices for factory in segment.snapshot().factories] == [Slices(ONE, ONE, NONE)]


FLEECE = """
int references = 3;
void _FLBuf_Retain(const void *buffer) { references += buffer != 0; }
void _FLBuf_Release(const void *buffer) { references -= buffer != 0; }
void release_twice(const void *buffer) { _FLBuf_Release(buffer); _FLBuf_Release(buffer); }
"""
WITHOUT_LITECORE = """
#include <stdio.h>
extern int references;
void _FLBuf_Retain(const void *);
void _FLBuf_Release(const void *);
void release_twice(const void *);
int main(void) {
    _FLBuf_Retain("a");
    _FLBuf_Release("a");
    _FLBuf_Release(0);
    release_twice("a");
    printf("%d\\n", references);
    return references;
}
"""


def test_buffers_of_a_program_without_litecore_are_released_as_they_were(tmp_path: Path, segments: Path) -> None:
    compile_text(FLEECE, tmp_path / "libFleece.so", "-shared", "-fPIC")
    link = [f"-L{tmp_path}", "-lFleece", f"-Wl,-rpath,{tmp_path}"]
    program = compile_text(WITHOUT_LITECORE, tmp_path / "fleece", *link)
    done = run("--", program)
    assert (done.returncode, done.stdout) == (1, "1\n")
    assert done.stderr == f"c4trace: nothing was traced: {program} never loaded LiteCore\n"
    assert list_segments(segments) == []
