"""The quickstart, done from top to bottom as a reader would."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import c4trace
from tests.docs.pages import DOCS, ROOT, Block, blocks
from tests.run import stand_in

BLOCKS = blocks(DOCS / "quickstart.md")
PATIENCE = 100


def environment(folder: Path) -> dict[str, str]:
    """That of a reader who has followed so far."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**others, "PATH": path, "C4TRACE_DIR": str(folder / "segments")}


def do(block: Block, folder: Path) -> str:
    """Do what a block says; whatever fails, fails. What it prints."""
    lines = (re.sub("^make", f"make --dry-run -C {ROOT}", line) for line in block.text.splitlines())
    # The doctor says 1 where there is anything to be done on this machine.
    text = "\n".join("c4trace doctor || [ $? = 1 ]" if line == "c4trace doctor" else line for line in lines)
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, (block.text, done)
    return done.stdout + done.stderr


@contextmanager
def running(block: Block, folder: Path) -> Iterator[None]:
    """The program of a block goes on until somebody interrupts it."""
    words = block.text.split()
    with subprocess.Popen(words, cwd=folder, env=environment(folder), stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        try:
            assert program.stdout.readline() == "talking until Ctrl-C\n"
            yield
            program.send_signal(signal.SIGINT)
            assert program.wait(PATIENCE) == 0
        finally:
            program.kill()


def test_every_block_of_the_quickstart_does_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "recordings").symlink_to(ROOT / "recordings")
    stand_in.build(tmp_path, stand_in.Version(30, "3.0.0")).rename(tmp_path / "app")
    said = ""
    at = next(i for i, block in enumerate(BLOCKS) if block.text == "python orders.py\n")
    for block in BLOCKS[:at]:
        if block.language == "python":
            (tmp_path / "orders.py").write_text(block.text, encoding="utf-8")
        else:
            said += do(block, tmp_path)
    with running(BLOCKS[at], tmp_path):
        listed, recorded = (do(block, tmp_path) for block in BLOCKS[at + 1 : at + 3])
    assert 'c4trace_calls_total{call="write"' in listed
    assert "write" in recorded
    assert "traced process" in do(BLOCKS[at + 3], tmp_path)
    assert len(BLOCKS) == at + 4
    assert "WebSocket/1006" in said
    assert "[redacted]" in said
    for name in ("orders.jsonl", "app.jsonl"):
        with c4trace.open_recording(tmp_path / name) as recording:
            assert list(recording)
            assert recording.mismatches == ()


def test_the_quickstart_has_no_block_that_nobody_runs() -> None:
    assert {block.language for block in BLOCKS} == {"sh", "python"}
    text = (DOCS / "quickstart.md").read_text(encoding="utf-8")
    assert len(re.findall("^```", text, re.MULTILINE)) == 2 * len(BLOCKS)
