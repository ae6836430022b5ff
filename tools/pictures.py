"""Draws the README's pictures from real runs on a terminal: python tools/pictures.py (`make pictures`)."""

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
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

DOCS: Final = Path(__file__).parents[1] / "docs"
C4TRACE: Final = Path(sys.executable).with_name("c4trace")
PICTURES: Final = {
    "demo": ("c4trace demo", 76, None),
    "show": ("c4trace show c4trace-demo/recording.jsonl --session 1", 104, 24),
}
"""By name, what is typed, how wide the terminal is, and how many of the lines that come are drawn (None: all)."""

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


def drawn(typed: str, output: str, columns: int, lines: int | None) -> str:
    """An SVG of a terminal in which `typed` was entered and its output came, of which the first `lines` are shown."""
    console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.assemble(("$ ", "green"), (typed, "bold")))
    shown = output.replace("\r\n", "\n").rstrip("\n").split("\n")
    for line in shown[:lines]:
        console.print(Text.from_ansi(line), no_wrap=True, overflow="crop")
    if lines is not None and len(shown) > lines:
        console.print(Text(f"… {len(shown) - lines} lines more", "dim"))
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


if __name__ == "__main__":
    main()
