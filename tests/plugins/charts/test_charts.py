"""A chart is plain data: what the script reads ends no element, and the table beside it says the same."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal

import pytest

from plugins.settlement_console.charts import (
    MOST_ROWS,
    Band,
    Chart,
    ChartTable,
    Mark,
    Series,
    Unit,
    over_days,
    told,
)
from plugins.settlement_console.templating import _templates

EVIL = "</script><script>alert(1)</script><!-- & \u2028"
DAYS = [date(1994, 1, 30), date(1994, 1, 31)]


def _figure(chart: Chart) -> str:
    page = _templates().from_string('{% import "charts.html" as charts %}{{ charts.figure(chart) }}')
    return page.render(chart=chart)


def _evil() -> Chart:
    table = ChartTable.of([(EVIL, Unit.COUNT), ("b", Unit.COUNT)], [[EVIL, 1]])
    return Chart("evil", EVIL, EVIL, {"series": [{"name": EVIL}]}, table)


def test_no_text_of_a_chart_is_markup() -> None:
    shown = _figure(_evil())
    assert shown.count("<script") == 1
    assert shown.count("</script>") == 1
    assert "<!--" not in shown
    block = shown.split('<script type="application/json">')[1].split("</script>")[0]
    assert json.loads(block)["option"] == {"series": [{"name": EVIL}]}


def test_a_chart_says_its_figures_to_who_cannot_see_it() -> None:
    shown = _figure(over_days("money", "Money", "Much.", DAYS, [Series("paid", [1, Decimal("2.5")])], unit=Unit.MONEY))
    assert 'aria-describedby="chart-money-summary"' in shown
    assert '<p id="chart-money-summary">Much.</p>' in shown
    rows = shown.split("<tbody>")[1]
    assert rows.index("1994-01-31") < rows.index("1994-01-30"), "the newest day stands first"
    assert "2.50" in shown


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_what_is_no_number_is_a_gap_and_a_dash(value: float | None) -> None:
    chart = over_days("gaps", "Gaps", "", DAYS, [Series("a", [value, 1])])
    assert [item["value"] for item in json.loads(chart.data)["option"]["series"][0]["data"]] == [
        ["1994-01-30", None],
        ["1994-01-31", 1],
    ]
    assert chart.table.cells[1] == [("1994-01-30", False), ("–", isinstance(value, float))]


def test_a_series_with_a_value_too_few_is_told() -> None:
    with pytest.raises(ValueError, match="series 'a' has 1 values for 2 days: give one for each"):
        over_days("x", "X", "", DAYS, [Series("a", [1])])


def test_a_band_lies_between_its_edges_and_stands_in_the_table() -> None:
    chart = over_days("x", "X", "", DAYS, [Series("a", [1, 2])], band=Band("usual", [1, None], [Decimal("3.5"), 4]))
    lower, width = chart.option["series"][:2]
    assert [point[1] for point in lower["data"]] == [1, None]
    assert [point[1] for point in width["data"]] == [Decimal("2.5"), None]
    assert [name for name, _ in chart.table.columns] == ["Day", "a", "usual from", "usual to"]
    assert chart.option["legend"]["data"] == ["a", "usual"]


def test_marks_and_a_limit_are_drawn_over_the_lines() -> None:
    mark = Mark(DAYS[0], 5, "odd", "/findings/x")
    chart = over_days("x", "X", "", DAYS, [Series("a", [1, 2], hrefs=["/a", "/b"])], marks=[mark], limit=("most", 9.0))
    line, marked, limit = chart.option["series"]
    assert [item["href"] for item in line["data"]] == ["/a", "/b"]
    assert (marked["data"][0]["text"], marked["data"][0]["href"]) == ("odd", "/findings/x")
    assert limit["markLine"]["data"] == [{"yAxis": 9.0}]


def test_a_long_span_names_months_and_a_short_one_days() -> None:
    long = [DAYS[0] + timedelta(place) for place in range(400)]
    labels = [over_days("x", "X", "", days, []).option["xAxis"]["axisLabel"]["formatter"] for days in (DAYS, long, [])]
    assert labels == ["{d} {MMM}", "{MMM} {yyyy}", "{d} {MMM}"]
    months = over_days("x", "X", "", DAYS, [], is_monthly=True).option["xAxis"]
    assert months["axisLabel"]["formatter"] == "{MMM} {yyyy}"


def test_an_axis_reaches_over_the_span_that_is_shown_even_where_nothing_is_drawn() -> None:
    first, last = DAYS[0] - timedelta(9), DAYS[-1] + timedelta(9)
    axis = over_days("x", "X", "", DAYS, [Series("a", [1, 2])], span=(first, last)).option["xAxis"]
    assert (axis["min"], axis["max"]) == (first, last)


def test_a_long_table_says_how_much_of_it_is_not_there() -> None:
    table = ChartTable.of([("a", Unit.COUNT)], [[place] for place in range(MOST_ROWS + 7)])
    assert (len(table.rows), table.left_out) == (MOST_ROWS, 7)
    assert "7 more rows are not listed here" in _figure(Chart("x", "X", "", {}, table))


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (1234567, Unit.COUNT, "1,234,567"),
        (0.5, Unit.SHARE, "50.00%"),
        (1 / 3, Unit.SCORE, "0.333"),
        (3.25, Unit.HOUR, "3.25"),
    ],
)
def test_figures_are_written_by_their_unit(value: float, unit: Unit, words: str) -> None:
    assert told(value, unit) == words


def test_a_chart_without_figures_is_its_sentence_alone() -> None:
    shown = _figure(
        over_days("precision", "Precision", "Nobody decided yet.", DAYS, [Series("precision", [None, None])])
    )
    assert "Nobody decided yet." in shown
    assert "chart-plot" not in shown
    assert "<table" not in shown
