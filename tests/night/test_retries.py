"""Steps tried again, runs that ended halfway, and the records that lie in work folders meanwhile."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from include.errors import GateError, MissingStateError, SettingsError
from include.lake import Lake
from include.lake.work_folder import ABANDONED_AFTER
from include.night import STEPS, NightRequest, parse_night, report, score, validate
from tests.night.conftest import play
from tests.sources.small_banks import TRANSACTION_NAMES, TRANSACTIONS, csv_text, write_canonical

NIGHT = "2013-01-02"


def work_folders(lake: Path) -> list[str]:
    return sorted(f"{path.parent.name}/{path.name}" for path in (lake / "_work").glob("*/*"))


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    return write_canonical(tmp_path / "bank")


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


def request_of(bank: Path, lake: Path, attempt: str = "run") -> NightRequest:
    return NightRequest.of(NIGHT, f"file:{bank}", f"file:{lake}", attempt)


def test_every_step_may_run_twice_and_the_night_is_the_same(bank: Path, lake: Path, tmp_path: Path) -> None:
    request = request_of(bank, lake)
    for _, step in STEPS:
        step(request)
        again = step(request)
    assert again["alerts_sheet"].endswith(f"{NIGHT}.csv")
    once = play(NIGHT, bank, tmp_path / "other")
    row = Lake.open(f"file:{lake}").published(request.night)
    assert row is not None
    assert row["output_hash"] == once["output_hash"]


def test_a_report_cleared_after_success_leaves_the_docs_as_they_are(bank: Path, lake: Path) -> None:
    first = play(NIGHT, bank, lake, "run")
    page = Path(first["data_docs"].removeprefix("file://"))
    written = page.read_bytes()
    again = report(request_of(bank, lake))
    assert again["breaks"] == first["breaks"]
    assert page.read_bytes() == written


def test_a_step_without_what_the_one_before_it_left_says_where_to_begin(bank: Path, lake: Path) -> None:
    play(NIGHT, bank, lake, "run")
    for step in (validate, score):
        with pytest.raises(MissingStateError, match="clear the run from its first task on"):
            step(request_of(bank, lake))
    with pytest.raises(MissingStateError, match="not published"):
        report(NightRequest.of("2013-01-03", f"file:{bank}", f"file:{lake}", "run"))


def test_a_run_that_failed_leaves_no_records_in_the_clear(bank: Path, lake: Path) -> None:
    (bank / "fin_client.csv").write_text("client_id,birth_date,gender,district_id\n")
    with pytest.raises(GateError, match="fin_client"):
        play(NIGHT, bank, lake)
    assert work_folders(lake) == []


def test_a_restated_night_that_failed_leaves_none_either(bank: Path, lake: Path) -> None:
    transactions = bank / "fin_transaction.csv"
    transactions.write_text(csv_text(TRANSACTION_NAMES, TRANSACTIONS))
    play(NIGHT, bank, lake)
    refused = [[str(n), "1", NIGHT, "NaN", "1.00", "C", "CIC", "", "", ""] for n in range(100, 130)]
    transactions.write_text(csv_text(TRANSACTION_NAMES, [*TRANSACTIONS, *refused]))
    with pytest.raises(GateError, match=f"the night {NIGHT}"):
        play("2013-01-03", bank, lake)
    assert work_folders(lake) == []


def test_what_a_killed_run_left_is_removed_a_day_later_and_what_runs_is_left_alone(bank: Path, lake: Path) -> None:
    ages = {"killed": ABANDONED_AFTER + timedelta(minutes=1), "running": timedelta(hours=5)}
    for attempt, age in ages.items():
        folder = lake / "_work" / "2012-12-31" / attempt
        folder.mkdir(parents=True)
        (folder / "opened.json").write_text(json.dumps({"at": (datetime.now(UTC) - age).isoformat()}))
    play(NIGHT, bank, lake)
    assert work_folders(lake) == ["2012-12-31/running"]


@pytest.mark.parametrize("attempt", ["..", ".", "../2013-01-01/other", "", "...x"])
def test_no_name_of_a_run_leads_out_of_its_own_folder(bank: Path, lake: Path, attempt: str) -> None:
    other = lake / "_work" / NIGHT / "other"
    other.mkdir(parents=True)
    play(NIGHT, bank, lake, attempt)
    assert other.is_dir()


@pytest.mark.parametrize(
    "text", ["", "20130102", "2013-W01-3", "2013-1-2", " 2013-01-02", "2013-01-02\n", "2013-01-02T00:00", "2013-02-30"]
)
def test_a_night_has_one_spelling(text: str) -> None:
    with pytest.raises(SettingsError, match="write one that exists as YYYY-MM-DD"):
        parse_night(text)
    assert parse_night(NIGHT) == date(2013, 1, 2)
