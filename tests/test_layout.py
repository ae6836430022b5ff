"""The layout's rules: who may import whom, how long a file may be, what may stand nowhere in the tree."""

from __future__ import annotations

import ast
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

ROOT = Path(__file__).resolve().parent.parent
MADE_BY_TOOLS = {".git", ".venv", "build", "dist", ".litecore", "__pycache__", ".hypothesis"}
MADE_BY_TOOLS |= {".mypy_cache", ".pytest_cache", ".ruff_cache", "c4trace-demo"}

# Package or module of c4trace -> the only others of ours it may import. What is not named here may import all but cli.
MAY_IMPORT = {
    "events": {"decode"},
    "decode": {"events"},
    "redact": {"events", "decode", "_native"},  # the host's tables
    "contract": {"events", "decode", "redact"},
    "recording": {"events", "decode", "redact"},
}
LONGEST = {".py": 350, ".c": 400}

REGISTRY = re.compile(
    r"https?://([a-z0-9-]+\.)*(pypi|pythonhosted|repo[0-9]*\.maven|npmjs|proxy\.golang|crates|deb\.debian)"
)
MACHINE_PATH = re.compile(r"(?<![\w.~])(-[ILo])?/(home/\w|root/|[w]ork/|Users/\w)")


def tree() -> Iterator[Path]:
    """Every file of ours."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in MADE_BY_TOOLS]
        for name in names:
            yield Path(folder, name)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def ours_imported(source: str, module: str, *, is_package: bool = False) -> set[str]:
    """The dotted names under c4trace that a module's source imports, wherever in it, relative ones resolved."""
    found = set()
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*parents, *([node.module] if node.module else [])])
            found |= {f"{origin}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] == "c4trace"}


def breaks_import_rule(module: str, imported: str) -> bool:
    """Whether the layout forbids `module` to import `imported`, both dotted names under c4trace."""
    importer, target = module.split(".")[1:], imported.split(".")[1:]
    home, other = (importer or [""])[0], (target or [""])[0]
    if other == "cli":
        return home != "cli"
    if home == other == "sinks" and len(importer) > 1:
        return target[1:2] != importer[1:2]
    return home in MAY_IMPORT and other not in {home, *MAY_IMPORT[home]}


def includes_python(source: str) -> bool:
    return re.search(r'^\s*#\s*include\s*[<"](\w+/)*Python\.h[>"]', source, re.MULTILINE) is not None


def text_of(path: Path) -> str:
    """A file as text, a compressed recording unpacked, what is no text as it comes."""
    data = path.read_bytes()
    if path.suffix == ".zst":
        data = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True).read()
    return data.decode("utf-8", errors="replace")


def test_modules_import_only_what_the_layout_allows() -> None:
    breaches = [
        f"{module} imports {imported}"
        for path in sorted((ROOT / "c4trace").rglob("*.py"))
        for module in [module_name(path)]
        for imported in ours_imported(path.read_text(), module, is_package=path.name == "__init__.py")
        if breaks_import_rule(module, imported)
    ]
    assert breaches == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("c4trace.events", "from c4trace.segment import reader"),
        ("c4trace.decode.blip", "def late():\n    import c4trace.recording.reader"),
        ("c4trace.decode.blip", "from ..contract import rules"),
        ("c4trace.decode.blip", "from .. import contract"),
        ("c4trace.contract.rules", "from c4trace import Tracer"),
        ("c4trace.contract.rules", "from c4trace.recording.reader import events"),
        ("c4trace.recording.writer", "import c4trace"),
        ("c4trace.sinks.metrics", "from .logs import line"),
        ("c4trace.sinks.metrics", "from c4trace.sinks import logs"),
        ("c4trace.tracer", "from c4trace.cli.main import main"),
        ("c4trace.report.show", "from .. import cli"),
    ],
)
def test_an_import_against_the_layout_is_found(module: str, source: str) -> None:
    assert any(breaks_import_rule(module, imported) for imported in ours_imported(source, module))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("c4trace.decode.blip", "from c4trace.events import Event\nfrom .websocket import Frame\nimport msgspec"),
        ("c4trace.contract.rules", "from c4trace.redact import Policy\nfrom . import states"),
        ("c4trace.sinks.metrics", "from c4trace.segment.snapshot import Snapshot\nimport c4trace.sinks.metrics"),
        ("c4trace.cli.main", "from c4trace.cli.demo import demo\nimport c4trace"),
        ("c4trace.tracer", "from c4trace.sinks import logs, metrics"),
    ],
)
def test_an_import_within_the_layout_is_allowed(module: str, source: str) -> None:
    assert not any(breaks_import_rule(module, imported) for imported in ours_imported(source, module))


def test_native_code_includes_no_python() -> None:
    sources = [path for path in (ROOT / "c4trace/native").iterdir() if path.suffix in {".c", ".h"}]
    assert sources
    assert [path.name for path in sources if includes_python(path.read_text())] == []
    assert includes_python("#include <stddef.h>\n# include <python3.11/Python.h>\n") is False
    assert includes_python('#include <stddef.h>\n#  include "Python.h"\n')


def test_no_file_is_too_long() -> None:
    lengths = {path: len(path.read_bytes().splitlines()) for path in tree() if path.suffix in LONGEST}
    assert len(lengths) > 10
    too_long = [f"{path.relative_to(ROOT)}: {n} lines" for path, n in lengths.items() if n > LONGEST[path.suffix]]
    assert too_long == []


def test_the_tree_names_no_machine_and_no_registry() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in tree()
        for pattern in (REGISTRY, MACHINE_PATH)
        for match in pattern.finditer(text_of(path))
    ]
    assert found == []


@pytest.mark.parametrize("leak", ["see https" + "://files.pythonhosted.org/x", "https" + "://pypi.org/simple"])
def test_a_registry_address_is_found(leak: str) -> None:
    assert REGISTRY.search(leak)


@pytest.mark.parametrize("leak", ["/home" + "/ann/x.c", '"/root' + '/.m2"', "-I/wo" + "rk/main", "/Users" + "/ann"])
def test_a_machine_path_is_found(leak: str) -> None:
    assert MACHINE_PATH.search(leak)
