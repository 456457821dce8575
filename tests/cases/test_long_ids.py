"""Identifiers up to 2^63 - 1: read whole, told apart to the last digit, refused beyond."""

from __future__ import annotations

import sqlite3
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.evaluation.planting import fresh_numbers
from include.features import build_features, state_from_history
from include.quality import admit
from include.relations import FIN_TRANSACTION
from include.sources import open_source
from include.sources.base import LINEAGE, UNREADABLE, Extract
from include.sources.dialects import CANONICAL
from include.sources.files.parquet import read_parquet
from include.sources.values import type_columns
from tests.sources.small_banks import TRANSACTION_NAMES, TRANSACTIONS, transactions_with, write_canonical
from tests.sources.small_databases import changed, make_bank

LARGEST = 2**63 - 1
ACCOUNT = "other_account_id"
DAY = date(2023, 5, 1)


def _typed(*numbers: str) -> tuple[list[int | None], list[str | None]]:
    texts = {"trans_id": pa.array(numbers)}
    typed, codes, _ = type_columns(FIN_TRANSACTION, CANONICAL, texts)
    return typed["trans_id"].to_pylist(), codes.to_pylist()


@given(st.integers(-LARGEST, LARGEST), st.sampled_from(["", ".0", ".000"]))
def test_every_number_of_64_bits_is_read_exactly(number: int, end: str) -> None:
    assert _typed(f"{number}{end}") == ([number], [None])


@given(st.one_of(st.integers(LARGEST + 1, 10**30), st.integers(-(10**30), -LARGEST - 2)))
def test_every_larger_number_is_refused_as_too_large(number: int) -> None:
    assert _typed(str(number)) == ([None], ["trans_id_too_large"])


@pytest.mark.parametrize("text", ["1e18", "9223372036854775807.5", "0x7f", "9,223"])
def test_what_is_no_whole_number_is_refused_as_that(text: str) -> None:
    assert _typed(text) == ([None], ["trans_id_not_an_integer"])


def _rows(*numbers: int) -> pa.Table:
    """Postings of one account and day under these numbers."""
    row = {"account_id": LARGEST, "trans_date": DAY, "amount": Decimal(10), "trans_type": "D", "operation": "WIC"}
    rows = [{**row, "trans_id": n, "balance": Decimal(1000 - 10 * i)} for i, n in enumerate(numbers)]
    return pa.Table.from_pylist(rows, schema=FIN_TRANSACTION.schema)


@pytest.mark.parametrize("kind", [pa.uint64(), pa.decimal128(20, 0), pa.string()], ids=str)
def test_parquet_of_any_integer_type(kind: pa.DataType, tmp_path: Path) -> None:
    numbers = [LARGEST, LARGEST - 1, LARGEST + 1, 2**53 + 1]
    column = pa.array(numbers if kind != pa.string() else map(str, numbers), kind)
    pq.write_table(_source_rows(column), tmp_path / "fin_transaction.parquet")
    data = (tmp_path / "fin_transaction.parquet").read_bytes()
    records = read_parquet(data, FIN_TRANSACTION, CANONICAL, "fin_transaction.parquet")
    typed, codes, _ = type_columns(FIN_TRANSACTION, CANONICAL, records.texts)
    assert typed["trans_id"].to_pylist() == [LARGEST, LARGEST - 1, None, 2**53 + 1]
    assert codes.to_pylist() == [None, None, "trans_id_too_large", None]


def _source_rows(numbers: pa.Array) -> pa.Table:
    rows = _rows(*range(len(numbers))).select(FIN_TRANSACTION.source_schema.names)
    return rows.set_column(0, "trans_id", numbers)


def test_a_database_gives_them_whole(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "bank.db") as bank:
        for name, columns in (
            ("fin_account", "account_id, district_id, create_date, frequency"),
            ("fin_client", "client_id, birth_date, gender, district_id"),
            ("fin_disposition", "disp_id, client_id, account_id, disp_type"),
        ):
            bank.execute(f"create table {name} ({columns})")
        names = FIN_TRANSACTION.source_schema.names
        bank.execute(f"create table fin_transaction ({', '.join(names)})")
        for number in (LARGEST, LARGEST - 1):
            values = [number, LARGEST, DAY.isoformat(), "10", "1000", "D", "WIC", *[None] * (len(names) - 7)]
            bank.execute(f"insert into fin_transaction values ({', '.join('?' * len(names))})", values)  # noqa: S608
    with open_source(f"sqlite:///{tmp_path / 'bank.db'}") as source:
        read = source.night(DAY).rows
    assert sorted(read["trans_id"].to_pylist()) == [LARGEST - 1, LARGEST]
    assert set(read["account_id"].to_pylist()) == {LARGEST}


