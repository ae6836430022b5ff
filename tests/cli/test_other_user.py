"""What another user of the machine sees of a segment: nothing."""

from __future__ import annotations

import os
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from c4trace.segment.attach import attach
from c4trace.segment.folder import SegmentError, list_segments
from c4trace.trace_error import TraceError
from c4trace.tracer import Tracer
from tests.cli.talking import talking

NOBODY = 65_534

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everybody may enter."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def as_nobody(do: Callable[[], None]) -> None:
    """Have another user do it, in a child of ours (whose programs that user may not even execute)."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            do()
            code = 0
        except BaseException:  # noqa: BLE001 - told by the exit code
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_neither_folder_nor_segment_can_be_opened(public: Path) -> None:
    with talking(public / "s", "orders") as host:
        host.tell("talk")
        assert (public / "s").stat().st_mode & 0o777 == 0o700
        assert host.path.stat().st_mode & 0o777 == 0o600

        def refused() -> None:
            for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR):
                with pytest.raises(PermissionError):
                    os.open(host.path, flags)
            with pytest.raises(PermissionError):
                list((public / "s").iterdir())
            with pytest.raises(SegmentError, match="belongs to user 0: look as that user"):
                attach(host.path)
            with pytest.raises(SegmentError):
                list_segments(public / "s")

        as_nobody(refused)


def test_a_folder_that_was_opened_does_not_open_the_segments(public: Path) -> None:
    with talking(public / "s", "orders") as host:
        (public / "s").chmod(0o755)

        def refused() -> None:
            with pytest.raises(PermissionError):
                os.open(host.path, os.O_RDONLY)
            with pytest.raises(SegmentError, match="belongs to user 0: look as that user"):
                attach(host.path)

        as_nobody(refused)
        host.path.chmod(0o644)

        def looks() -> None:
            with pytest.raises(SegmentError, match="belongs to user 0: look as that user"):
                attach(host.path)

        as_nobody(looks)


def test_a_tracer_makes_no_segment_in_another_users_folder(public: Path) -> None:
    (public / "s").mkdir(mode=0o700)
    os.chown(public / "s", NOBODY, NOBODY)
    with pytest.raises(TraceError, match="is not a folder of this user alone"):
        Tracer("orders", folder=public / "s")
    assert list((public / "s").iterdir()) == []
