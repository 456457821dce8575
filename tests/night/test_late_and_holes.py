"""Late records, nights without a predecessor, torn files: nothing good is lost, no hole is published on."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from include.errors import MissingStateError
from include.lake import Lake
from tests.night.conftest import play, without_line

pytestmark = pytest.mark.usefixtures("ready_model")

# A withdrawal of 28 January 1994; the night it belongs to is published without it, then it comes.
LATE_DAY = "940128"


def _one_of(path: Path, day: str) -> str:
    return next(line.split(";")[0] for line in path.read_text().splitlines() if f";{day};" in line)


def _published_rows(lake: Path, night: date) -> dict[str, object]:
    row = Lake.open(f"file:{lake}").published(night)
    assert row is not None
    return row


def test_a_late_record_restates_its_night_and_those_after_it(bank: Path, tmp_path: Path) -> None:
    lake, night = tmp_path / "lake", date(1994, 1, 28)
    play("1994-01-27", bank, lake)
    transactions = bank / "trans.asc"
    late = without_line(transactions, f"{_one_of(transactions, LATE_DAY)};")
    play("1994-01-28", bank, lake)
    before = _published_rows(lake, night)

    with transactions.open("a", newline="") as file:
        file.write(late)
    play("1994-01-29", bank, lake)

    after = _published_rows(lake, night)
    assert after["attempt"] == 2
    assert after["published_rows"] == before["published_rows"] + 1
    assert after["output_hash"] != before["output_hash"]
    assert _published_rows(lake, date(1994, 1, 27))["attempt"] == 1


def test_a_record_later_than_the_look_back_is_reported_once_and_restates_nothing(bank: Path, tmp_path: Path) -> None:
    lake, transactions = tmp_path / "lake", bank / "trans.asc"
    late = without_line(transactions, f"{_one_of(transactions, '930601')};")
    play("1994-01-27", bank, lake)
    with transactions.open("a", newline="") as file:
        file.write(late)

    found = play("1994-01-28", bank, lake)
    assert len(found["late"]) == 1
    assert "1993-06-01" in found["late"][0]
    assert _published_rows(lake, date(1994, 1, 27))["attempt"] == 1
    assert play("1994-01-29", bank, lake)["late"] == []


def test_a_night_whose_past_no_source_holds_names_what_to_run(bank: Path, tmp_path: Path) -> None:
    lake, transactions = tmp_path / "lake", bank / "trans.asc"
    play("1994-01-27", bank, lake)
    header, *records = transactions.read_text().splitlines(keepends=True)
    newest = [line for line in records if line.split(";")[2] >= "940128"]
    transactions.write_text("".join([header, *newest]), newline="")

    with pytest.raises(MissingStateError, match=r"DATE=1994-01-28"):
        play("1994-01-30", bank, lake)
    assert Lake.open(f"file:{lake}").published(date(1994, 1, 30)) is None
    assert play("1994-01-28", bank, lake)["rows_in"] > 0


def test_a_torn_file_gives_all_its_whole_records_and_one_in_quarantine(bank: Path, tmp_path: Path) -> None:
    transactions = bank / "trans.asc"
    text = transactions.read_text().rstrip()
    transactions.write_text(text[: text.rindex('"SLUZBY"') + 4], newline="")

    found = play("1994-01-31", bank, tmp_path / "lake")
    row = _published_rows(tmp_path / "lake", date(1994, 1, 31))
    assert (row["offered_rows"], row["published_rows"], row["unreadable_rows"]) == (1960, 1959, 1)
    assert found["quarantined"] == 1
    (quarantined,) = Lake.open(f"file:{tmp_path / 'lake'}").read("quarantine").to_pylist()
    assert quarantined["line"] == 37345
    assert quarantined["settlement_date"] is None
    assert "SLU" not in quarantined["raw"]


def test_a_night_without_any_transaction_is_published(bank: Path, tmp_path: Path) -> None:
    found = play("1994-02-01", bank, tmp_path / "lake")
    assert found["rows_in"] == 0
    assert _published_rows(tmp_path / "lake", date(1994, 2, 1))["output_hash"]
