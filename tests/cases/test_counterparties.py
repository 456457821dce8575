"""Counterparties are text in any form: no form costs a record, and two forms of one account are the same."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expectations.declare import typed
from include.features import advance_state, build_features, state_from_history
from include.lake.tables import REVERSES
from include.quality.record_admission import accepted
from include.relations import FIN_ORDER, FIN_TRANSACTION, STATIC_RELATIONS, Relation
from include.reviews.queries import queries
from include.settlement import check_night
from include.settlement import state_from_history as settled
from include.sources import open_source
from include.sources.base import Extract
from include.sql_engine import SqlEngine

Found = Counter[tuple[object, ...]]
FIRST, NIGHTS = date(1993, 12, 12), 6
LEFT_OUT = (163, date(1993, 12, 13))
"""Account and day of a payment that a standing order asks for; without it the bank has something to find."""
IBAN = "CZ65 0800 0000 1920 0014 5399"


def _known_as(account: str | int | None, bank: str | None = None) -> str | None:
    """The key of a counterparty, out of its number where it is one."""
    number = int(account) if account is not None and str(account).isdigit() and len(str(account)) < 19 else None
    text = None if account is None else str(account)
    with SqlEngine.open("counterparties", {}) as engine:
        return engine._connection.execute(
            "select counterparty_key($1::bigint, $2::varchar, $3::varchar)", [number, text, bank]
        ).fetchone()[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((IBAN, "YZ"), ("cz6508000000192000145399", "YZ")),
        ((IBAN, None), ("CZ65\u00a00800\u00a00000\t1920 00145399", None)),
        (("000019-0002000145399", "0800"), ("19-2000145399", "0800")),
        (("19-2000145399/0800", None), ("19-2000145399", "0800")),
        (("19-2000145399/0800", "0800"), ("19-2000145399", "0800")),
        (("000000-86180990", "UV"), (86180990, "UV")),
        (("00086180990 ", "UV"), (86180990, "UV")),
        (("86180990/uv", "UV"), (86180990, "UV")),
        (("0" * 9 + "12345678901234567890123456", "UV"), ("12345678901234567890123456", "UV")),
        (("0000", None), (None, None)),
        ((0, "AB"), (None, "AB")),
    ],
)
def test_two_forms_of_one_account_are_the_same(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert _known_as(*one) == _known_as(*other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("19-2000145399", "0800"), ("19-2000145399", "0100")),
        (("19-2000145399/0800", None), ("19-2000145399/0100", None)),
        (("19-2000145399", None), ("192000145399", None)),
        (("119", "AB"), ("19", "AB")),
        (("A" * 200 + "1", None), ("A" * 200 + "2", None)),
    ],
)
def test_two_accounts_are_not_the_same(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert None not in (_known_as(*one), _known_as(*other))
    assert _known_as(*one) != _known_as(*other)


@given(st.integers(1, 2**62), st.sampled_from([None, "AB", "0800"]), st.integers(0, 3))
def test_a_number_has_the_key_it_always_had(number: int, bank: str | None, zeros: int) -> None:
    assert _known_as(number, bank) == f"{bank or ''}/{number}"
    assert _known_as(" " * zeros + "0" * zeros + str(number), bank) == f"{bank or ''}/{number}"


def _breaks(folder: Path) -> tuple[Found, int]:
    """What does not add up on a month's nights, and how many records were not let in."""
    with open_source(f"file:{folder}?rounding=0.1") as source:
        read = [source.history(before=date.max), *(source.static(name) for name in STATIC_RELATIONS)]
        rounding = source.rounding_cents
    rows = {each.relation.name: _readable(each) for each in read}
    delivered = rows.pop(FIN_TRANSACTION.name)
    is_left_out = (pc.field("account_id") == LEFT_OUT[0]) & (pc.field("trans_date") == LEFT_OUT[1])
    postings = delivered.filter(~is_left_out)
    found: Found = Counter()
    past = postings.filter(pc.less(postings["trans_date"], pa.scalar(FIRST)))
    state = settled(past, rows, before=FIRST, rounding_cents=rounding)
    for night, tonight, before in _nights(postings):
        findings = check_night(night, tonight, before, rows, state, rounding)
        state = findings.state
        found.update((row["check_code"], row["account_id"], row["expected"]) for row in findings.breaks.to_pylist())
    return found, sum(each.offered for each in read) - delivered.num_rows - sum(t.num_rows for t in rows.values())


