"""The variables of the dashboards: each narrows what those before it leave."""

from __future__ import annotations

from typing import Final

from dashboards.panel import Variable

__all__ = ["FACTORY", "INSTANCE", "IN_FACTORY", "IN_PROCESS", "IN_TARGET", "JOB", "NAME"]

IN_TARGET: Final = 'job=~"$job",instance=~"$instance"'
IN_PROCESS: Final = f'{IN_TARGET},name=~"$name"'
"""A process that serves a page of its own has no label `name`, which "all" matches too."""
IN_FACTORY: Final = f'{IN_PROCESS},factory=~"$factory"'

JOB: Final = Variable("job", "Job", "c4trace_info")
INSTANCE: Final = Variable("instance", "Target", 'c4trace_info{job=~"$job"}')
NAME: Final = Variable("name", "Process", f"c4trace_calls_total{{{IN_TARGET}}}")
FACTORY: Final = Variable("factory", "Factory", f"c4trace_calls_total{{{IN_PROCESS}}}")
