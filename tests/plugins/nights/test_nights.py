"""The pages of the nights over a lake of published rows: what they read, what they show, and to whom."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from include.lake import Lake, RunStamp
from include.settings import Settings
from plugins.settlement_console.lake_reader import published_nights
from plugins.settlement_console.nights import figures as reading
from plugins.settlement_console.nights.figures import NightBook
from plugins.settlement_console.nights.night import night_page
from plugins.settlement_console.nights.overview import Overview, overview_of
from plugins.settlement_console.nights.stopped import NightRun
from plugins.settlement_console.templating import render
from tests.lake.nights import manifest_row
from tests.plugins.nights.figures import nights_of
from tests.tableau.marts import marts_of

EVIL = "<script>alert(1)</script>"
NIGHTS = [date(1994, 1, 1), date(1994, 1, 2), date(1994, 1, 4)]
NOW = datetime(1994, 1, 5, 4, tzinfo=UTC)
STOPPED = NightRun("manual__a b/c", "failed", NOW)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of a lake of three nights with marts, whose third day was not published."""
    folder = tmp_path_factory.mktemp("nights") / "lake"
    lake = Lake.open(str(folder), Settings())
    for night in NIGHTS:
        stamp = RunStamp(night.isoformat(), "first", night)
        for table, rows in marts_of(night, 3, 1, "open"):
            if table.name in ("mart_nights_masked", "mart_findings_masked"):
                lake.replace(table, night, rows, stamp, 1)
        lake.show_version(1, stamp)
        lake.publish_manifest(_row(stamp), stamp)
    return Settings(lake_uri=str(folder))


def _row(stamp: RunStamp) -> dict:
    counts = {f"{name}_rows": 10 for name in ("offered", "published", "quarantined", "deduplicated", "unreadable")}
    summary = '{"breaks": {"amount": 4}, "flagged": 2, "warnings": ["account 4711"]}'
    return manifest_row(stamp, **counts, summary=summary, model_version=EVIL)


def _overview(settings: Settings, runs: dict[date, NightRun] | None = None) -> Overview:
    return overview_of(settings, NightBook(), runs or {}, NOW)


def test_the_newest_nights_are_found_without_reading_them(settings: Settings) -> None:
    lake = Lake.open(settings.lake_uri, settings)
    assert lake.span() == (NIGHTS[0], NIGHTS[-1])
    assert published_nights(lake, None, 2) == {night: night.isoformat() for night in NIGHTS[1:]}
    assert list(published_nights(lake, date(1994, 1, 3), 9)) == NIGHTS[:2]
    assert published_nights(lake, date(1993, 1, 3), 9) == {}


def test_nights_far_apart_are_found_too(tmp_path: Path) -> None:
    lake = Lake.open(str(tmp_path / "lake"), Settings())
    far = [date(1993, 1, 1), date(1993, 6, 1), date(1994, 1, 1)]
    assert (lake.span(), lake.state(), published_nights(lake)) == (None, "", {})
    for night in far:
        stamp = RunStamp(night.isoformat(), "first", night)
        before = lake.state()
        lake.publish_manifest(_row(stamp), stamp)
        assert lake.state() != before
    assert list(published_nights(lake, None, 3)) == far


def test_what_a_run_published_is_read_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    book, lake = NightBook(), Lake.open(settings.lake_uri, settings)
    first = book.until(lake, None, 3)
    monkeypatch.setattr(reading, "_read", lambda *_: pytest.fail("it was read again"))
    assert book.until(lake, None, 3) == first
    assert [each.night for each in book.until(lake, NIGHTS[1], 1)] == [NIGHTS[1]]


def test_a_book_keeps_no_more_than_it_may(settings: Settings) -> None:
    book, lake = NightBook(most=1), Lake.open(settings.lake_uri, settings)
    assert len(book.until(lake, None, 3)) == len(book.until(lake, None, 3)) == 3
    assert len(book._known) == 1


def test_the_figures_of_a_night_are_those_of_its_manifest_and_its_masked_marts(settings: Settings) -> None:
    night = NightBook().until(Lake.open(settings.lake_uri, settings), None, 1)[0]
    assert (night.offered, night.breaks, night.flagged) == (10, {"amount": 4}, 2)
    assert (float(night.money or 0), dict(night.reasons)) == (112.5, {"amount": 2})


def test_the_overview_shows_what_became_of_each_day(settings: Settings) -> None:
    shown = render("nights.html", root="/s", page=_overview(settings, {date(1994, 1, 3): STOPPED}), nights_compared=30)
    assert [shown.count(f'href="/s/nights/{night}"') for night in NIGHTS] == [2, 2, 2]
    assert shown.count('href="/s/runs/nightly_settlement/manual__a%20b/c"') == 3
    assert "1 day is not published" in shown
    missing = render("nights.html", root="", page=_overview(settings), nights_compared=30)
    assert "1994-01-03: not published, and no run asked for it" in missing
    assert "<script>" not in missing.replace('<script type="application/json">', "").replace("<script src", "")


def test_the_overview_says_what_to_do_before_the_first_night(tmp_path: Path) -> None:
    nowhere = Settings(lake_uri=str(tmp_path / "lake"))
    shown = render("nights.html", root="", page=_overview(nowhere), nights_compared=30)
    assert "No night is published yet. Trigger" in shown
    assert not (tmp_path / "lake").exists()


def test_a_night_of_the_past_does_not_make_all_days_since_missing(settings: Settings) -> None:
    page = overview_of(settings, NightBook(), {}, NOW + timedelta(days=400))
    assert page.silent_until == date(1995, 2, 7)
    assert page.days_missed == 1


def test_one_night_stands_beside_those_before_it(settings: Settings) -> None:
    page = night_page(settings, NIGHTS[-1])
    assert page is not None
    assert [(each.title, each.value) for each in page.checks] == [("amount", 4)]
    assert [(each.title, each.value) for each in page.reasons] == [("amount", 2)]
    assert page.compared_with == 2
    shown = render("one_night.html", root="/s", page=page)
    assert "4711" not in shown
    assert f"/s/queue?from={NIGHTS[-1]}&amp;to={NIGHTS[-1]}" in shown
    assert night_page(settings, date(1994, 1, 3)) is None


def test_a_figure_above_what_is_usual_is_marked(settings: Settings) -> None:
    page = Overview(nights_of(*range(10), 50)[::-1], (), (), (), None, (), ())
    assert [page.is_odd("flagged", night) for night in page.nights] == [True, *[False] * 10]
