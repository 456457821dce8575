"""What pages say in the lake's name: of the run that is shown and of no other, and looking makes no lake."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from include import learning, selection
from include.lake import Lake
from include.settings import get_settings
from plugins.settlement_console import notes
from plugins.settlement_console.lake_says import is_made, lake_says, night_says
from plugins.settlement_console.models.history import models_page
from plugins.settlement_console.nights.figures import NightBook
from plugins.settlement_console.nights.overview import overview_of
from plugins.settlement_console.run_results import RunResults
from tests.plugins.runs import ENDED, MADE, a_run

NIGHT, ROLLBACK = a_run(), a_run("champion_rollback", conf={"why": "too loud"})


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The installation's own, which nobody made yet."""
    monkeypatch.setenv("ADS_LAKE_URI", f"file:{tmp_path / 'lake'}")
    monkeypatch.setenv("ADS_KEY_FILE", str(tmp_path / "keys" / "lake.key"))
    get_settings.cache_clear()
    yield tmp_path / "lake"
    get_settings.cache_clear()


@pytest.fixture
def made_lake(lake: Path) -> Path:
    get_settings().key_file.parent.mkdir()
    for file in (get_settings().key_file, lake / "lake.id"):
        file.parent.mkdir(exist_ok=True)
        file.touch()
    return lake


def test_who_looks_makes_neither_a_lake_nor_a_key(lake):
    assert (night_says(NIGHT, get_settings()).summary, lake_says(ROLLBACK, get_settings()).found) == ({}, None)
    assert overview_of(get_settings(), NightBook(), {}, ENDED).rows == []
    assert models_page(get_settings()).reigns == []
    assert list(lake.parent.iterdir()) == []


def test_nor_a_key_for_a_lake_whose_key_is_away(made_lake):
    get_settings().key_file.unlink()
    assert lake_says(ROLLBACK, get_settings()).trouble == ""
    assert not get_settings().key_file.exists()


def test_a_lake_under_a_kms_key_needs_no_key_file(made_lake):
    get_settings().key_file.unlink()
    named = {"kms_key": "arn:aws:kms:eu-central-1:000000000000:key/0"}
    assert [is_made(get_settings().model_copy(update=update)) for update in ({}, named)] == [False, True]


class _Published:
    """A lake with one published night."""

    def __init__(self, finished_at: Any) -> None:
        self.row = {"finished_at": finished_at, "summary": '{"rows_in": 7}'}

    def published(self, _: Any) -> dict[str, Any]:
        return self.row


@pytest.mark.parametrize(
    ("finished_at", "is_own"),
    [
        (MADE + timedelta(minutes=5), True),
        (MADE - timedelta(days=1), False),
        (ENDED + timedelta(minutes=5), False),
    ],
)
def test_a_record_is_shown_of_a_night_that_the_run_itself_published(made_lake, monkeypatch, finished_at, is_own):
    monkeypatch.setattr(Lake, "open", lambda *_: _Published(finished_at))
    found = night_says(NIGHT, get_settings())
    assert found.summary == ({"rows_in": 7} if is_own else {})
    assert found.trouble.startswith("" if is_own else "the lake's record of this night is another run's")
    assert bool(found.trouble) is not is_own


def test_a_run_about_another_lake_gets_none_of_this_ones_records(made_lake):
    for lakes in ({"trial"}, {"trial", "default"}):
        elsewhere = replace(NIGHT, lakes=frozenset(lakes))
        assert night_says(elsewhere, get_settings()).trouble == lake_says(elsewhere, get_settings()).trouble != ""


@pytest.fixture
def records(made_lake, monkeypatch) -> dict[str, list[dict[str, Any]]]:
    """What the lake holds of champions and of what they learned."""
    held: dict[str, list[dict[str, Any]]] = {"history": [], "updates": []}
    monkeypatch.setattr(selection.Decisions, "__init__", lambda *_: None)
    monkeypatch.setattr(selection.Decisions, "found", lambda _: None)
    monkeypatch.setattr(selection, "history", lambda _: held["history"])
    monkeypatch.setattr(learning, "updates", lambda _: held["updates"])
    return held


@pytest.mark.parametrize(
    ("run", "is_own"), [(ROLLBACK.name, True), ("champion_rollback/manual__0", False), ("", False)]
)
def test_a_rollback_is_of_the_run_that_it_names_whatever_reason_was_given(records, run, is_own):
    said = {"by": "ada", "why": "too loud", "since": MADE.isoformat(), "decision": ""}
    records["history"] = [{"version": "rarity-1", "is_rollback": True, "run": run, **said}]
    records["updates"] = [{"night": "1994-01-05", "rolled_back_why": "too loud", "rolled_back_run": run}]
    found = lake_says(ROLLBACK, get_settings())
    assert (found.rolled_back_to, found.nights_taken_back) == (("rarity-1", ("1994-01-05",)) if is_own else ("", ()))


@pytest.mark.parametrize("run", [NIGHT, ROLLBACK])
def test_the_note_of_a_run_has_what_the_lake_says(run, lake, caplog):
    left = RunResults(run, values=[], answers={})
    assert notes._SILENT not in notes._note(left)
    assert not caplog.records
