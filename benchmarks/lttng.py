"""A session of LTTng for as long as it is measured, and the factory that LTTng-UST traces."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from cffi import FFI

from c4trace.bench.loop import INNER

LIBRARY: Final = Path(__file__).parents[1] / "build/bench/write_events.so"
LTTNG: Final = shutil.which("lttng") or ""
DAEMON: Final = shutil.which("lttng-sessiond") or ""
SESSION: Final = f"c4trace-bench-{os.getpid()}"
PATIENCE: Final = 10.0


class Traced(NamedTuple):
    """The address of the factory, and whether LTTng still records what it does."""

    factory: int
    is_on: Callable[[], object]


@contextmanager
def tracing(miss: Callable[[str], None]) -> Iterator[Traced | None]:
    """The traced factory, while a session records into memory, overwriting the oldest; None after a `miss`.

    A daemon of LTTng's is used that runs, else one is started and ended.
    """
    if not (LIBRARY.exists() and LTTNG and DAEMON):
        miss("LTTng-UST is not installed: make bench-peers")
        yield None
        return
    with ExitStack() as ends:
        try:
            _daemon(ends)
            folder = ends.enter_context(tempfile.TemporaryDirectory())
            _session(ends, folder)
            traced = _traced()
        except (OSError, subprocess.CalledProcessError, TimeoutError) as error:
            miss(f"LTTng does not run here: {error}")
            traced = None
        yield traced


def _daemon(ends: ExitStack) -> None:
    if _lttng("list", check=False) == 0:
        return
    daemon = subprocess.Popen(
        [DAEMON, "--no-kernel"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    ends.callback(daemon.wait)
    ends.callback(daemon.terminate)
    _until(lambda: _lttng("list", check=False) == 0, "lttng-sessiond does not answer")


def _session(ends: ExitStack, folder: str) -> None:
    _lttng("create", SESSION, "--snapshot", f"--output={folder}")
    ends.callback(_lttng, "destroy", SESSION, check=False)
    _lttng("enable-channel", "--userspace", "ring", "--overwrite", "--subbuf-size=512K", "--num-subbuf=2")
    _lttng("enable-event", "--userspace", "--channel=ring", "c4trace_bench:*")
    _lttng("start")


def _traced() -> Traced:
    declared = FFI()
    declared.cdef("const void *lttng_wrap(const void *factory); int lttng_is_on(void);")
    os.environ.setdefault("LTTNG_UST_REGISTER_TIMEOUT", str(round(PATIENCE * 1000)))
    library = declared.dlopen(str(LIBRARY))
    _until(library.lttng_is_on, "its session does not reach this process")
    factory = int(declared.cast("uintptr_t", library.lttng_wrap(declared.cast("void *", INNER))))
    return Traced(factory, library.lttng_is_on)


def _lttng(*words: str, check: bool = True) -> int:
    ended = subprocess.run([LTTNG, "--no-sessiond", *words], capture_output=True, check=check, timeout=60)
    return ended.returncode


def _until(happened: Callable[[], object], otherwise: str) -> None:
    end = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > end:
            raise TimeoutError(otherwise)
        time.sleep(0.05)
