"""A real Prometheus over a real LiteCore: alerts fire where their causes are, and nowhere else; panels have data."""

from __future__ import annotations

import re
import subprocess
import urllib.parse
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dashboards.build import DASHBOARDS
from dashboards.panel import Dashboard, Panel
from tests.dashboards.expressions import filled, metrics_in
from tests.dashboards.programs import program
from tests.dashboards.test_rules import ALERTS, ALL_RULES
from tests.dashboards.watched import CAUSES, Watch, eventually, hastened, watched
from tests.real import conftest

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]  # the first test waits for all alerts to fire

OF_PROMETHEUS = {"up", "ALERTS"}
CHROMIUM = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync --disable-dev-shm-usage --virtual-time-budget=20000 --dump-dom"""
PANELS = [pytest.param(panel, id=f"{board.name}-{panel.title}") for board in DASHBOARDS for panel in board.panels()]


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    """All alerts that have a cause fire."""
    conftest.pytest_runtest_setup()  # skips, or fails, where there is no LiteCore
    program("prometheus", "prometheus")
    with watched(tmp_path_factory.mktemp("watched")) as watch:
        for cause in CAUSES:
            eventually(lambda cause=cause: watch.firing(cause), f"{cause} fires")  # type: ignore[misc] # mypy#12557
        yield watch


def test_rules_are_hastened_in_what_they_wait_for_only() -> None:
    rule = "record: a:increase5m\nexpr: rate(x[5m]) > 20 and y[6h]\nfor: 2m\n"
    assert hastened(rule, 20) == "record: a:increase5m\nexpr: rate(x[15000ms]) > 20 and y[1080000ms]\nfor: 6000ms\n"


def test_every_alert_has_fired_for_its_cause(watch: Watch) -> None:
    fired = {series["metric"]["alertname"] for series in watch.query('max_over_time(ALERTS{alertstate="firing"}[10m])')}
    assert fired == {cause.alert for cause in CAUSES} == set(ALERTS)


def test_sessions_that_are_given_up_are_seen_by_their_end(watch: Watch) -> None:
    given_up = '{job="c4trace",factory="given-up"}'
    eventually(lambda: bool(watch.query(f"c4trace:disposed_unclosed:increase10m{given_up} > 0.5")), "it is disposed of")


@pytest.mark.parametrize("well", ['job="litecore"', 'name="orders"'])
def test_no_alert_has_fired_where_all_is_well(watch: Watch, well: str) -> None:
    closed = watch.query(f'c4trace_calls_total{{{well},call="closed"}}')
    assert min(float(series["value"][1]) for series in closed) > 2
    assert watch.query(f'max_over_time(ALERTS{{alertstate="firing",{well}}}[10m])') == []


def test_every_rule_is_evaluated_without_complaint(watch: Watch) -> None:
    rules = [rule for group in watch.ask("rules")["groups"] for rule in group["rules"]]
    assert len(rules) == len(ALL_RULES)
    assert {(rule["health"], rule.get("lastError")) for rule in rules} == {("ok", None)}


def test_every_metric_that_is_named_is_on_the_page(watch: Watch) -> None:
    helped = set(re.findall(r"^# HELP (\S+)", watch.page("litecore"), re.MULTILINE))
    exprs = [filled(query.expr) for board in DASHBOARDS for panel in board.panels() for query in panel.queries]
    exprs += [rule["expr"] for rule in ALL_RULES]
    named = {name for expr in exprs for name in metrics_in(expr) if ":" not in name} - OF_PROMETHEUS
    assert {re.sub(r"_bucket$", "", name) for name in named} - helped == set()
    assert {name for name in named if name.endswith("_bucket")} <= {f"{name}_bucket" for name in helped}
    assert len(named) > 15


@pytest.mark.parametrize("record", [rule["record"] for rule in ALL_RULES if "record" in rule])
def test_every_recording_rule_has_data_of_the_real_litecore(watch: Watch, record: str) -> None:
    assert values(watch, f'{record}{{job="litecore"}}')


@pytest.mark.parametrize("panel", PANELS)
def test_every_panel_has_data_of_the_real_litecore(watch: Watch, panel: Panel) -> None:
    for query in panel.queries:
        chosen = {} if panel.title == "Alerts" else {"job": "litecore"}  # nothing fires there
        assert values(watch, filled(query.expr, **chosen)), query


@pytest.mark.parametrize("board", [pytest.param(board, id=board.name) for board in DASHBOARDS])
def test_every_panel_is_drawn_in_a_browser(watch: Watch, board: Dashboard, tmp_path: Path) -> None:
    page = f"{watch.url}/consoles/{board.name}.html?rate=10s&span=5"
    command = [program("chromium", "chromium"), *CHROMIUM.split(), f"--user-data-dir={tmp_path}", page]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    drawn = Drawn()
    drawn.feed(done.stdout)
    assert list(drawn.panels) == [panel.title for panel in board.panels()], done.stderr[-2000:]
    for title, about in drawn.panels.items():
        assert about["data-state"] == "drawn", (title, about)
        assert int(about["data-points"] or 0) >= int(about["data-series"] or 0) > 0, title
    exported, own = (urllib.parse.urlsplit(watch.pages[job]).netloc for job in ("c4trace", "litecore"))
    if any("pid" in panel.columns for panel in board.panels()):
        assert f'{link_to_process(exported)}&amp;name=orders"' in done.stdout
        assert f'{link_to_process(own)}"' in done.stdout  # there is no such label on its page
    assert drawn.paths > len([panel for panel in board.panels() if panel.shape.value in {"lines", "stacked"}])


def link_to_process(target: str) -> str:
    """How a console page begins to lead to a process of this target."""
    return f'<a href="process.html?rate=10s&amp;span=5&amp;{urllib.parse.urlencode({"instance": target})}'


def values(watch: Watch, expr: str) -> list[str]:
    """The numbers that an expression has now."""
    return [value for series in watch.query(expr) if (value := series["value"][1]) != "NaN"]


class Drawn(HTMLParser):
    """The panels of a page, by title, and how many lines were drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.panels: dict[str, dict[str, str | None]] = {}
        self.paths = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = dict(attrs)
        if "data-panel" in about:
            self.panels[str(about["data-panel"])] = about
        self.paths += tag == "path"
