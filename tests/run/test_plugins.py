"""Several LiteCores in one process, none of which the program itself is linked to."""

from __future__ import annotations

from pathlib import Path

import pytest

from c4trace.segment.attach import attach
from c4trace.segment.folder import list_segments
from tests.run.stand_in import EVENTS, Version, build_plugin, build_plugins_host, run
from tests.tracing import Counted, recorded

OLD, NEW, UNKNOWN = Version(30, "3.0.0"), Version(41, "4.1.0"), Version(99, "9.9.9")
REPLACED, AS_GIVEN = "factory replaced", "factory as given"


def times(n: int, more: Counted) -> Counted:
    return {name: (n * count, n * size) for name, (count, size) in (EVENTS | more).items()}


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[Version, Path]]:
    """The program, and a plugin of each version."""
    folder = tmp_path_factory.mktemp("plugins")
    names = {OLD: "libLiteCore.so", NEW: "libcblite.so", UNKNOWN: "libother.so"}
    return build_plugins_host(folder), {version: build_plugin(folder, version, name) for version, name in names.items()}


@pytest.mark.parametrize("how", ["new", "with-socket", "from-native", "register"])
@pytest.mark.parametrize(
    "order",
    [(OLD,), (OLD, NEW), (NEW, OLD), (OLD, UNKNOWN, NEW), (UNKNOWN, OLD)],
    ids=lambda order: "-".join(version.text for version in order),
)
def test_each_plugin_s_sessions_reach_its_own_litecore(
    plugins: tuple[Path, dict[Version, Path]],
    order: tuple[Version, ...],
    how: str,
    tmp_path: Path,
    segments: Path,
) -> None:
    program, built = plugins
    record = tmp_path / "plugins.jsonl"
    done = run("--record", record, "--", program, how, *(built[version] for version in order))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == 2 * [AS_GIVEN if version is UNKNOWN else REPLACED for version in order]
    known = 2 * sum(version is not UNKNOWN for version in order)
    made: Counted = {"fromNative": (1, 0)} if how == "from-native" else {}
    expected = times(known, made)
    if made and NEW in order:
        expected["attached"] = (2, 0)
    assert recorded(record) == expected
    (file,) = list_segments(segments)
    with attach(file.path) as segment:
        factories = segment.snapshot().factories
    assert [factory.label.split("-")[0] for factory in factories] == ["plugin"] * (known // 2)
    assert [factory.sessions for factory in factories] == [2] * (known // 2)
    told = f"LiteCore '{UNKNOWN.text}' is of a version c4trace does not know; it was left alone"
    assert (told in done.stderr) is (UNKNOWN in order)
