"""A night's figures against those of the nights before it."""

from __future__ import annotations

from plugins.settlement_console.charts import MOST_CODES
from plugins.settlement_console.nights.plots import bars_of, plots_of
from plugins.settlement_console.nights.usual import compared, compared_by_code
from tests.plugins.nights.figures import figures, nights_of


def test_a_figure_is_above_as_usual_or_below() -> None:
    before = nights_of(*range(10, 21))
    verdicts = {flagged: _flagged(compared(nights_of(flagged)[0], before)).verdict for flagged in (9, 11, 19, 20)}
    assert verdicts == {9: "below", 11: "as usual", 19: "as usual", 20: "above"}


def test_few_nights_say_nothing_of_what_is_usual() -> None:
    assert _flagged(compared(nights_of(9)[0], nights_of(1, 2, 3, 4))).verdict == ""
    skipped = figures(nights_of(1)[0].night, flagged=None, model_version=None)
    assert _flagged(compared(skipped, nights_of(*range(10)))).verdict == ""


def _flagged(found):
    return next(each for each in found if each.title == "Flagged")


def test_a_code_that_is_gone_or_new_is_compared_with_nights_without_it() -> None:
    before = [figures(each.night, breaks={"fee_amount": 3}) for each in nights_of(*range(10))]
    now = figures(before[-1].night, breaks={"interest": 2})
    found = {
        each.title: (each.value, each.verdict) for each in compared_by_code(now, before, lambda night: night.breaks)
    }
    assert found == {"interest": (2, "above"), "fee amount": (0, "below")}


def test_plots_say_the_newest_figure_and_mark_the_night_that_is_looked_at() -> None:
    nights = nights_of(*range(10, 20), 99)
    flagged = plots_of(nights, nights[-1].night)[-1]
    assert flagged.summary == "99 on 1994-01-11, above what is usual: 11 to 18, in the middle 14."
    assert [each["data"][0]["value"] for each in flagged.option["series"] if each["name"] == "marked"] == [
        [nights[-1].night, 99]
    ]
    assert plots_of([]) == []
    assert "too few nights" in plots_of(nights_of(1, 2))[0].summary


def test_codes_beyond_the_palette_are_shown_as_one_and_nothing_is_lost() -> None:
    codes = {f"check_{place}": 10 - place for place in range(MOST_CODES + 2)}
    (chart,) = bars_of([figures(nights_of(1)[0].night, breaks=codes, reasons={})])
    bars = {each["name"]: each["data"][0]["value"][1] for each in chart.option["series"]}
    assert (sum(bars.values()), bars["others"]) == (sum(codes.values()), 4 + 3)
    assert bars_of([figures(nights_of(1)[0].night, breaks={}, reasons={})]) == []
