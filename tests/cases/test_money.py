"""Money as exports write it: noise of binary sums, whole units, single precision; one number, one meaning."""

from __future__ import annotations

import sqlite3
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.settlement.findings import Break
from include.settlement.rounding import rounding_warning
from include.sources import open_source
from include.sources.values import plain_digits
from tests.cases.conftest import month_ends
from tests.sources.small_banks import TRANSACTION_NAMES, transactions_with, write_canonical
from tests.sources.small_databases import changed, make_bank

LAST = date(2014, 1, 1)


def amounts(source_uri: str) -> dict[int, Decimal | None]:
    with open_source(source_uri) as source:
        rows = source.history(before=LAST).rows
    return dict(zip(rows["trans_id"].to_pylist(), rows["amount"].to_pylist(), strict=True))


# What pandas writes for sums and differences, and what each is.
NOISE = {
    "1234.5600000000004": "1234.56",
    "914.5999999999999": "914.60",
    "9.094947017729282e-13": "0.00",
    "0.30000000000000004": "0.30",
    "1.5e+03": "1500.00",
}
REAL_DECIMALS = ("1234.567", "14.6051", "0.005", "99.9949")


@pytest.mark.parametrize(("written", "meant"), NOISE.items())
def test_noise_far_below_a_cent_is_dropped_in_text_and_doubles_alike(tmp_path, written, meant):
    text = write_canonical(tmp_path / "csv", transactions_with((1, "amount", written)))
    assert amounts(f"file:{text}")[2] == Decimal(meant)
    assert amounts(f"file:{parquet(tmp_path / 'parquet', pa.float64(), written)}")[2] == Decimal(meant)
    assert amounts(sqlite_bank(tmp_path / "bank.db", float(written)))[2] == Decimal(meant)


# As a column of text holds it, and the amount or the reason why it is none.
EXPONENTS = {
    "9.09e-13": "0.00",
    "-1.5E+03": "-1500.00",
    " 14.6 ": "14.60",
    " 1.46e1 ": "14.60",
    "1.4605e1": "amount_three_decimals",
    "1e10": "amount_too_large",
    "1e999": "amount_too_large",
}


@pytest.mark.parametrize(("written", "meant"), EXPONENTS.items())
def test_an_exponent_means_the_same_in_columns_of_text_and_the_totals_agree(tmp_path, empty, written, meant):
    text = write_canonical(tmp_path, transactions_with((1, "amount", written)))
    rows = changed((1, 3, written))
    for uri in (f"file:{text}", *(make_bank(at, {"amount": "text"}, rows) for at in (empty, sqlite(tmp_path)))):
        with open_source(uri) as source:
            history, totals = source.history(before=LAST).rows, source.totals(LAST)
        assert [history["reader_codes"][1].as_py() or str(history["amount"][1])] == [meant], uri
        assert sum(totals["amount_cents"].to_pylist()) == pc.sum(history["amount"]).as_py() * 100, uri


@pytest.mark.parametrize("written", REAL_DECIMALS)
def test_a_real_third_decimal_is_refused_everywhere(tmp_path, written):
    text = write_canonical(tmp_path / "csv", transactions_with((1, "amount", written)))
    for uri in (
        f"file:{text}",
        f"file:{parquet(tmp_path / 'double', pa.float64(), written)}",
        f"file:{parquet(tmp_path / 'single', pa.float32(), written)}",
        sqlite_bank(tmp_path / "bank.db", float(written)),
    ):
        with open_source(uri) as source:
            codes = source.history(before=LAST).rows["reader_codes"].to_pylist()
        assert [code for code in codes if code] == ["amount_three_decimals"], uri


WRITTEN = ("1234.56", "98765.43", "700", "131071.99")


@pytest.mark.parametrize("kind", ["real", "double precision", "numeric", "money", "text"])
def test_postgresql_gives_the_number_that_was_put_in(empty, kind):
    written = changed(*((row, 3, value) for row, value in enumerate(WRITTEN)))
    read = amounts(make_bank(empty, {"amount": kind}, written))
    assert list(read.values()) == [Decimal(value) for value in WRITTEN]


def test_postgresql_keeps_what_a_double_holds_and_drops_its_noise(empty):
    written = changed((0, 3, "1234.5600000000004"), (1, 3, "1234.567"), (2, 3, "9.09e-13"))
    read = amounts(make_bank(empty, {"amount": "double precision"}, written))
    assert list(read.values())[:3] == [Decimal("1234.56"), None, Decimal("0.00")]


def test_postgresql_says_of_real_that_it_cannot_hold_cents(empty):
    with open_source(make_bank(empty, {"balance": "real"})) as source:
        assert "balance is of single precision" in source.night(date(2013, 1, 1)).notes[0]