# What a double holds, and the key and the counterparty it is: below 2^53 its digits, beyond as much as it says.
DOUBLES = [
    (1234567890123456.0, 1234567890123456, "1234567890123456"),
    (1e15, 10**15, str(10**15)),
    (2.0**53 - 1, 2**53 - 1, str(2**53 - 1)),
    (42.0, 42, "42"),
    (12345678901234568.0, None, "1.2345678901234568e+16"),
    (123456789012345678.0, None, "1.2345678901234568e+17"),
]


def _as_text(folder: Path, number: float) -> str:
    changes = [(1, column, repr(number)) for column in ("account_id", ACCOUNT)]
    return f"file:{write_canonical(folder, transactions_with(*changes))}"


def _as_parquet(folder: Path, number: float) -> str:
    write_canonical(folder)
    (folder / "fin_transaction.csv").unlink()
    texts = dict(zip(TRANSACTION_NAMES, zip(*TRANSACTIONS, strict=True), strict=True))
    doubles = dict.fromkeys(("account_id", ACCOUNT), pa.array([1.0, number, 3.0, 4.0]))
    pq.write_table(pa.table({**texts, **doubles}), folder / "fin_transaction.parquet")
    return f"file:{folder}"


def _in_a_database(uri: str, number: float) -> str:
    rows = changed((1, 1, repr(number)), (1, 9, repr(number)))
    return make_bank(uri, dict.fromkeys(("account_id", ACCOUNT), "double precision"), rows)


@pytest.mark.parametrize(("number", "key", "counterparty"), DOUBLES)
def test_a_double_is_the_same_number_in_every_reader(tmp_path, empty, number, key, counterparty) -> None:
    for uri in (
        *([_as_text(tmp_path / "text", number)] if key else []),  # Python writes one beyond 2^53 in digits too
        _as_parquet(tmp_path / "parquet", number),
        _in_a_database(f"sqlite:///{tmp_path / 'bank.db'}", number),
        _in_a_database(empty, number),
    ):
        with open_source(uri) as source:
            read = source.history(date.max)
        row = read.rows.sort_by("trans_id").to_pylist()[1]
        assert (row["account_id"], row[ACCOUNT], row["counterparty"]) == (key, key, counterparty), uri
        assert row["reader_codes"] == (None if key else "account_id_not_an_integer")
        noted = any("leaves their last digits open" in note and f"1 in {ACCOUNT}" in note for note in read.notes)
        assert noted == (key is None), uri


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.234567890123456e+15", 1234567890123456),
        ("1.234567890123456E15", 1234567890123456),
        ("1.23457E+15", None),  # as a sheet shows it: the other digits are lost
        ("9.007199254740993e+15", None),  # no double, so that it is the neighbour of what was meant
        ("12e5", None),  # as an account of hexadecimal digits may be written
    ],
)
def test_an_exponent_is_read_where_it_hides_no_digit(text: str, number: int | None) -> None:
    typed, codes, remarks = type_columns(
        FIN_TRANSACTION, CANONICAL, dict.fromkeys(("trans_id", ACCOUNT), pa.array([text]))
    )
    assert (typed["trans_id"][0].as_py(), typed[ACCOUNT][0].as_py()) == (number, number)
    assert typed["counterparty"][0].as_py() == (str(number) if number else text)
    assert codes.to_pylist() == [None if number else "trans_id_not_an_integer"]
    assert remarks.open_digits == ({} if number or "." not in text else {"trans_id": 1, ACCOUNT: 1})


def test_the_gate_tells_neighbours_apart() -> None:
    numbers = [LARGEST, LARGEST - 1, 2**53, 2**53 + 1]
    rows = _rows(*numbers)
    lineage = {"source_uri": "x", "source_line": None, "raw": "", "reader_codes": None, "night": DAY}
    extract = Extract(FIN_TRANSACTION, _with(rows, lineage), UNREADABLE.empty_table())
    admission = admit({FIN_TRANSACTION.name: extract}, DAY)
    assert sorted(admission.accepted[FIN_TRANSACTION.name]["trans_id"].to_pylist()) == sorted(numbers)


def _with(rows: pa.Table, lineage: dict[str, object]) -> pa.Table:
    for name, value in lineage.items():
        rows = rows.append_column(LINEAGE.field(name), pa.array([value] * rows.num_rows, LINEAGE.field(name).type))
    return rows


def test_features_keep_every_digit() -> None:
    numbers = [LARGEST - 1, LARGEST, 2**53 + 1]
    found = build_features(_rows(*numbers), _rows().slice(0, 0), {}, state_from_history(_rows().slice(0, 0)))
    assert sorted(found["trans_id"].to_pylist()) == sorted(numbers)
    assert set(found["account_id"].to_pylist()) == {LARGEST}


@pytest.mark.parametrize(("known", "first"), [([7], 8), ([LARGEST], LARGEST - 1), ([5, LARGEST], 4), ([], 1)])
def test_planted_postings_find_numbers_of_their_own(known: list[int], first: int) -> None:
    assert next(fresh_numbers(_rows(*known))) == first
