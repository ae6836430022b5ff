"""What every test of a factory demands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from c4trace._native import ffi, lib


@pytest.fixture(autouse=True)
def _nothing_is_used_after_its_end() -> Iterator[None]:
    def strays() -> tuple[int, int, int]:
        now = ffi.new("c4thost_strays *")
        lib.c4thost_get_strays(now)
        return now.up_calls, now.releases, now.slices

    before = strays()
    yield
    assert strays() == before
