"""docs/environment.md against the code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import DOCS, ROOT, blocks
from tests.run import stand_in

PAGE = (DOCS / "environment.md").read_text(encoding="utf-8")
READ = re.compile(r'"_?(C4TRACE_[A-Z_]+)"|\$(C4TRACE_[A-Z_]+)')


def test_every_variable_that_is_read_or_set_is_documented_and_no_other() -> None:
    sources = [path for path in (ROOT / "c4trace").rglob("*") if path.suffix in {".py", ".c", ".h"}]
    used = {name for path in sources for found in READ.findall(path.read_text(encoding="utf-8")) for name in found}
    documented = set(re.findall(r"`_?(C4TRACE_[A-Z_]+)`", PAGE))
    assert documented == used - {""}
    assert len(documented) > 5


def test_a_program_is_traced_by_preloading_as_the_page_says(tmp_path: Path) -> None:
    stand_in.build(tmp_path, stand_in.Version(30, "3.0.0")).rename(tmp_path / "app")
    (block,) = blocks(DOCS / "environment.md")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", block.text],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "C4TRACE_DIR": str(tmp_path / "segments")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "▼ dispose" in done.stdout
