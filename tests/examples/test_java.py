"""The program that uses Couchbase Lite for Java, and is not changed: `c4trace run`, against the peer's own counts."""

from __future__ import annotations

from pathlib import Path

from tests.examples.readme import follow, need
from tests.real import conftest
from tests.real.expectations import mirrored
from tests.real.litecore import PATH
from tests.real.recorded import read_whole
from tests.real.serve import serving


def test_what_the_jar_pushes_is_on_record_to_the_byte(tmp_path: Path) -> None:
    need("mvn", "javac")
    conftest.pytest_runtest_setup()  # skips, or fails, where there is no real LiteCore
    (tmp_path / "peer").mkdir()
    with serving(tmp_path / "peer") as peer:
        follow("java", tmp_path, SYNC_URL=peer.places.push, LD_LIBRARY_PATH=str(PATH.parent))
        served = peer.end()
    assert (served.problems, served.documents) == ([], 10)
    (ours,) = read_whole(tmp_path / "java/app.jsonl").by_factory.values()
    mirrored(ours, served.push, framed=False)
