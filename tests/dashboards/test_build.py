"""The dashboards: made of what is committed, whole, and the same wherever they are drawn."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dashboards import lines
from dashboards.build import DASHBOARDS, FOLDER, made
from dashboards.panel import Dashboard, Panel, Shape
from dashboards.server import RULES

ALERTS = {
    rule["alert"]: rule["expr"]
    for group in msgspec.yaml.decode(RULES[1].read_text())["groups"]
    for rule in group["rules"]
}
PANELS = [pytest.param(panel, id=f"{board.name}-{panel.title}") for board in DASHBOARDS for panel in board.panels()]
BOARDS = [pytest.param(board, id=board.name) for board in DASHBOARDS]


def grafana(board: Dashboard) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "grafana" / f"{board.name}.json").read_text())
    return found


def test_what_is_committed_is_what_is_made() -> None:
    files = dict(made())
    assert [path.name for path, text in files.items() if not path.exists() or path.read_text() != text] == [], (
        "run `make dashboards`"
    )
    there = {path for folder in ("grafana", "consoles") for path in (FOLDER / folder).iterdir()}
    assert there == set(files)


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_says_what_it_shows(panel: Panel) -> None:
    assert panel.description.endswith(".")
    assert panel.queries
    for query in panel.queries:
        labels = set(re.findall(r"\{(\w+)\}", query.legend))
        grouped = re.search(r"by \(([^)]*)\)", query.expr)
        kept = {label.strip() for label in grouped[1].split(",")} if grouped else set()
        assert labels <= kept | ({"domain", "code"} if "closed_total" in query.expr else set())
        assert set(panel.columns) <= kept
    assert (panel.shape is Shape.TABLE) == bool(panel.columns)


@pytest.mark.parametrize("board", BOARDS)
def test_a_loss_stands_beside_every_total(board: Dashboard) -> None:
    totals = re.compile(r"c4trace_(calls|bytes)_total|c4trace:sockets:sum")
    rows = [row for row in board.rows if any(totals.search(q.expr) for p in row.panels for q in p.queries)]
    assert rows
    for row in rows:
        assert any("events_lost" in query.expr for panel in row.panels for query in panel.queries), row.title


@pytest.mark.parametrize(
    ("line", "alert"),
    [
        (lines.OPENING, "C4traceStuckOpening"),
        (lines.CLOSING, "C4traceStuckClosing"),
        (lines.STALL, "C4traceStalled"),
        (lines.BACKLOG, "C4traceBackPressure"),
        (lines.ERRORS, "C4traceErrorRatio"),
    ],
)
def test_a_line_is_where_the_alert_is(line: float, alert: str) -> None:
    assert f"> {line:g}".replace("6.5536e+04", "65536") in ALERTS[alert]
    assert any(panel.line == line for board in DASHBOARDS for panel in board.panels())


@pytest.mark.parametrize("board", BOARDS)
def test_grafana_gets_variables_links_and_units(board: Dashboard) -> None:
    told = grafana(board)
    assert told["uid"] == board.uid
    assert [one["name"] for one in told["templating"]["list"]] == ["datasource", *(v.label for v in board.variables)]
    assert {link["url"] for link in told["links"]} == {f"/d/{other.uid}" for other in DASHBOARDS if other is not board}
    assert all(link["includeVars"] and link["keepTime"] for link in told["links"])
    panels = [panel for panel in told["panels"] if panel["type"] != "row"]
    assert [panel["title"] for panel in panels] == [panel.title for panel in board.panels()]
    for panel, ours in zip(panels, board.panels(), strict=True):
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"] == ours.unit.value
        if ours.shape is not Shape.TABLE:
            steps = [step["value"] for step in defaults["thresholds"]["steps"]]
            assert steps == [None] if ours.line is None else [None, ours.line]
        assert panel["description"] == ours.description
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}
        assert [target["expr"] for target in panel["targets"]] == [query.expr for query in ours.queries]
        assert len({target["refId"] for target in panel["targets"]}) == len(ours.queries)


def test_rows_of_a_table_lead_to_what_they_are_about() -> None:
    links = {
        (panel["title"], field["matcher"]["options"]): re.findall(r"/d/([\w-]+)|&(var-[^&]+)", link["url"])
        for board in DASHBOARDS
        for panel in grafana(board)["panels"]
        for field in panel.get("fieldConfig", {}).get("overrides", ())
        for link in field["properties"][0]["value"]
    }
    target, name = "var-instance=${__data.fields.instance}", "var-name=${__data.fields.name}"
    process = ("c4trace-process", "")
    for table in ("Traced processes", "What is traced"):  # a process that serves its own page has no pid there
        assert links.pop((table, "name")) == [process, ("", target)]
        assert links.pop((table, "pid")) == [process, ("", target), ("", name)]
    assert links.pop(("Alerts", "name")) == [process, ("", target), ("", name)]
    factory = [("c4trace-factory", ""), ("", target), ("", "var-factory=${__data.fields.factory}")]
    assert links == {("Alerts", "factory"): factory}


@pytest.mark.parametrize("board", BOARDS)
def test_no_panel_lies_on_another(board: Dashboard) -> None:
    cells: set[tuple[int, int]] = set()
    for panel in grafana(board)["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        rows, columns = range(place["y"], place["y"] + place["h"]), range(place["x"], place["x"] + place["w"])
        covered = set(itertools.product(rows, columns))
        assert not covered & cells, panel["title"]
        cells |= covered


@pytest.mark.parametrize("board", BOARDS)
def test_a_console_page_needs_nothing_from_elsewhere(board: Dashboard) -> None:
    page = (FOLDER / "consoles" / f"{board.name}.html").read_text()
    links = re.findall(r'(?:href|src)="([^"]*)"', page)
    rows = "${page}.html?${escaped(choices)}"  # each leads to one of these pages as well
    assert set(links) == {rows, *(f"{other.name}.html" for other in DASHBOARDS)}
    assert re.findall(r"https?://", page) == []
    assert "{{" not in page


def test_grafana_is_given_the_dashboards_and_the_prometheus() -> None:
    compose = msgspec.yaml.decode((FOLDER / "docker-compose.yml").read_text())
    (service,) = compose["services"].values()
    mounts: dict[str, str] = dict(volume.split(":")[:2] for volume in service["volumes"])
    assert all((FOLDER / source).is_dir() for source in mounts)
    inside = {target: FOLDER / source for source, target in mounts.items()}

    def there(path: str) -> Path:
        (target,) = (target for target in inside if path.startswith(target))
        return inside[target] / path.removeprefix(target).lstrip("/")

    (provider,) = msgspec.yaml.decode((there("/etc/grafana/provisioning") / "dashboards/c4trace.yml").read_text())[
        "providers"
    ]
    assert {path.stem for path in there(provider["options"]["path"]).iterdir()} == {board.name for board in DASHBOARDS}
    assert there(service["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]).exists()
    (source,) = msgspec.yaml.decode((FOLDER / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    assert source["url"].removeprefix("$") in service["environment"]
