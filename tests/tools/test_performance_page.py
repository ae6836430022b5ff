from __future__ import annotations

import re

import msgspec

from benchmarks.__main__ import APART, BENCHES
from benchmarks.goals import GOALS
from tests.benchmarks.measured import results_of
from tools.performance_page import PAGE, page

TEXT = """\
Before.

<!-- goals -->
old
<!-- end of goals -->

<!-- figures of calls -->
old figures
<!-- end of figures -->

Between.

<!-- figures of others -->
old figures
<!-- end of figures -->
"""


def test_figures_take_the_place_of_the_last_ones() -> None:
    measured = results_of({("bare", "one"): [10.0, 20.0, 30.0], ("traced", "one"): [15.0, 40.0, 45.0]})
    written = page(TEXT, {"calls": measured})
    assert "old" not in written
    assert "| traced | one | 40.0 | 27.5 to 42.5 | 15.0 | ns | 1.50 |" in written
    assert re.search(r"^\*\d{4}-\d\d-\d\d, \d+ processors? .*; calls 1,000; medians of 3; ", written, re.MULTILINE)
    assert "<!-- figures of others -->\n\nNot measured yet.\n\n<!-- end of figures -->" in written
    assert written.startswith("Before.\n\n<!-- goals -->\n")
    assert "\n\nBetween.\n\n" in written
    assert page(written, {"calls": measured}) == written


def test_every_goal_has_a_row() -> None:
    rows = page(TEXT, {}).partition("<!-- end of goals -->")[0]
    assert all(f"| {goal.what} |" in rows for goal in GOALS)
    assert rows.count("| not measured |") == len(GOALS)


def test_doubtful_figures_are_named() -> None:
    measured = results_of({("bare", "one"): [1.0, 2.0]}, others=0.5)
    assert "other programs had 50% of the machine meanwhile" in page(TEXT, {"calls": measured})
    quiet = msgspec.structs.replace(measured, others=0.01)
    assert "doubtful" not in page(TEXT, {"calls": quiet})


def test_the_page_has_a_place_for_every_benchmark() -> None:
    places = re.findall(r"^<!-- figures of (\w+) -->$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {*BENCHES, *APART} <= set(places)
    assert len(set(places)) == len(places)
