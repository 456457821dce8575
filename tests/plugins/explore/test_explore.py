"""Explore over a lake of published rows: what is counted, what is shown to whom, and what is left out."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from include.settings import Settings, get_settings
from plugins.settlement_console.explore import page as exploring
from plugins.settlement_console.explore import postings as scattered
from plugins.settlement_console.explore.page import ExplorePage, explore_page
from plugins.settlement_console.nights.figures import NightBook
from plugins.settlement_console.templating import render
from tests.plugins.clients import as_browser, client_of
from tests.plugins.explore.lake import ACCOUNT, EVIL, HIDDEN, NIGHTS, POSTINGS, SHOWN, publish_nights


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return publish_nights(tmp_path_factory.mktemp("explore") / "lake")


def _page(settings: Settings, given: dict[str, str] | None = None, *, sees_accounts: bool = False) -> ExplorePage:
    found = explore_page(settings, given or {}, NightBook(), sees_accounts=sees_accounts)
    assert found is not None
    return found


def _chart(page: ExplorePage, name: str):
    return next(each for each in (page.scatter, *page.series, *page.maps) if each.name == name)


def _values(chart, series: int = 0) -> list:
    return [item["value"][1] for item in chart.option["series"][series]["data"]]


def test_all_findings_of_the_nights_are_counted_with_their_money(settings: Settings) -> None:
    page = _page(settings)
    assert (page.count, page.money, page.nights) == (6, 3 * 1050.0, 3)
    assert _values(_chart(page, "at-risk")) == [1050.0] * 3
    assert _values(_chart(page, "volume")) == [POSTINGS] * 3
    assert _values(_chart(page, "share")) == [0.1] * 3
    assert _values(_chart(page, "scores"), 2) == [0.8] * 3


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ({"from": "1994-01-31"}, 4),
        ({"kind": "break"}, 3),
        ({"code": "amount"}, 3),
        ({"district": SHOWN}, 3),
        ({"district": HIDDEN}, 0),
        ({"amount_from": "40", "amount_to": "60"}, 3),
        ({"score_from": "0.91"}, 0),
        ({"score_from": "0.9"}, 3),
        ({"hour_to": "1"}, 3),
        ({"hour_from": "1", "hour_to": "2"}, 3),
        ({"hour_from": "3"}, 0),
        ({"code": EVIL}, 1),
        ({"code": "no such"}, 0),
    ],
)
def test_each_choice_narrows_what_is_counted(settings: Settings, given: dict[str, str], count: int) -> None:
    page = _page(settings, given)
    assert page.count == count
    assert sum(sum(_values(page.series[0], place)) for place in range(len(page.series[0].option["series"]))) == count


def test_months_add_up_their_nights(settings: Settings) -> None:
    page = _page(settings, {"by": "month"})
    assert _values(_chart(page, "volume")) == [2 * POSTINGS, POSTINGS]
    assert _values(_chart(page, "at-risk")) == [2100.0, 1050.0]
    assert _values(_chart(page, "share")) == [0.1, 0.1]
    narrower = _chart(page, "volume").option["series"][0]["data"][0]["href"]
    assert "from=1994-01-01&to=1994-01-31" in narrower


def test_districts_count_the_postings_of_the_chosen_days_alone(settings: Settings) -> None:
    # The month so far holds 150 postings a district on the 30th and 155 on the 31st.
    assert _postings(_page(settings, {"from": "1994-01-31", "to": "1994-01-31"})) == {SHOWN: 5, "not shown": 5}
    assert _postings(_page(settings, {"from": "1994-01-31"})) == {SHOWN: 5 + 5, "not shown": 5 + 5}
    assert _postings(_page(settings, {"from": "1994-01-01"})) == {SHOWN: 155 + 5, "not shown": 155 + 5}
    always = {"from": "0001-01-01", "to": "9999-12-31"}
    assert _postings(_page(settings, always)) == {SHOWN: 155 + 5, "not shown": 155 + 5}
    full = _page(settings, {"from": "1994-01-31"}, sees_accounts=True)
    assert _postings(full) == {SHOWN: 10, HIDDEN: 10}


def _postings(page: ExplorePage) -> dict[str, int]:
    return {row[0]: row[3] for row in _chart(page, "map-rate").table.rows}


def test_a_map_leads_from_a_district_to_the_narrower_choice(settings: Settings) -> None:
    (item,) = _chart(_page(settings), "map-rate").option["series"][0]["data"]
    assert (item["name"], item["value"]) == (SHOWN, 1000 * 3 / 160)
    assert item["href"].endswith(f"district={SHOWN}")
    assert [
        each["name"] for each in _chart(_page(settings, sees_accounts=True), "map-money").option["series"][0]["data"]
    ] == [
        SHOWN,
        HIDDEN,
    ]


def test_the_scatter_shows_postings_and_leads_from_one_with_a_finding_to_it(settings: Settings) -> None:
    others, found = _chart(_page(settings), "scatter").option["series"]
    assert (len(others["data"]), len(found["data"])) == (3 * POSTINGS - 6, 6)
    assert {item["href"] for item in found["data"]} == {f"/findings/{night}-{n}" for night in NIGHTS for n in (1, 2)}


def test_usual_amounts_are_those_of_the_accounts_other_postings(settings: Settings) -> None:
    _, found = _chart(_page(settings, {"y": "usual_amount"}), "scatter").option["series"]
    assert {item["value"][1] for item in found["data"]} == {550.0}


def test_who_may_not_see_whom_sees_no_account_no_hidden_district_and_no_distance(settings: Settings) -> None:
    shown = _shown(_page(settings))
    assert [word for word in (str(ACCOUNT), HIDDEN, "Distance") if word in shown] == []
    full = _shown(_page(settings, {"x": "distance"}, sees_accounts=True))
    assert HIDDEN in full
    assert "Distance" in full
    assert str(ACCOUNT) not in full


def _shown(page: ExplorePage | None) -> str:
    return render("explore.html", root="/s", page=page)


def test_codes_of_the_bank_are_text(settings: Settings) -> None:
    shown = _shown(_page(settings))
    assert "<script>document" not in shown
    block = shown.split('<script type="application/json">')[1].split("</script>")[0]
    assert EVIL.replace("_", " ") in json.dumps(json.loads(block))


def test_what_is_read_is_bounded_and_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _page(settings).notes == []
    monkeypatch.setattr(scattered, "MOST_POSTINGS", 2 * POSTINGS)
    monkeypatch.setattr(exploring, "MOST_NIGHTS", 2)
    monkeypatch.setattr(scattered, "MOST_POINTS", 5)
    page = _page(settings)
    assert len(page.notes) == 2
    assert "newest 2 nights of the choice" in page.notes[0]
    assert "the newest 2 nights." in page.notes[1]
    assert f"of the {2 * POSTINGS} the plot shows 5, those with a finding first" in page.scatter.summary
    assert [len(series["data"]) for series in page.scatter.option["series"]] == [1, 4]
    monkeypatch.setattr(scattered, "MOST_POSTINGS", POSTINGS - 1)
    assert _page(settings).notes[1].endswith("the first of one night.")


def test_a_choice_without_nights_and_a_lake_without_any_say_what_to_do(settings: Settings, tmp_path: Path) -> None:
    empty = _page(settings, {"from": "1990-01-01", "to": "1990-01-02"})
    assert (empty.count, empty.nights) == (0, 0)
    assert "No night of this choice is published: widen its dates" in _shown(empty)
    nowhere = Settings(lake_uri=str(tmp_path / "lake"))
    assert explore_page(nowhere, {}, NightBook(), sees_accounts=False) is None
    assert "No night is published yet" in _shown(None)
    assert not (tmp_path / "lake").exists()


def test_the_other_plots_do_not_need_the_banks_own_shapes(settings: Settings, tmp_path: Path) -> None:
    page = _page(settings.model_copy(update={"district_shapes": tmp_path / "none.json"}))
    assert (page.maps, len(page.series)) == ([], 5)
    assert "the shapes of ADS_DISTRICT_SHAPES cannot be read" in page.notes[0]


@pytest.fixture
def installed(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ADS_LAKE_URI", settings.lake_uri)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def test_the_right_decides_which_tables_are_read(installed, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {role: client_of(role, monkeypatch).get("/explore").text for role in ("VIEWER", "USER")}
    assert {role: HIDDEN in text for role, text in seen.items()} == {"VIEWER": False, "USER": True}


def test_a_wrong_choice_is_a_page_with_a_sentence(installed, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = as_browser(client_of("VIEWER", monkeypatch)).get(f"/explore?from={quote('last week')}")
    assert answer.status_code == 422
    assert "write a date as 1994-01-31" in answer.text
