"""Writes what is made from the dashboards: python -m dashboards.build (`make dashboards`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dashboards.console import console_page
from dashboards.factory import FACTORY_DASHBOARD
from dashboards.fleet import FLEET
from dashboards.grafana import grafana_json
from dashboards.panel import Dashboard
from dashboards.process import PROCESS

__all__ = ["DASHBOARDS", "FOLDER", "made"]

FOLDER: Final = Path(__file__).parent
DASHBOARDS: Final = (FLEET, PROCESS, FACTORY_DASHBOARD)


def made() -> Iterator[tuple[Path, str]]:
    """Give every file that is made, and its text."""
    for dashboard in DASHBOARDS:
        yield FOLDER / "grafana" / f"{dashboard.name}.json", grafana_json(dashboard, _others(dashboard))
        yield FOLDER / "consoles" / f"{dashboard.name}.html", console_page(dashboard, DASHBOARDS)


def _others(dashboard: Dashboard) -> tuple[Dashboard, ...]:
    return tuple(other for other in DASHBOARDS if other is not dashboard)


def main() -> None:
    """Write them."""
    for path, text in made():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
