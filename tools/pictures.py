"""Draws the README's pictures from real runs on a terminal: python -m tools.pictures (`make pictures`)."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.segment import SegmentLines
from rich.terminal_theme import MONOKAI
from rich.text import Text

from c4trace.segment.watch import Watch
from c4trace.tui.line import Line
from c4trace.tui.loop import LOOK_EVERY_S
from c4trace.tui.processes import Processes
from c4trace.tui.viewer import Viewer
from tests.tui.crowd import crowded

DOCS: Final = Path(__file__).parents[1] / "docs"
C4TRACE: Final = Path(sys.executable).with_name("c4trace")
PICTURES: Final = {
    "demo": ("c4trace demo", 76, None),
    "show": ("c4trace show c4trace-demo/recording.jsonl --session 1", 104, 24),
}
"""By name, what is typed, how wide the terminal is, and how many of the lines that come are drawn (None: all)."""

LIVE: Final = (118, 28, 8.0)
"""Columns and lines of the live screen, and when it is drawn."""

FONT_FACES = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""rich names fonts to be fetched from the network; any monospaced font will do."""


def on_terminal(words: list[str], folder: Path, columns: int) -> str:
    """What a command writes to a terminal so wide, escape sequences included."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    path = f"{C4TRACE.parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "TERM": "xterm-256color", "C4TRACE_DIR": str(folder / "segments")}
    written = bytearray()
    with subprocess.Popen(words, cwd=folder, env=environment, stdin=its, stdout=its, stderr=its) as command:
        os.close(its)
        try:
            while read := os.read(ours, 65536):
                written += read
        except OSError:  # so a terminal says that nobody writes to it any more
            os.close(ours)
    if command.returncode:
        sys.exit(f"pictures: {' '.join(words)} ended with {command.returncode}: {written.decode()}")
    return written.decode()


def live_screen(folder: Path, columns: int, lines: int, seconds: float) -> list[Line]:
    """The live screen beside a host whose sockets talk, wait and hang, after so many seconds."""
    segments = folder / "live"
    os.environ["C4TRACE_DIR"] = str(segments)
    habits = ("refused", "denied", "dropped", "hoards", "floods", "lingers", "hangs")
    with crowded(segments, "orders", 9, *habits) as host, Watch() as watch:
        host.tell("busy")
        viewer = Viewer(Processes(watch), watch)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            viewer.look()
            time.sleep(LOOK_EVERY_S)
        return viewer.draw(columns, lines)


def terminal(typed: str, columns: int) -> Console:
    """One in which `typed` was entered."""
    console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.assemble(("$ ", "green"), (typed, "bold")))
    return console


def drawn(typed: str, output: str, columns: int, lines: int | None) -> str:
    """An SVG of a terminal in which `typed` was entered and its output came, of which the first `lines` are shown."""
    console = terminal(typed, columns)
    shown = output.replace("\r\n", "\n").rstrip("\n").split("\n")
    for line in shown[:lines]:
        console.print(Text.from_ansi(line), no_wrap=True, overflow="crop")
    if lines is not None and len(shown) > lines:
        console.print(Text(f"… {len(shown) - lines} lines more", "dim"))
    return svg_of(console)


def svg_of(console: Console) -> str:
    """What stands in a terminal, as an SVG that needs nothing from elsewhere."""
    svg = console.export_svg(title="c4trace", theme=MONOKAI, unique_id="c4trace")
    svg = svg.replace("<text ", '<text xml:space="preserve" ')  # some viewers drop a text's leading blanks otherwise
    return FONT_FACES.sub("", svg).replace("Fira Code", "ui-monospace, DejaVu Sans Mono")


def main() -> None:
    """Run what is drawn, in a folder of its own, and write docs/NAME.svg."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for name, (typed, columns, lines) in PICTURES.items():
            output = on_terminal([str(C4TRACE), *typed.split()[1:]], folder, columns)
            (DOCS / f"{name}.svg").write_text(drawn(typed, output, columns, lines), encoding="utf-8")
            print(f"pictures: docs/{name}.svg")
        console = terminal("c4trace live", LIVE[0])
        console.print(SegmentLines(live_screen(folder, *LIVE), new_lines=True), soft_wrap=True)
        (DOCS / "live.svg").write_text(svg_of(console), encoding="utf-8")
        print("pictures: docs/live.svg")


if __name__ == "__main__":
    main()
