"""The README's blocks, run from top to bottom as a reader would, in a folder of their own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

import c4trace
from tests.real import conftest
from tests.real.litecore import PATH

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
JAVA_EXAMPLE = (ROOT / "examples/java/README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent
PORT = re.compile(r"\b94\d\d\b")


class Block(NamedTuple):
    """A fenced block: its language, and its text."""

    language: str
    text: str


BLOCKS = [Block(*found) for found in re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)]


class Reader:
    """Who does what the README says, with `litecore` (empty: an embedded host), on ports that are free here."""

    def __init__(self, folder: Path, litecore: str) -> None:
        self.folder = folder
        self.ports = {port: str(free_port()) for port in PORT.findall(README)}
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))},
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "C4TRACE_DIR": str(folder / "segments"),
            "README_LITECORE": litecore,
        }

    def do(self, block: Block) -> None:
        """Do what a block says; whatever fails, fails."""
        text = PORT.sub(lambda port: self.ports[port[0]], block.text)
        if block.language == "python":
            self.run([sys.executable, str(self.program(text))], self.environment_of(text))
            return
        assert block.language == "sh", f"nobody knows how to run a block of {block.language!r}"
        for line in text.splitlines():
            if line.startswith("make "):
                self.make(line)
            elif "--port" in line:
                self.serve(line)
            else:
                self.shell(line)

    def program(self, text: str) -> Path:
        """A file with a recipe, what it takes for granted before it, and a look at what it serves after it."""
        program = self.folder / "recipe.py"
        after = "".join(f"\nscrape({port})\n" for port in re.findall(r"start_http_server\((\d+)", text))
        program.write_text(f"from tests.readme_host import LITECORE, replicate, scrape\n{text}{after}")
        return program

    def environment_of(self, text: str) -> dict[str, str]:
        """That of a recipe: it knows the port it serves."""
        return {**self.environment, "README_PORT": "".join(re.findall(r"metrics_port=(\d+)", text))}

    def shell(self, line: str) -> None:
        """A command that ends."""
        assert self.run(["/bin/bash", "-euc", line], self.environment), line

    def run(self, words: list[str], environment: dict[str, str], folder: Path | None = None) -> str:
        """What a command prints that must end well."""
        ended = subprocess.run(
            words, cwd=folder or self.folder, env=environment, capture_output=True, text=True, timeout=100, check=False
        )
        assert ended.returncode == 0, ended
        assert "c4trace: " not in ended.stderr, ended  # whatever is wrong is said so
        return ended.stdout

    def serve(self, line: str) -> None:
        """A command that serves metrics until it is interrupted: scraped."""
        words = line.split()
        with subprocess.Popen(
            [BIN / words[0], *words[1:]], cwd=self.folder, env=self.environment, stderr=subprocess.PIPE, text=True
        ) as serving:
            assert serving.stderr is not None
            url = re.search(r"http://\S+", serving.stderr.readline())
            assert url, line
            with urllib.request.urlopen(url[0], timeout=30) as answer:  # noqa: S310 - our own
                assert 'c4trace_calls_total{call="write",factory="WebSocketFactory"' in sorted_labels(answer.read())
            serving.send_signal(signal.SIGINT)
            assert serving.wait(30) == 0

    def make(self, line: str) -> None:
        """What `make` would do last: the demo is done, the tests are what runs here."""
        planned = self.run(["/bin/bash", "-euc", line.replace("make", "make --dry-run", 1)], self.environment, ROOT)
        command = planned.splitlines()[-1].strip()
        if "pytest" in command:
            assert command == ".venv/bin/pytest"
        else:
            self.shell(command.replace(".venv/bin", str(BIN)))

    @contextmanager
    def running(self, recipe: Block) -> Iterator[None]:
        """The program of a recipe goes on."""
        text = PORT.sub(lambda port: self.ports[port[0]], recipe.text)
        with subprocess.Popen(
            [sys.executable, self.program(text)],
            cwd=self.folder,
            env={**self.environment_of(text), "README_STAYS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as program:
            assert program.stdin is not None
            assert program.stdout is not None
            assert program.stdout.readline() == "replicated\n"
            yield
            program.stdin.close()
            assert program.wait(30) == 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def sorted_labels(page: bytes) -> str:
    """A page whose samples have their labels in the alphabet's order."""
    return re.sub(r"\{(.*?)\}", lambda labels: "{" + ",".join(sorted(labels[1].split(","))) + "}", page.decode())


@pytest.fixture(params=["an embedded host", "LiteCore"])
def litecore(request: pytest.FixtureRequest) -> str:
    """What plays LiteCore's part: the path of a real one, or nothing."""
    if request.param != "LiteCore":
        return ""
    conftest.pytest_runtest_setup()  # skips, or fails, where there is none
    return str(PATH)


def test_every_block_of_the_readme_does_what_it_says(tmp_path: Path, litecore: str) -> None:
    reader = Reader(tmp_path, litecore)
    recipe = next(block for block in BLOCKS if "metrics_port=" in block.text)
    for block in BLOCKS:
        if block.language == "text" or "java -jar" in block.text:
            assert block.text in JAVA_EXAMPLE  # which tests/examples/test_java.py does
        elif "c4trace ps" in block.text:
            with reader.running(recipe):
                reader.do(block)
        else:
            reader.do(block)
    for name in ("orders.jsonl", "echo.jsonl"):
        with c4trace.open_recording(tmp_path / name) as recording:
            assert list(recording)
            assert (recording.torn, recording.mismatches) == (None, ())


def test_the_readme_has_two_commands_and_six_recipes() -> None:
    assert re.findall(r"^make \w+", BLOCKS[0].text, re.MULTILINE) == ["make demo", "make test"]
    recipes = README.partition("\n## Recipes\n")[2].partition("\n## ")[0]
    assert len(re.findall(r"^### ", recipes, re.MULTILINE)) == 6
    assert {block.language for block in BLOCKS} == {"python", "sh", "text"}
    assert "\n    " not in re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)  # no other block


def test_the_readme_links_to_what_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []
