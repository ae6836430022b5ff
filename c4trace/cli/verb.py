"""What all verbs have in common: how their help looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import rich_click

__all__ = ["HELP_STYLE", "verb"]

HELP_STYLE: dict[str, Any] = {"text_paragraph_linebreaks": "\n\n", "max_width": 100}


def verb(examples: str, **settings: Any) -> Callable[[Callable[..., None]], rich_click.RichCommand]:
    """Make a function a verb; `examples`, one command a line, stand at the end of its help."""
    lines = [f"$ {line.strip()}" for line in examples.strip().splitlines()]
    epilog = "\n\n".join(["Examples:", *lines])  # rich-click makes one line end of two, and a blank of one
    return rich_click.command(epilog=epilog, context_settings={"rich_help_config": HELP_STYLE}, **settings)
