"""Dashboards as console templates: pages that Prometheus itself serves and that ask it for what they draw."""

from __future__ import annotations

import html
import json
from pathlib import Path
from string import Template
from typing import Final

from dashboards.panel import Dashboard, Panel, Row

__all__ = ["console_page"]

PAGE: Final = Path(__file__).parent / "page"


def console_page(dashboard: Dashboard, all_of_them: tuple[Dashboard, ...]) -> str:
    """Give the page of `dashboard`, with links to the others; it needs nothing from elsewhere."""
    page = Template(_part("page.html")).substitute(
        title=html.escape(dashboard.title),
        description=html.escape(dashboard.description),
        links=" ".join(_link(other, here=other is dashboard) for other in all_of_them),
        css=_part("page.css"),
        dashboard=_json(dashboard),
        draw=_part("draw.js"),
        script=_part("page.js"),
    )
    if "{{" in page:  # Prometheus takes it for an action of the template
        raise ValueError(f"{dashboard.name}: a page must not contain '{{{{'")
    return page


def _part(name: str) -> str:
    return (PAGE / name).read_text(encoding="utf-8")


def _link(dashboard: Dashboard, *, here: bool) -> str:
    current = ' aria-current="page"' if here else ""
    return f'<a href="{dashboard.name}.html"{current}>{html.escape(dashboard.name)}</a>'


def _json(dashboard: Dashboard) -> str:
    content = {
        "variables": [
            {"label": variable.label, "title": variable.title, "of": variable.of} for variable in dashboard.variables
        ],
        "rows": [_row(row) for row in dashboard.rows],
    }
    return json.dumps(content, indent=1, ensure_ascii=False).replace("</", "<\\/")


def _row(row: Row) -> dict[str, object]:
    return {"title": row.title, "panels": [_panel(panel) for panel in row.panels]}


def _panel(panel: Panel) -> dict[str, object]:
    return {
        "title": panel.title,
        "description": panel.description,
        "unit": panel.unit.value,
        "shape": panel.shape.value,
        "width": panel.width,
        "line": panel.line,
        "columns": panel.columns,
        "queries": [{"expr": query.expr, "legend": query.legend} for query in panel.queries],
    }
