"""The program that loads LiteCore by cffi and wraps its factory, against the peer's own counts."""

from __future__ import annotations

from pathlib import Path

from tests.examples.readme import follow
from tests.real import conftest
from tests.real.expectations import mirrored
from tests.real.litecore import PATH
from tests.real.recorded import read_whole
from tests.real.serve import serving


def test_what_the_program_pushes_is_on_record_to_the_byte(tmp_path: Path) -> None:
    conftest.pytest_runtest_setup()  # skips, or fails, where there is no real LiteCore
    (tmp_path / "peer").mkdir()
    with serving(tmp_path / "peer") as peer:
        follow("python", tmp_path, LITECORE=str(PATH), SYNC_URL=peer.places.push)
        served = peer.end()
    assert (served.problems, served.documents) == ([], 1)
    (ours,) = read_whole(tmp_path / "python/push.jsonl").by_factory.values()
    mirrored(ours, served.push, framed=False)
