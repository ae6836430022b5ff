"""Dashboards as Grafana's JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from grafana_foundation_sdk.builders import common, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus as prom
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import prometheus as prom_model

from dashboards.panel import Dashboard, Panel, Query, Row, Shape, Variable

__all__ = ["grafana_json"]

SOURCE: Final = model.DataSourceRef("prometheus", "${datasource}")
TARGET: Final = "instance"
HEIGHTS: Final = {Shape.NUMBER: 4}

_AnyPanel = timeseries.Panel | stat.Panel | table.Panel


def grafana_json(dashboard: Dashboard, others: tuple[Dashboard, ...]) -> str:
    """Give the file that Grafana imports; its links lead to `others`."""
    made = (
        build.Dashboard(dashboard.title)
        .uid(dashboard.uid)
        .description(dashboard.description)
        .tags(["c4trace"])
        .timezone("browser")
        .time("now-1h", "now")
        .refresh("30s")
        .editable()
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .with_variable(
            build.DatasourceVariable("datasource")
            .label("Prometheus")
            .description("Where c4trace is scraped and its rules are.")
            .type("prometheus")
        )
    )
    for other in others:
        link = build.DashboardLink(other.title).type(model.DashboardLinkType.LINK).url(f"/d/{other.uid}")
        made.link(link.tooltip(other.description).include_vars(include_vars=True).keep_time(keep_time=True))
    for variable in dashboard.variables:
        made.with_variable(_variable(variable))
    for row in dashboard.rows:
        _add_row(made, row)
    return json.dumps(made.build(), cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _variable(variable: Variable) -> build.QueryVariable:
    return (
        build.QueryVariable(variable.label)
        .label(variable.title)
        .datasource(SOURCE)
        .query({"query": f"label_values({variable.of}, {variable.label})", "refId": variable.label})
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".*")
        .current(model.VariableOption(selected=True, text="All", value="$__all"))
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
    )


def _add_row(made: build.Dashboard, row: Row) -> None:
    made.with_row(build.Row(row.title))
    for panel in row.panels:
        made.with_panel(_panel(panel))


def _panel(panel: Panel) -> _AnyPanel:
    match panel.shape:
        case Shape.NUMBER:
            made: _AnyPanel = _number(panel)
        case Shape.TABLE:
            made = _table(panel)
        case _:
            made = _lines(panel)
    made.title(panel.title).description(panel.description).datasource(SOURCE)
    made.span(panel.width).height(HEIGHTS.get(panel.shape, 8)).unit(panel.unit.value)
    for letter, query in zip("ABCDEF", panel.queries, strict=False):
        made.with_target(_query(query, panel.shape).ref_id(letter))
    return made


def _query(query: Query, shape: Shape) -> prom.Dataquery:
    made = (
        prom.Dataquery()
        .expr(query.expr)
        .datasource(SOURCE)
        .legend_format(re.sub(r"\{(\w+)\}", r"{{\1}}", query.legend))
    )
    if shape is Shape.TABLE:
        return made.instant().format(prom_model.PromQueryFormat.TABLE)
    return made.instant() if shape is Shape.NUMBER else made.range()


def _thresholds(panel: Panel) -> build.ThresholdsConfig:
    steps = [model.Threshold(None, "green")]
    if panel.line is not None:
        steps.append(model.Threshold(panel.line, "red"))
    return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def _lines(panel: Panel) -> timeseries.Panel:
    made = timeseries.Panel().min(0).thresholds(_thresholds(panel)).fill_opacity(10)
    made.legend(
        common.VizLegendOptions()
        .display_mode(common_model.LegendDisplayMode.LIST)
        .placement(common_model.LegendPlacement.BOTTOM)
        .show_legend(show_legend=True)
    )
    made.tooltip(common.VizTooltipOptions().mode(common_model.TooltipDisplayMode.MULTI))
    if panel.line is not None:
        made.thresholds_style(common.GraphThresholdsStyleConfig().mode(common_model.GraphThresholdsStyleMode.DASHED))
    if panel.shape is Shape.STACKED:
        made.stacking(common.StackingConfig().mode(common_model.StackingMode.NORMAL)).fill_opacity(40)
    return made


def _number(panel: Panel) -> stat.Panel:
    made = stat.Panel().thresholds(_thresholds(panel)).graph_mode(common_model.BigValueGraphMode.NONE)
    made.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    return made.color_mode(
        common_model.BigValueColorMode.VALUE if panel.line is None else common_model.BigValueColorMode.BACKGROUND
    )


def _table(panel: Panel) -> table.Panel:
    order = {name: number for number, name in enumerate(panel.columns)}
    options = {"excludeByName": {"Time": True, "Value": True}, "indexByName": order}
    made = table.Panel().with_transformation(model.DataTransformerConfig(id_val="organize", options=options))
    for column, target, labels in _links(panel):
        chosen = "".join(f"&var-{label}=${{__data.fields.{label}}}" for label in labels)
        url = f"/d/c4trace-{target}?${{datasource:queryparam}}&${{job:queryparam}}{chosen}&${{__url_time_range}}"
        link = {"title": f"to this {'target' if labels == (TARGET,) else target}", "url": url}
        made.override_by_name(column, [model.DynamicConfigValue("links", [link])])
    return made


def _links(panel: Panel) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Give columns, the dashboards they lead to, and the labels that choose there what the row is about.

    A page that a process serves itself has a name and no pid in c4trace_info, and neither in any other metric: there
    the target is the process.
    """
    told = set(panel.columns)
    if "pid" in told:
        yield "name", "process", (TARGET,)
        yield "pid", "process", (TARGET, "name")
    elif "name" in told:
        yield "name", "process", (TARGET, "name")
    if "factory" in told:
        yield "factory", "factory", (TARGET, "factory")
