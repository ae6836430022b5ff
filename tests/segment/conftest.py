"""One traced echo, whose segment is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from c4trace.host import EmbeddedHost
from c4trace.tracer import Traced, Tracer
from tests.factories.echo import EchoFactory


@dataclass(frozen=True)
class Echo:
    host: EmbeddedHost
    tracer: Tracer
    traced: Traced

    @property
    def path(self) -> Path:
        return self.tracer.segment_path


@pytest.fixture
def echo(segments: Path) -> Iterator[Echo]:
    with (
        EchoFactory() as factory,
        EmbeddedHost() as host,
        Tracer("echo", litecore=host, capture="full", folder=segments) as tracer,
    ):
        yield Echo(host, tracer, tracer.wrap(factory, factory="orders"))