def _readable(extract: Extract) -> pa.Table:
    rows = extract.rows.filter(pc.is_null(extract.rows["reader_codes"]))
    if extract.relation is FIN_TRANSACTION:
        rows = rows.append_column(REVERSES, pa.nulls(rows.num_rows, REVERSES.type))
    return accepted(extract.relation, rows)


def _nights(postings: pa.Table) -> Iterator[tuple[date, pa.Table, pa.Table]]:
    dates = postings["trans_date"]
    for night in (FIRST + timedelta(days=n) for n in range(NIGHTS)):
        is_tonight, is_before = (pc.equal(dates, pa.scalar(night)), pc.less(dates, pa.scalar(night)))
        yield night, postings.filter(is_tonight), postings.filter(is_before)


@pytest.fixture(scope="module")
def expected(cases: Path) -> Found:
    """What does not add up in the bank without any fault."""
    found, refused = _breaks(cases / "base")
    assert not refused
    assert {code for code, *_ in found} == {"balance_chain", "missed_standing_order"}
    return found


@pytest.mark.parametrize("case", ["counterparty-as-text", "long-ids"])
def test_the_bank_breaks_where_it_does_without_the_fault(
    case: str, expected: Found, case_bank: Callable[[str], Path]
) -> None:
    assert _breaks(case_bank(case)) == (expected, 0)


FORMS = (
    "CZ65 0800 0000 19{0:0>10}",
    "19-{0}/0800",
    "{0}00000000000000000000",
    "Pay to the account of {0}, at the corner. " * 9,
    "{0:0>12}",
)


def _in_some_form(number: str) -> str:
    """Each account in one form, and neighbours in different ones."""
    return FORMS[int(number) % len(FORMS)].format(number) if number else ""


def test_no_form_costs_a_posting_an_order_or_a_break(expected: Found, case_bank: Callable[[str], Path]) -> None:
    folder = case_bank("base")
    for name, column in (("fin_transaction", "other_account_id"), ("fin_order", "account_to")):
        table = pa_csv.read_csv(folder / f"{name}.csv", convert_options=_TEXTS)
        formed = pa.array([_in_some_form(number) for number in table[column].to_pylist()], pa.string())
        pa_csv.write_csv(table.set_column(table.schema.get_field_index(column), column, formed), folder / f"{name}.csv")
    assert _breaks(folder) == (expected, 0)


@pytest.mark.parametrize("relation", [FIN_TRANSACTION, FIN_ORDER], ids=lambda relation: relation.name)
def test_the_gate_expects_nothing_of_a_counterpartys_text(relation: Relation) -> None:
    asked = {each.expectation.column for each in typed(relation) if hasattr(each.expectation, "column")}
    assert not asked & {"counterparty", "counterparty_to", "account_to", "other_account_id"}
    assert {"other_bank_id", "bank_to"} & asked


_COLUMNS = ("trans_id", "account_id", "trans_date", "amount", "balance", "trans_type", "operation", "category")
_TEXTS = pa_csv.ConvertOptions(
    column_types={
        name: pa.string()
        for name in (*_COLUMNS, "other_bank_id", "other_account_id", "order_id", "bank_to", "account_to")
    }
)


def _as_csv(folder: Path, rows: pa.Table) -> str:
    pa_csv.write_csv(rows, folder / "fin_transaction.csv")
    return f"file:{folder}"


def _as_parquet(folder: Path, rows: pa.Table) -> str:
    (folder / "fin_transaction.csv").unlink()
    pq.write_table(rows, folder / "fin_transaction.parquet")
    return f"file:{folder}"


