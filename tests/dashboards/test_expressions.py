from __future__ import annotations

import pytest

from tests.dashboards.expressions import metrics_in


@pytest.mark.parametrize(
    ("expr", "names"),
    [
        ("up", {"up"}),
        ('sum by (a, le) (rate(x_total{a="b c",d=~"e.*"}[5m])) > 0.5 and on (job) y:z offset 5m', {"x_total", "y:z"}),
        ("histogram_quantile(0.99, rate(x_bucket[1m])) or vector(0) * 1e3", {"x_bucket"}),
        ("max without (s) (max_over_time(x[2m])) > 10 * clamp_min(y, 1)", {"x", "y"}),
    ],
)
def test_the_metrics_that_an_expression_names_are_found(expr: str, names: set[str]) -> None:
    assert metrics_in(expr) == names