@given(st.decimals(min_value=0, max_value=131_071, places=2), st.sampled_from([pa.float32(), pa.float64()]))
def test_every_amount_of_cents_survives_a_binary_column(amount, kind):
    text = pa.array([float(amount)], kind).cast(pa.string())
    assert Decimal(plain_digits(text)[0].as_py()) == amount


def test_single_precision_that_cannot_hold_cents_is_said(tmp_path):
    folder = parquet(tmp_path, pa.float32(), "150000.37")
    with open_source(f"file:{folder}") as source:
        [note] = source.history(before=LAST).notes
    assert "amount" in note and "single precision" in note and "131,072" in note
    with open_source(f"file:{parquet(tmp_path / 'small', pa.float32(), '1500.37')}") as source:
        assert source.history(before=LAST).notes == ()


@pytest.mark.parametrize(
    ("values", "cents"),
    [(("700", "915", "101", "3"), 100), (("700.5", "915", "101.1", "3"), 10), (("700.25", "915", "101.1", "3"), 1)],
)
def test_the_rounding_is_read_from_the_money(tmp_path, values, cents):
    changes = [(row, column, value) for row, value in enumerate(values) for column in ("amount", "balance")]
    folder = write_canonical(tmp_path, transactions_with(*changes))
    with open_source(f"file:{folder}") as source:
        assert source.rounding_cents == cents


def test_a_cumulative_sum_of_doubles_costs_no_record_and_gives_no_break(case_bank, settled):
    noisy, plain = (f"file:{case_bank(name)}?rounding=0.1" for name in ("float-noise", "base"))
    for night in (date(1993, 7, 30), date(1993, 7, 31)):
        found = settled(noisy, night)
        assert found.quarantined == []
        assert found.breaks == settled(plain, night).breaks


@pytest.fixture
def whole_units(case_bank) -> tuple[str, date]:
    """The address of the bank of whole units, and the last month end it has."""
    uri = f"sqlite:///{case_bank('whole-units') / 'bank.db'}"
    with open_source(uri) as source:
        return uri, month_ends(*source.span())[-1]


def test_whole_units_are_read_from_the_money_of_a_database(whole_units, settled):
    uri, night = whole_units
    found = settled(uri, night)
    assert "balance_chain" not in found.codes
    assert found.warnings == ()


def test_a_rounding_taken_too_fine_is_said_before_its_breaks(whole_units, settled):
    uri, night = whole_units
    found = settled(f"{uri}?rounding=0.01", night)
    assert found.codes["balance_chain"] > 5
    [warning] = found.warnings
    assert "?rounding=1.00" in warning


def chain_break(account: int, gap_cents: int) -> Break:
    return Break("balance_chain", account, account, "", expected=10_000, actual=10_000 + gap_cents)


@pytest.mark.parametrize(
    ("gaps", "accounts", "named"),
    [
        ([1, -5, 9, 10, 4, 3], 100, "?rounding=0.10"),
        ([40, -50, 30, 10, 20, 50], 100, "?rounding=0.50"),
        ([90, -100, 70, 80, 250_000, 9_700, *[60] * 20], 100, "?rounding=1.00"),
        ([1, -5, 9, 10], 100, ""),  # too few accounts
        ([1, -5, 9, 10, 4, 3], 1000, ""),  # too small a share
        ([90_000, 5_000, 777_700, 10_000, 123_456], 100, ""),  # no rounding leaves such gaps
    ],
)
def test_a_rounding_is_named_where_small_gaps_break_many_accounts(gaps, accounts, named):
    warning = rounding_warning([chain_break(n, gap) for n, gap in enumerate(gaps)], accounts, rounding_cents=1)
    assert (named in warning) if named else (warning == "")


def parquet(folder: Path, kind: pa.DataType, amount: str) -> Path:
    """The small bank with its transactions as Parquet, the amount of the second in a binary column."""
    write_canonical(folder)
    text = folder / "fin_transaction.csv"
    names = pa.csv.ConvertOptions(column_types=dict.fromkeys(TRANSACTION_NAMES, pa.string()))
    rows = pa.csv.read_csv(text, convert_options=names)
    values = [amount if key == "2" else "1" for key in rows["trans_id"].to_pylist()]
    column = pa.array([float(value) for value in values], pa.float64()).cast(kind)
    pq.write_table(rows.set_column(3, "amount", column), folder / "fin_transaction.parquet")
    text.unlink()
    return folder


def sqlite(folder: Path) -> str:
    return f"sqlite:///{folder / 'bank.db'}"


def sqlite_bank(file: Path, amount: float) -> str:
    uri = make_bank(f"sqlite:///{file}", {"amount": "real"})
    with sqlite3.connect(file) as connection:
        connection.execute("update fin_transaction set amount = ? where trans_id = 2", [amount])
    return uri
