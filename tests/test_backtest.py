"""The backtest's contract: every night once, from the past alone, twice the same bytes, torn files as far as whole."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from demo import generate_bank
from include import features
from include.backtest import OUTPUTS, backtest
from include.errors import SettingsError, SourceError
from include.lake.tables import BREAKS_SCHEMA
from include.relations import FIN_TRANSACTION
from include.reviews.past_reviews import PastReviews
from include.settings import get_settings
from tests.sources.small_banks import STATICS, TRANSACTION_NAMES, TRANSACTIONS, csv_text, header_of, write_canonical

# Long enough before the window to train on, and the window holds the busy end of a month.
FIRST, START, END = date(2023, 6, 1), date(2024, 1, 29), date(2024, 1, 31)
BUDGET = 0.02


def read(folder: Path) -> dict[str, pa.Table]:
    return {name: pq.read_table(folder / f"{name}.parquet") for name in OUTPUTS}


def on(table: pa.Table, first: date, last: date) -> pa.Table:
    return table.filter((pc.field("trans_date") >= first) & (pc.field("trans_date") <= last))


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    generate_bank(folder, 150, FIRST, date(2024, 2, 2), 7, fmt="csv", incidents=True)
    return folder


@pytest.fixture(scope="module")
def played(bank: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("played")
    return folder, backtest(f"file:{bank}?rounding=0.1", START, END, folder, BUDGET, get_settings())


def test_every_transaction_of_the_window_is_scored_exactly_once(
    bank: Path, played: tuple[Path, dict[str, Any]]
) -> None:
    folder, summary = played
    offered = on(csv.read_csv(bank / "fin_transaction.csv"), START, END)["trans_id"].to_pylist()
    scores = read(folder)["anomaly_scores"]
    assert sorted(scores["trans_id"].to_pylist()) == sorted(offered)
    assert set(scores["settlement_date"].to_pylist()) <= {START, date(2024, 1, 30), END}
    assert summary["transactions"] == summary["scored"] == len(offered) > 100
    assert summary["counts"]["offered_rows"] == len(offered)
    assert json.loads((folder / "summary.json").read_text()) == summary


def test_run_twice_it_writes_the_same_bytes(bank: Path, played: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    backtest(f"file:{bank}?rounding=0.1", START, END, tmp_path, BUDGET, get_settings())
    for name in (*(f"{table}.parquet" for table in OUTPUTS), "summary.json"):
        assert (tmp_path / name).read_bytes() == (played[0] / name).read_bytes(), name


def test_what_comes_after_the_window_changes_nothing(
    bank: Path, played: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    header, *records = (bank / "fin_transaction.csv").read_text().splitlines(keepends=True)
    cut = tmp_path / "cut"
    cut.mkdir()
    for file in bank.glob("*.csv"):
        (cut / file.name).write_bytes(file.read_bytes())
    kept = [line for line in records if not any(day in line for day in ("2024-02-01", "2024-02-02"))]
    assert len(kept) < len(records)
    (cut / "fin_transaction.csv").write_text(header + "".join(kept))
    backtest(f"file:{cut}?rounding=0.1", START, END, tmp_path / "out", BUDGET, get_settings())
    found, expected = read(tmp_path / "out"), read(played[0])
    for name in OUTPUTS:
        columns = [c for c in expected[name].column_names if c not in ("source_uri", "line")]
        assert found[name].select(columns).equals(expected[name].select(columns)), name


def test_without_history_breaks_are_found_and_scores_skipped_and_it_says_so(tmp_path: Path) -> None:
    rows = [list(row) for row in TRANSACTIONS]
    rows[2][TRANSACTION_NAMES.index("balance")] = "600.00"
    bank = write_canonical(tmp_path / "bank", csv_text(TRANSACTION_NAMES, rows))
    summary = backtest(f"file:{bank}", date(2013, 1, 1), date(2013, 1, 4), tmp_path / "out", BUDGET, get_settings())
    found = read(tmp_path / "out")
    of_a_lake = ("masked_text", "finding_id")
    told = pa.schema([field for field in BREAKS_SCHEMA if field.name not in of_a_lake])
    assert found["settlement_breaks"].schema.equals(told)
    assert [(row["check_code"], row["account_id"]) for row in found["settlement_breaks"].to_pylist()] == [
        ("balance_chain", 1)
    ]
    assert found["anomaly_scores"].num_rows == 0
    assert summary["model"].startswith("scores are skipped: 0 days of history")
    assert (summary["transactions"], summary["scored"]) == (4, 0)


def test_a_torn_file_is_played_as_far_as_it_is_whole(tmp_path: Path) -> None:
    torn = csv_text(TRANSACTION_NAMES, TRANSACTIONS) + '5,1,2013-01-03,5.00,6.00,C,CIC,,"Y'
    bank = write_canonical(tmp_path / "bank", torn)
    summary = backtest(f"file:{bank}", date(2013, 1, 1), date(2013, 1, 3), tmp_path / "out", BUDGET, get_settings())
    assert (summary["transactions"], summary["quarantined"]) == (4, 1)
    (refused,) = read(tmp_path / "out")["quarantine"].to_pylist()
    assert (refused["night"], refused["settlement_date"], refused["line"]) == (date(2013, 1, 3), None, 6)
    assert (refused["reason_codes"], refused["raw"]) == (["torn_record"], None)
    assert any("line 6" in warning for warning in summary["warnings"])


def test_a_refused_static_record_is_in_the_quarantine_once_and_told(tmp_path: Path) -> None:
    accounts = csv_text(header_of("fin_account"), [*STATICS["fin_account"], ["3", "1", "2013-13-01", "M"]])
    bank = write_canonical(tmp_path / "bank", fin_account=accounts)
    summary = backtest(f"file:{bank}", date(2013, 1, 2), date(2013, 1, 3), tmp_path / "out", BUDGET, get_settings())
    refused = read(tmp_path / "out")["quarantine"].to_pylist()
    assert [(row["relation"], row["line"], row["night"]) for row in refused] == [("fin_account", 4, date(2013, 1, 2))]
    told = "\n".join(summary["warnings"])
    assert "fin_account: 1 of 3 records were not let in" in told
    assert "fin_loan: the source has none" in told


def test_what_cannot_be_played_is_said_before_anything_is(tmp_path: Path) -> None:
    bank, taken = write_canonical(tmp_path / "bank"), tmp_path / "file"
    taken.write_text("")
    day = date(2013, 1, 2)
    for arguments, words in (
        ((day, date(2013, 1, 1), tmp_path / "out", BUDGET), "--start <= --end"),
        ((day, day, tmp_path / "out", 2.0), "no share"),
        ((day, day, taken, BUDGET), "cannot be made"),
    ):
        with pytest.raises(SettingsError, match=words):
            backtest(f"file:{bank}", *arguments, get_settings())
    assert not (tmp_path / "out").exists()


def write_reviews(path: Path, *rows: tuple[int, str, date]) -> str:
    """A file of reviews: posting, decision, and the day on which it was decided and became known."""
    lines = [f"{trans_id},{decision},,analyst,{day},{day}" for trans_id, decision, day in rows]
    path.write_text("\n".join(["trans_id,decision,reason,who,decided_at,known_at", *lines, ""]))
    return str(path)


def test_reviews_that_become_known_later_change_nothing(
    bank: Path, played: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    reviews = write_reviews(tmp_path / "reviews.csv", (1, "confirmed", END), (2, "dismissed", END))
    backtest(f"file:{bank}?rounding=0.1", START, END, tmp_path / "out", BUDGET, get_settings(), reviews)
    for name in (*(f"{table}.parquet" for table in OUTPUTS), "summary.json"):
        assert (tmp_path / "out" / name).read_bytes() == (played[0] / name).read_bytes(), name


def test_a_training_knows_what_was_confirmed_before_the_window_and_a_bad_row_is_in_quarantine(
    bank: Path, played: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    known = date(2024, 1, 28)
    earlier = on(csv.read_csv(bank / "fin_transaction.csv"), date(2024, 1, 9), date(2024, 1, 12))
    confirmed = earlier["trans_id"][0].as_py()
    reviews = write_reviews(tmp_path / "reviews.csv", (confirmed, "confirmed", known), (7, "maybe", known))
    backtest(f"file:{bank}?rounding=0.1", START, END, tmp_path / "out", BUDGET, get_settings(), reviews)
    found = read(tmp_path / "out")
    (version,) = found["anomaly_scores"]["model_version"].unique().to_pylist()
    assert version not in read(played[0])["anomaly_scores"]["model_version"].to_pylist()
    (refused,) = [row for row in found["quarantine"].to_pylist() if row["relation"] == "reviews"]
    assert (refused["line"], refused["raw"]) == (3, None)


def test_a_night_knows_the_reviews_of_the_days_before_it(played: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    scores = read(played[0])["anomaly_scores"]
    trans_id = scores.filter(pc.field("is_flagged"))["trans_id"][0].as_py()
    reviews = PastReviews.read(write_reviews(tmp_path / "reviews.csv", (trans_id, "dismissed", START)), START)
    known = reviews.after(scores)
    postings = features.engine._posting_columns(FIN_TRANSACTION.schema.empty_table())
    assert known.effects(START, postings).decisions.num_rows == 0
    assert known.effects(date(2024, 1, 30), postings).decisions["trans_id"].to_pylist() == [trans_id]
    assert known.findings["trans_id"].to_pylist() == [trans_id]


def test_a_file_of_reviews_that_is_not_there_is_said(bank: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere\.csv"):
        backtest(f"file:{bank}", START, END, tmp_path, BUDGET, get_settings(), str(tmp_path / "nowhere.csv"))