def _as_sqlite(folder: Path, rows: pa.Table) -> str:
    with sqlite3.connect(folder / "bank.db") as bank:
        for file in folder.glob("fin_*.csv"):
            table = rows if file.stem == "fin_transaction" else pa_csv.read_csv(file)
            bank.execute(f"create table {file.stem} ({', '.join(table.column_names)})")
            values = [tuple(None if v is None else str(v) for v in row.values()) for row in table.to_pylist()]
            places = ", ".join("?" * table.num_columns)
            bank.executemany(f"insert into {file.stem} values ({places})", values)  # noqa: S608 - names of our own
    return f"sqlite:///{folder / 'bank.db'}"


@pytest.mark.parametrize("write", [_as_csv, _as_parquet, _as_sqlite])
def test_every_reader_keeps_the_text_and_the_number(
    write: Callable[[Path, pa.Table], str], case_bank: Callable[[str], Path]
) -> None:
    folder = case_bank("base")
    rows = pa_csv.read_csv(folder / "fin_transaction.csv", convert_options=_TEXTS).slice(0, 6)
    texts = [IBAN, "19-2000145399/0800", "00041403269", "12345678901234567890", "", str(2**63 - 1)]
    place = rows.schema.get_field_index("other_account_id")
    address = write(folder, rows.set_column(place, "other_account_id", pa.array(texts)))
    with open_source(address) as source:
        read = source.history(before=date.max).rows.sort_by("trans_id")
    order = [texts[i] for i in sorted(range(6), key=lambda i: int(rows["trans_id"][i].as_py()))]
    expected = {"00041403269": ("41403269", 41403269), "": (None, None), str(2**63 - 1): (str(2**63 - 1), 2**63 - 1)}
    found = list(zip(read["counterparty"].to_pylist(), read["other_account_id"].to_pylist(), strict=True))
    assert found == [expected.get(text, (text, None)) for text in order]
    assert read["reader_codes"].null_count == 6


def _transfer(trans_id: int, day: date, text: str | None, bank: str | None = "YZ") -> dict[str, object]:
    number = int(text) if text is not None and text.isdigit() else None
    row = {"trans_id": trans_id, "account_id": 1, "trans_date": day, "amount": 100, "balance": 1000, "trans_type": "D"}
    return {**row, "operation": "ROB", "other_bank_id": bank, "counterparty": text, "other_account_id": number}


def _postings(*rows: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=FIN_TRANSACTION.schema)


def test_features_know_a_counterparty_in_another_form() -> None:
    day = date(2023, 5, 1)
    past = _postings(*(_transfer(n, day - timedelta(days=90 - n), IBAN) for n in range(40)))
    state = state_from_history(past)
    tonight = _postings(_transfer(90, day, IBAN.replace(" ", "").lower()), _transfer(91, day, "19-2000145399"))
    found = build_features(tonight, past, {}, state)
    assert [bool(n) for n in found["unknown_counterparty"].to_pylist()] == [False, True]
    assert found["other_account"].to_pylist() == [IBAN.replace(" ", "").lower(), "19-2000145399"]


def test_a_state_from_before_counterparties_were_text_is_moved_on() -> None:
    day = date(2023, 5, 1)
    earlier = _postings(_transfer(1, day, "41403269")).drop_columns(["counterparty"])
    known = advance_state(state_from_history(earlier), _postings(_transfer(2, day, "0041403269/YZ", None)))
    assert known.state_counterparties["counterparty"].to_pylist() == ["YZ/41403269"]


def test_what_reviews_say_of_a_counterparty_holds_for_its_other_forms() -> None:
    day = date(2023, 5, 1)
    rows = _postings(_transfer(1, day, IBAN), _transfer(2, day, IBAN.replace(" ", "")))
    with queries(postings=rows) as engine:
        grounds = engine.table("grounds", night=day).to_pylist()
    assert {row["subject"] for row in grounds if row["ground"] == "counterparty"} == {f"YZ/{IBAN.replace(' ', '')}"}
