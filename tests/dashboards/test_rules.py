"""The rules, as promtool judges them, and what whoever is woken by them finds to read."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dashboards.build import DASHBOARDS
from dashboards.server import RULES
from tests.dashboards.expressions import filled, metrics_in
from tests.dashboards.programs import program

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).with_name("alerts.test.yml")
ALL_RULES: list[dict[str, Any]] = [
    rule for path in RULES for group in msgspec.yaml.decode(path.read_text())["groups"] for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in ALL_RULES if "alert" in rule}
HEADINGS = ["Symptom", "What it means", "How to look", "Likely causes", "What to do", "When to silence"]


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [program("promtool", "prometheus"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_rules_are_rules() -> None:
    done = promtool("check", "rules", *RULES)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_fires_where_it_must_and_is_silent_where_it_must() -> None:
    done = promtool("test", "rules", CASES)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("now", "then"), [("> 20", "> 2000"), ("for: 1m", "for: 9m"), ("> 65536", "> 65535"), ("15 *", "1 *")]
)
def test_the_cases_notice_another_rule(tmp_path: Path, now: str, then: str) -> None:
    recording, alerts = (path.read_text() for path in RULES)
    assert now in alerts
    (tmp_path / "recording.yml").write_text(recording)
    (tmp_path / "alerts.yml").write_text(alerts.replace(now, then))
    (tmp_path / "cases.yml").write_text(CASES.read_text().replace("../../dashboards/rules/", ""))
    done = promtool("test", "rules", tmp_path / "cases.yml")
    assert done.returncode == 1
    assert "FAILED" in done.stdout + done.stderr


def test_every_alert_has_cases_of_both_kinds() -> None:
    tests = [one for case in msgspec.yaml.decode(CASES.read_text())["tests"] for one in case["alert_rule_test"]]
    assert {one["alertname"] for one in tests if one["exp_alerts"]} == set(ALERTS)
    assert {one["alertname"] for one in tests if not one["exp_alerts"]} == set(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_whoever_is_woken_has_something_to_read(name: str) -> None:
    alert = ALERTS[name]
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert re.fullmatch(r"\d+m", alert["for"])
    assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
    assert alert["annotations"]["runbook_url"] == f"docs/runbooks/{name}.md"
    runbook = (ROOT / "docs" / "runbooks" / f"{name}.md").read_text()
    assert runbook.startswith(f"# {name}\n")
    assert re.findall(r"^## (.*)$", runbook, re.MULTILINE) == HEADINGS
    assert "c4trace " in runbook.partition("## How to look")[2].partition("## Likely causes")[0]
    assert all((ROOT / "docs" / "runbooks" / link).exists() for link in re.findall(r"\]\(([^)#:]+)\)", runbook))


def test_every_runbook_is_that_of_an_alert() -> None:
    assert {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")} == set(ALERTS)


def test_every_alert_and_every_recording_rule_is_in_the_tables() -> None:
    page = (ROOT / "docs" / "dashboards.md").read_text()
    for name, alert in ALERTS.items():
        row = next(line for line in page.splitlines() if line.startswith(f"| [{name}](runbooks/{name}.md) |"))
        assert f"| {alert['labels']['severity']} | {alert['for']} |" in row
    for rule in ALL_RULES:
        if "record" in rule:
            assert f"| `{rule['record']}` |" in page


def test_every_expression_of_the_dashboards_is_one_and_names_what_is_recorded(tmp_path: Path) -> None:
    exprs = [filled(query.expr) for board in DASHBOARDS for panel in board.panels() for query in panel.queries]
    wrapped = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(exprs)]
    path = tmp_path / "panels.yml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": wrapped}]}))
    done = promtool("check", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr
    used = set().union(*(metrics_in(expr) for expr in [*exprs, *(rule["expr"] for rule in ALL_RULES)]))
    assert {name for name in used if ":" in name} == {rule["record"] for rule in ALL_RULES if "record" in rule}
