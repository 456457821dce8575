"""Whole relations at the gate: what stops a night, in words that say what to do, and what is only reported."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest

from include.quality import RefusedError, admit, admit_statics
from include.relations import RELATIONS, STATIC_RELATIONS
from tests.quality.small_bank import NIGHT, bank, extract, row, torn

_REQUIRED = [name for name, relation in RELATIONS.items() if relation.required]
_OPTIONAL = [name for name, relation in RELATIONS.items() if not relation.required]


@pytest.mark.parametrize("name", _REQUIRED)
def test_a_missing_required_relation_stops_the_night_and_says_what_was_looked_for(name: str) -> None:
    with pytest.raises(RefusedError, match=rf"{name}: .*Looked for {RELATIONS[name].pkdd}, .*Deliver it"):
        admit(bank(**{name: None}), NIGHT)


@pytest.mark.parametrize("name", _OPTIONAL)
def test_an_absent_optional_relation_is_reported(name: str) -> None:
    admission = admit(bank(**{name: None}), NIGHT)
    assert name not in admission.accepted
    assert any(name in warning and "skipped" in warning for warning in admission.warnings)


def test_an_empty_required_relation_stops_the_night() -> None:
    with pytest.raises(RefusedError) as refusal:
        admit(bank(fin_client=extract("fin_client", [])), NIGHT)
    message = str(refusal.value)
    assert "fin_client: found 0, allowed min_value 1" in message
    assert "deliver it again" in message


def test_an_empty_optional_relation_is_let_in() -> None:
    assert admit(bank(fin_card=extract("fin_card", [])), NIGHT).accepted["fin_card"].num_rows == 0


@pytest.mark.parametrize(("name", "column"), [("fin_loan", "amount"), ("fin_account", "account_id")])
def test_a_missing_column_stops_the_night_with_one_clear_sentence(name: str, column: str) -> None:
    whole = extract(name, [row(name, 1)])
    with pytest.raises(RefusedError) as refusal:
        admit(bank(**{name: dataclasses.replace(whole, rows=whole.rows.drop_columns([column]))}), NIGHT)
    [_, sentence] = str(refusal.value).splitlines()
    assert f"{name}: found no column {column}" in sentence
    assert f"file:/bank/{RELATIONS[name].pkdd}" in sentence
    assert "map the renamed ones" in sentence


def test_every_broken_relation_is_named_at_once() -> None:
    with pytest.raises(RefusedError) as refusal:
        admit(bank(fin_client=None, fin_account=extract("fin_account", [])), NIGHT)
    assert "fin_client" in str(refusal.value)
    assert "fin_account" in str(refusal.value)


def test_a_night_of_which_most_is_unreadable_is_a_broken_delivery() -> None:
    good = [row("fin_transaction", key) for key in range(40)]
    with pytest.raises(RefusedError) as refusal:
        admit(
            {"fin_transaction": extract("fin_transaction", good, [torn(n, "wrong_field_count") for n in range(41)])},
            NIGHT,
        )
    message = str(refusal.value)
    assert "41 of 81 records were refused, a night goes without at most 40 (file file:/bank/trans.asc)" in message
    assert "wrong_field_count (41 records)" in message


def test_half_a_night_refused_and_a_handful_of_bad_records_do_not_stop_it() -> None:
    good = [row("fin_transaction", key) for key in range(40)]
    torn_half = extract("fin_transaction", good, [torn(n) for n in range(40)])
    assert admit({"fin_transaction": torn_half}, NIGHT).counts.unreadable_rows == 40
    few = extract("fin_transaction", [row("fin_transaction", k, amount=Decimal(0)) for k in range(20)])
    assert admit({"fin_transaction": few}, NIGHT).counts.quarantined_rows == 20


def test_debits_with_a_sign_are_refused_with_the_mend() -> None:
    signed = [row("fin_transaction", k, trans_type="D", operation="WIC", amount=Decimal(-k)) for k in range(1, 40)]
    with pytest.raises(RefusedError, match=r"amount_negative \(39 records\): the source writes debits with a sign"):
        admit({"fin_transaction": extract("fin_transaction", signed)}, NIGHT)
    few = admit({"fin_transaction": extract("fin_transaction", signed[:5])}, NIGHT)
    assert few.counts.quarantined_rows == 5
    assert any("5 records are in quarantine as amount_negative: the source writes" in told for told in few.warnings)


def test_a_night_without_transactions_passes_with_a_warning() -> None:
    admission = admit(bank(fin_transaction=extract("fin_transaction", [])), NIGHT)
    assert admission.counts.offered_rows == 0
    assert any("no transaction is counted on 1994-01-31" in warning for warning in admission.warnings)


def test_a_readers_notes_are_passed_on() -> None:
    noted = extract("fin_transaction", [row("fin_transaction", 1)], notes=("trans.asc ends inside an open quote",))
    assert "fin_transaction: trans.asc ends inside an open quote" in admit({"fin_transaction": noted}, NIGHT).warnings


def test_statics_alone_need_no_transactions() -> None:
    admission = admit_statics(bank())
    assert set(admission.accepted) == set(STATIC_RELATIONS)
    with pytest.raises(RefusedError, match="fin_client"):
        admit_statics(bank(fin_client=None))


def test_a_second_owner_is_reported() -> None:
    rows = [row("fin_disposition", key, account_id=1, disp_type="O") for key in (1, 2)]
    admission = admit_statics(bank(fin_disposition=extract("fin_disposition", rows)))
    assert any("second_owner" in warning for warning in admission.warnings)
    assert admission.accepted["fin_disposition"].num_rows == 2
