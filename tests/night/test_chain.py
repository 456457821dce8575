"""Nights that rest on each other: a chain that begins anew, grows at its beginning, or loses its source's past."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.errors import MissingStateError
from include.features import STATE_SCHEMAS
from include.lake import Lake, RunStamp
from include.night import STEPS, NightRequest, carried_state
from tests.night.conftest import play
from tests.sources.small_banks import TRANSACTION_NAMES, csv_text, write_canonical

FIRST = date(2013, 1, 1)


def records(*days: int) -> list[list[str]]:
    """A credit on account 1 for each day of the year that is named; one is the same whatever others there are."""
    dates = {day: (FIRST + timedelta(days=day - 1)).isoformat() for day in days}
    return [[str(day), "1", dates[day], "1.00", f"{day}.00", "C", "CIC", "", "", ""] for day in days]


def deliver(folder: Path, *days: int) -> Path:
    return write_canonical(folder, csv_text(TRANSACTION_NAMES, records(*days)))


def lookback_ids(lake: Path, night: date) -> list[int]:
    found = carried_state.lookback_from_lake(Lake.open(f"file:{lake}"), night, 92)
    return sorted(found["trans_id"].to_pylist())


def row_of(lake: Path, night: str) -> dict[str, Any]:
    row = Lake.open(f"file:{lake}").published(date.fromisoformat(night))
    assert row is not None
    return row


def test_earlier_nights_published_later_take_no_look_back_away(tmp_path: Path) -> None:
    bank, lake = deliver(tmp_path / "bank", 1, 2, 3, 4, 5, 6), tmp_path / "lake"
    first = {night: play(night, bank, lake) for night in ("2013-01-04", "2013-01-05", "2013-01-06")}
    play("2013-01-03", bank, lake)
    assert carried_state.budget_since(Lake.open(f"file:{lake}"), date(2013, 1, 6)) == date(2013, 1, 4)
    again = play("2013-01-04", bank, lake)
    assert lookback_ids(lake, date(2013, 1, 6)) == [1, 2, 3, 4, 5]
    assert again["output_hash"] == first["2013-01-04"]["output_hash"]
    assert play("2013-01-06", bank, lake)["run_key"] == first["2013-01-06"]["run_key"]


def test_a_source_that_lost_the_past_the_lake_rests_on_starts_no_chain(tmp_path: Path) -> None:
    bank, lake = deliver(tmp_path / "bank", 1, 10, 20, 25), tmp_path / "lake"
    play("2013-01-20", bank, lake)
    deliver(bank, 10, 20, 25)
    with pytest.raises(MissingStateError, match=r"begins on 2013-01-10.*from 2013-01-01 on.*DATE=2013-01-21"):
        play("2013-01-25", bank, lake)
    assert Lake.open(f"file:{lake}").published(date(2013, 1, 25)) is None


def test_empty_nights_before_the_banks_first_record_are_no_lost_past(tmp_path: Path) -> None:
    bank, lake = deliver(tmp_path / "bank", 10, 20), tmp_path / "lake"
    play("2013-01-05", bank, lake)
    assert play("2013-01-20", bank, lake)["rows_in"] == 1


def test_a_late_record_before_the_first_night_restates_what_was_built_on_it(tmp_path: Path) -> None:
    bank, lake = deliver(tmp_path / "bank", 1, 4, 5), tmp_path / "lake"
    play("2013-01-04", bank, lake)
    deliver(bank, 1, 3, 4, 5)
    found = play("2013-01-05", bank, lake)
    assert (found["restated"], found["late"]) == (["2013-01-04"], [])
    assert row_of(lake, "2013-01-04")["attempt"] == 2
    assert lookback_ids(lake, date(2013, 1, 5)) == [1, 3, 4]


def test_old_and_new_late_records_at_once_are_both_told_tonight(tmp_path: Path) -> None:
    bank, lake = deliver(tmp_path / "bank", 1, 29, 30, 31), tmp_path / "lake"
    for night in ("2013-01-29", "2013-01-30"):
        play(night, bank, lake)
    late = [
        *records(1, 29, 30, 31),
        *[["90", *row[1:]] for row in records(2)],
        *[["91", *row[1:]] for row in records(30)],
    ]
    write_canonical(bank, csv_text(TRANSACTION_NAMES, late))
    found = play("2013-01-31", bank, lake)
    assert found["restated"] == ["2013-01-30"]
    assert [sentence[:10] for sentence in found["late"]] == ["2013-01-02"]


def test_what_the_night_before_took_in_meanwhile_is_told_by_it_alone(tmp_path: Path) -> None:
    """Another run publishes the night before once more, after this one looked for late records."""
    bank, lake = deliver(tmp_path / "bank", 1, 29, 30, 31), tmp_path / "lake"
    for night in ("2013-01-29", "2013-01-30"):
        play(night, bank, lake)
    deliver(bank, 1, 2, 29, 30, 31)
    request = NightRequest.of("2013-01-31", f"file:{bank}", f"file:{lake}", "slow")
    for name, step in STEPS:
        if name == "validate":
            assert _late_alerts(lake, "2013-01-30") == []
            play("2013-01-30", bank, lake)
        step(request)
    assert [text[:10] for text in _late_alerts(lake, "2013-01-30")] == ["2013-01-02"]
    assert _late_alerts(lake, "2013-01-31") == []
    first = row_of(lake, "2013-01-31")
    assert play("2013-01-31", bank, lake)["output_hash"] == first["output_hash"]
    assert row_of(lake, "2013-01-31")["run_key"] == first["run_key"]


def _late_alerts(lake: Path, night: str) -> list[str]:
    day = date.fromisoformat(night)
    alerts = Lake.open(f"file:{lake}").read("alerts", day, day)
    return alerts.filter(pc.field("kind") == "late")["text"].to_pylist()


def as_an_older_version_left_it(lake: Path, night: str) -> None:
    """What the night's state was before it knew when kinds were first used and when people last decided."""
    opened, day = Lake.open(f"file:{lake}"), date.fromisoformat(night)
    stamp = RunStamp(row_of(lake, night)["run_key"], "older", day)
    for name, column in (("state_kinds", "first_seen"), ("state_accounts", "last_decided")):
        table = carried_state.state_table(name, STATE_SCHEMAS[name])
        rows = opened.read(table, day, day).drop_columns(["run_key"])
        nothing = pa.nulls(rows.num_rows, rows[column].type)
        opened.replace(table, day, rows.set_column(rows.schema.get_field_index(column), column, nothing), stamp)


