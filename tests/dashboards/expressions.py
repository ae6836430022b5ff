"""PromQL as tests need it: with its variables filled in, and the metrics it names."""

from __future__ import annotations

import re

ALL = dict.fromkeys(("job", "instance", "name", "factory"), ".*")
KEYWORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset"}


def filled(expr: str, **chosen: str) -> str:
    """An expression of a dashboard as Grafana sends it where these values are chosen and all of the others."""
    text = expr.replace("$__rate_interval", "10s")
    for name, value in {**ALL, **chosen}.items():
        text = text.replace(f"${name}", value)
    assert "$" not in text, text
    return text


def metrics_in(expr: str) -> set[str]:
    """The metrics that an expression names."""
    text = re.sub(r'"[^"]*"', "", expr)
    text = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", text)
    text = re.sub(r"\b(?:by|without|on|ignoring)\s*\([^)]*\)", "", text)
    names = re.finditer(r"(?<![\w.:])[a-zA-Z_:][\w:]*(?!\s*\(|[\w:])", text)
    return {name[0] for name in names} - KEYWORDS
