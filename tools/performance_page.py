"""Writes the figures of docs/performance.md anew, by what `make bench` has measured: `make performance`."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks import goals, results
from benchmarks.__main__ import APART, BENCHES
from benchmarks.table import COLUMNS, facts_text, number, remarks, rows

PAGE: Final = Path(__file__).parents[1] / "docs/performance.md"
FIGURES: Final = re.compile(
    r"(?<=^<!-- figures of )(\w+) -->\n.*?(?=^<!-- end of figures -->)", re.MULTILINE | re.DOTALL
)
GOALS: Final = re.compile(r"(?<=^<!-- goals -->\n).*?(?=^<!-- end of goals -->)", re.MULTILINE | re.DOTALL)
UNMEASURED: Final = "\nNot measured yet.\n\n"


def page(text: str, measured: Mapping[str, results.Results]) -> str:
    """The page's text with these figures in place of the last ones."""
    text = FIGURES.sub(lambda found: f"{found[1]} -->\n{_figures(measured.get(found[1]))}", text)
    return GOALS.sub(lambda _: _goals(goals.judge(goals.GOALS, measured)), text)


def _figures(one: results.Results | None) -> str:
    if one is None:
        return UNMEASURED
    machine = one.machine
    virtual = "virtual, " if machine.virtual else ""
    where = f"{machine.cores} processors ({virtual}{machine.cpu}), Linux {machine.kernel}, clock {machine.clocksource}"
    said = [f"{one.began[:10]}, {where}, Python {machine.python}; {_facts(one)}", *remarks(one)]
    body = [f"| {' | '.join(row)} |" for row in rows(one)]
    return "\n".join(["", f"| {' | '.join(COLUMNS)} |", _rule(), *body, "", f"*{'; '.join(said)}.*", "", ""])


def _rule() -> str:
    return f"|{'|'.join('---' if column in {'side', 'case', 'unit'} else '--:' for column in COLUMNS)}|"


def _facts(one: results.Results) -> str:
    return facts_text(one.facts) or f"{one.seconds:,} s"


def _goals(judged: list[goals.Judged]) -> str:
    lines = ["", "| goal | limit | measured | |", "|---|--:|--:|---|"]
    for one in judged:
        sign = "at most" if one.goal.at == "most" else "at least"
        found = "" if one.measured is None else number(one.measured)
        doubt = ", on a busy machine" if one.busy else ""
        lines.append(f"| {one.goal.what} | {sign} {number(one.goal.limit)} | {found} | {one.verdict}{doubt} |")
    return "\n".join([*lines, "", ""])


def main() -> int:
    """Write the page by what is in build/bench."""
    measured = results.read([*BENCHES, *APART])
    if not measured:
        print("performance_page: nothing is measured yet: run make bench", file=sys.stderr)
        return 1
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), measured), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