def test_a_state_of_an_older_version_is_built_anew_from_the_history(tmp_path: Path) -> None:
    bank, lake, never = deliver(tmp_path / "bank", 1, 2, 3, 4, 5), tmp_path / "lake", tmp_path / "never"
    for night in ("2013-01-03", "2013-01-04"):
        play(night, bank, lake)
        play(night, bank, never)
    as_an_older_version_left_it(lake, "2013-01-04")
    assert not carried_state.knows_enough(Lake.open(f"file:{lake}"), date(2013, 1, 5))
    found, expected = (play("2013-01-05", bank, it) for it in (lake, never))
    assert found["output_hash"] == expected["output_hash"]
    last = date(2013, 1, 5)
    for name in STATE_SCHEMAS:
        tables = [Lake.open(f"file:{it}").read(name, last, last).drop_columns(["run_key"]) for it in (lake, never)]
        assert tables[0].to_pylist() == tables[1].to_pylist()
    assert lookback_ids(lake, date(2013, 1, 6)) == [1, 2, 3, 4, 5]


def test_a_state_of_an_older_version_that_no_source_can_rebuild_is_said(tmp_path: Path) -> None:
    bank, lake = deliver(tmp_path / "bank", 1, 2, 3, 4), tmp_path / "lake"
    play("2013-01-03", bank, lake)
    as_an_older_version_left_it(lake, "2013-01-03")
    deliver(bank, 3, 4)
    with pytest.raises(MissingStateError, match=r"older version.*begins on 2013-01-03.*from 2013-01-01 on"):
        play("2013-01-04", bank, lake)
    assert Lake.open(f"file:{lake}").published(date(2013, 1, 4)) is None
