"""Single records at the gate: what goes to quarantine, with which codes, and what is only reported."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from include.errors import ConservationError
from include.lake.tables import QUARANTINE_SCHEMA, TABLES
from include.quality import Admission, Counts, admit
from tests.quality.small_bank import NIGHT, bank, extract, row, torn

_NAME = "fin_transaction"


def _admitted(*rows: dict[str, Any], unreadable: list[dict[str, Any]] | None = None) -> Admission:
    return admit({_NAME: extract(_NAME, list(rows), unreadable)}, NIGHT)


def _codes(admission: Admission) -> dict[int, list[str]]:
    return {each["line"]: each["reason_codes"] for each in admission.quarantined.to_pylist()}


def test_an_ordinary_night_is_let_in_whole() -> None:
    admission = admit(bank(), NIGHT)
    assert admission.quarantined.num_rows == 0
    assert admission.counts == Counts(3, 3, offered_cents=30000, published_cents=30000)
    for name, table in admission.accepted.items():
        assert table.schema.names == [column for column in TABLES[name].schema.names if column != "run_key"]
    assert set(admission.accepted[_NAME]["settlement_date"].to_pylist()) == {NIGHT}


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ({"amount": Decimal(0)}, ["amount_zero"]),
        ({"amount": None, "reader_codes": "amount_not_a_number"}, ["amount_not_a_number"]),
        ({"amount": None, "reader_codes": "amount_infinite"}, ["amount_infinite"]),
        ({"amount": None, "reader_codes": "amount_three_decimals"}, ["amount_three_decimals"]),
        ({"trans_date": None, "reader_codes": "trans_date_not_a_date"}, ["trans_date_not_a_date"]),
        ({"trans_type": None, "reader_codes": "trans_type_unknown_code"}, ["trans_type_unknown_code"]),
        ({"reader_codes": "duplicate_key_other_date"}, ["duplicate_key_other_date"]),
        ({"amount": None}, ["amount_missing"]),
        ({"trans_type": "X"}, ["trans_type_unknown_code"]),
        ({"operation": "X"}, ["operation_unknown_code"]),
        ({"trans_date": date(1994, 1, 30)}, ["trans_date_other_night"]),
        ({"other_bank_id": "A" * 141}, ["other_bank_id_too_long"]),
    ],
)
def test_a_bad_record_is_quarantined_with_its_code(values: dict[str, Any], codes: list[str]) -> None:
    admission = _admitted(row(_NAME, 1), row(_NAME, 2, **values))
    assert _codes(admission) == {3: codes}
    assert admission.accepted[_NAME]["trans_id"].to_pylist() == [1]


def test_a_record_carries_all_its_codes_and_no_value_is_called_missing_that_is_only_unreadable() -> None:
    bad = row(_NAME, 1, amount=Decimal(0), balance=None, reader_codes="balance_infinite,account_id_missing")
    bad |= {"account_id": None, "other_bank_id": "A" * 141}
    assert _codes(_admitted(bad))[2] == [
        "account_id_missing",
        "amount_zero",
        "balance_infinite",
        "other_bank_id_too_long",
    ]


def test_a_posting_without_a_balance_is_let_in_but_not_one_with_an_unreadable_balance() -> None:
    bare, torn_off = row(_NAME, 1, balance=None), row(_NAME, 2, balance=None, reader_codes="balance_not_a_number")
    admission = _admitted(bare, torn_off)
    assert _codes(admission) == {3: ["balance_not_a_number"]}
    assert admission.accepted[_NAME].select(["trans_id", "balance"]).to_pylist() == [{"trans_id": 1, "balance": None}]


def test_a_quarantined_record_keeps_its_origin() -> None:
    [found] = _admitted(row(_NAME, 1, amount=Decimal(0))).quarantined.to_pylist()
    assert found == {
        "night": NIGHT,
        "settlement_date": NIGHT,
        "relation": _NAME,
        "source_uri": "file:/bank/trans.asc",
        "line": 2,
        "raw": "raw 1",
        "reason_codes": ["amount_zero"],
        "account_id": 7,
    }


@pytest.mark.parametrize("code", ["torn_record", "wrong_field_count", "wrong_encoding"])
def test_an_unreadable_record_is_quarantined_without_a_settlement_date(code: str) -> None:
    admission = _admitted(row(_NAME, 1), unreadable=[torn(9, code)])
    [found] = admission.quarantined.to_pylist()
    assert (found["night"], found["settlement_date"], found["line"]) == (NIGHT, None, 9)
    assert found["reason_codes"] == [code]
    assert (admission.counts.offered_rows, admission.counts.unreadable_rows) == (2, 1)


def test_of_doubles_the_first_line_stays() -> None:
    doubles = [row(_NAME, 5, source_line=line) for line in (30, 10, 20)]
    admission = _admitted(row(_NAME, 1), *doubles)
    assert admission.accepted[_NAME]["source_line"].to_pylist() == [2, 10]
    assert (admission.counts.deduplicated_rows, admission.counts.deduplicated_cents) == (2, 20000)
    assert admission.quarantined.num_rows == 0


def test_one_key_with_other_content_is_quarantined_on_both_sides() -> None:
    rows = [row(_NAME, 5, source_line=10), row(_NAME, 5, source_line=20, amount=Decimal("7.00")), row(_NAME, 1)]
    admission = _admitted(*rows, row(_NAME, 5, source_line=30))
    assert _codes(admission) == {10: ["duplicate_key_conflict"], 20: ["duplicate_key_conflict"]}
    assert admission.counts.deduplicated_rows == 1
    assert admission.accepted[_NAME]["trans_id"].to_pylist() == [1]


def test_keys_beyond_what_a_float_holds_stay_apart() -> None:
    rows = [row(_NAME, 2**53, source_line=1), row(_NAME, 2**53 + 1, source_line=2)]
    unkeyed = row(_NAME, 3, trans_id=None, reader_codes="trans_id_missing")
    assert _admitted(*rows, unkeyed).accepted[_NAME]["trans_id"].to_pylist() == [2**53, 2**53 + 1]


def test_records_without_a_key_are_no_doubles_of_each_other() -> None:
    unkeyed = {"trans_id": None, "reader_codes": "trans_id_not_an_integer"}
    admission = _admitted(*(row(_NAME, key, **unkeyed) for key in (1, 2)))
    assert admission.counts.quarantined_rows == 2


def test_untyped_values_are_compared_as_they_were_written() -> None:
    bad = {"amount": None, "reader_codes": "amount_not_a_number"}
    same = [row(_NAME, 5, source_line=line, raw="5;abc", **bad) for line in (1, 2)]
    admission = _admitted(*same, row(_NAME, 5, source_line=3, raw="5;xyz", **bad))
    assert set(_codes(admission)) == {1, 3}
    assert _codes(admission)[1] == ["amount_not_a_number", "duplicate_key_conflict"]


def test_hostile_text_is_let_in_as_it_is() -> None:
    texts = ['"quoted", with\nnewline', "=cmd()|' /C calc'!A1", "<script>alert(1)</script>", "'; drop table x; --"]
    admission = _admitted(*(row(_NAME, key, other_bank_id=text) for key, text in enumerate(texts)))
    assert admission.accepted[_NAME]["other_bank_id"].to_pylist() == texts


def test_a_reference_to_nowhere_is_let_in() -> None:
    assert _admitted(row(_NAME, 1, account_id=999_999_999)).accepted[_NAME].num_rows == 1


def test_a_contradiction_is_let_in_and_reported() -> None:
    admission = _admitted(row(_NAME, 1), row(_NAME, 2, trans_type="P", operation="COB"))
    assert admission.accepted[_NAME].num_rows == 2
    [warning] = admission.warnings
    assert "operation_contradicts_type" in warning
    assert "found 1 of 1 rows" in warning


def test_cents_of_the_quarantined_are_counted_as_they_are() -> None:
    rows = [row(_NAME, 1), row(_NAME, 2, amount=Decimal("-5.55"), trans_type="X"), row(_NAME, 3, amount=None)]
    counts = _admitted(*rows, row(_NAME, 1, source_line=99), unreadable=[torn(50)]).counts
    assert counts == Counts(5, 1, 2, 1, 1, 19445, 10000, -555, 10000)


def test_a_sum_that_does_not_hold_is_refused() -> None:
    Counts(2, 1, 0, 0, 1).check(_NAME)
    with pytest.raises(ConservationError, match=r"3 rows were offered.* are 2"):
        Counts(3, 1, 0, 0, 1).check(_NAME)
    with pytest.raises(ConservationError, match=r"100 cents were offered.* are 99"):
        Counts(1, 1, offered_cents=100, published_cents=99).check(_NAME)


def test_a_history_is_judged_as_its_nights_are() -> None:
    days = [date(1994, 1, 30), NIGHT]
    rows = [row(_NAME, 10 * n + k, trans_date=day, night=day) for n, day in enumerate(days) for k in (1, 2)]
    rows += [row(_NAME, 1, amount=Decimal(0), source_line=70), row(_NAME, 12, source_line=80)]
    whole = admit({_NAME: extract(_NAME, rows)}, None)
    nights = [admit({_NAME: extract(_NAME, [r for r in rows if r["night"] == day])}, day) for day in days]
    assert pa.concat_tables(n.accepted[_NAME] for n in nights).equals(whole.accepted[_NAME])
    assert pa.concat_tables(n.quarantined for n in nights).equals(whole.quarantined)
    assert whole.quarantined.schema == QUARANTINE_SCHEMA


def test_a_static_record_is_quarantined_on_the_night_it_was_offered() -> None:
    accounts = [row("fin_account", 1), row("fin_account", 2, frequency=None, reader_codes="frequency_unknown_code")]
    admission = admit(bank(fin_account=extract("fin_account", accounts)), NIGHT)
    [found] = admission.quarantined.to_pylist()
    assert (found["relation"], found["night"], found["settlement_date"]) == ("fin_account", NIGHT, NIGHT)
    assert admission.by_relation["fin_account"].quarantined_rows == 1
    assert admission.counts.quarantined_rows == 0
