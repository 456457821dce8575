"""Typing text: what each kind of column takes, and the reason code of everything else."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.relations import FIN_CLIENT, FIN_DISTRICT, FIN_TRANSACTION, RELATIONS, Relation
from include.sources.dialects import CANONICAL, PKDD, Dialect
from include.sources.values import type_columns
from tests.sources.small_banks import TRANSACTION_NAMES, TRANSACTIONS


def typed_row(relation: Relation, texts: dict[str, str], dialect: Dialect = CANONICAL) -> tuple[dict, str | None]:
    table, codes, _ = type_columns(relation, dialect, {name: pa.array([text]) for name, text in texts.items()})
    return table.to_pylist()[0], codes[0].as_py()


def posting(**changes: str) -> tuple[dict, str | None]:
    return typed_row(FIN_TRANSACTION, {**dict(zip(TRANSACTION_NAMES, TRANSACTIONS[3], strict=True)), **changes})


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("700", "700.00"),
        ("14.600", "14.60"),
        (".29", "0.29"),
        ("5.", "5.00"),
        (" 14.6 ", "14.60"),
        ("-3.10", "-3.10"),
        ("+3.10", "3.10"),
        ("0", "0.00"),
        ("0.00", "0.00"),
        ("007.5", "7.50"),
        ("0009999999999.99", "9999999999.99"),
        ("1234.5600000000004", "1234.56"),
        ("1234.5599999999999", "1234.56"),
        ("0.30000000000000004", "0.30"),
        ("-0.99999999", "-1.00"),
        ("999999999.9999", "1000000000.00"),
        ("1e5", "100000.00"),
        ("9.09e-13", "0.00"),
    ],
)
def test_money_is_read_exactly(text, amount):
    row, codes = posting(amount=text)
    assert (row["amount"], codes) == (Decimal(amount), None)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("14.605", "amount_three_decimals"),
        (".001", "amount_three_decimals"),
        ("14.6014", "amount_three_decimals"),
        ("inf", "amount_infinite"),
        ("-Infinity", "amount_infinite"),
        ("nan", "amount_missing"),
        ("1e40", "amount_too_large"),
        ("1.4605e1", "amount_three_decimals"),
        ("1,000.00", "amount_not_a_number"),
        ("1 000", "amount_not_a_number"),
        ("14,60", "amount_not_a_number"),
        (".", "amount_not_a_number"),
        ("0x1F", "amount_not_a_number"),
        ("٣", "amount_not_a_number"),
        ("NULL", "amount_missing"),
        ("10000000000", "amount_too_large"),
        ("", "amount_missing"),
        ("  ", "amount_missing"),
        ("?", "amount_missing"),
    ],
)
def test_what_is_no_money_is_null_and_named(text, code):
    row, codes = posting(amount=text)
    assert (row["amount"], codes) == (None, code)


@given(st.decimals(min_value="-9999999999.99", max_value="9999999999.99", places=2))
def test_every_amount_of_whole_cents_survives(amount):
    assert posting(amount=f"{amount:f}") == posting(amount=f"{amount:f}0")
    assert posting(amount=f"{amount:f}")[0]["amount"] == amount


@pytest.mark.parametrize(
    ("column", "text", "value", "code"),
    [
        ("account_id", "0042", 42, None),
        ("account_id", "42.0", 42, None),
        ("account_id", "42.5", None, "account_id_not_an_integer"),
        ("account_id", "4 2", None, "account_id_not_an_integer"),
        ("account_id", "0x2A", None, "account_id_not_an_integer"),
        ("account_id", "9" * 19, None, "account_id_too_large"),
        ("account_id", "", None, "account_id_missing"),
        ("other_account_id", " ", None, None),
        ("trans_date", "2014-02-28", date(2014, 2, 28), None),
        ("trans_date", "2014-02-28 00:00:00", date(2014, 2, 28), None),
        ("trans_date", "2014-02-30", None, "trans_date_not_a_date"),
        ("trans_date", "28.02.2014", None, "trans_date_not_a_date"),
        ("trans_date", "2014-02-28 12:00:00", date(2014, 2, 28), None),
        ("trans_date", "", None, "trans_date_missing"),
        ("trans_type", " C ", "C", None),
        ("trans_type", "X", None, "trans_type_unknown_code"),
        ("trans_type", "PRIJEM", None, "trans_type_unknown_code"),
        ("trans_type", "", None, "trans_type_missing"),
        ("category", " ", None, None),
        ("category", "?", None, "category_unknown_code"),
        ("other_bank_id", "=cmd()", "=cmd()", None),
        ("other_bank_id", "'; drop table x; --", "'; drop table x; --", None),
    ],
)
def test_each_kind_of_column(column, text, value, code):
    row, codes = posting(**{column: text})
    assert (row[column], codes) == (value, code)


def test_all_faults_of_a_record_are_named_in_the_columns_order():
    assert posting(trans_id="x", trans_date="2014-13-01", amount="inf", trans_type="Q")[1] == (
        "trans_id_not_an_integer,trans_date_not_a_date,amount_infinite,trans_type_unknown_code"
    )


@pytest.mark.parametrize(
    ("text", "value", "code"),
    [
        ("23:59:30", time(23, 59, 30), None),
        ("08:15", time(8, 15), None),
        ("", None, None),
        ("24:10:00", None, "trans_time_not_a_time"),
        ("8am", None, "trans_time_not_a_time"),
        ("10:00+02:00", None, "trans_time_not_a_time"),
    ],
)
def test_times_of_day(text, value, code):
    row, codes = posting(trans_time=text)
    assert (row["trans_time"], codes) == (value, code)


@pytest.mark.parametrize(
    ("text", "value", "code"),
    [
        ("?", None, None),
        (".29", 0.29, None),
        ("12541.00", 12541.0, None),
        ("many", None, "num_crimes95_not_a_number"),
        ("inf", None, "num_crimes95_infinite"),
    ],
)
def test_figures_of_a_district_may_be_unknown(text, value, code):
    texts = {c.name: "1" for c in FIN_DISTRICT.columns} | {"num_crimes95": text}
    row, codes = typed_row(FIN_DISTRICT, texts)
    assert (row["num_crimes95"], codes) == (value, code)


@pytest.mark.parametrize(
    ("number", "birth", "gender", "code"),
    [
        ("706213", date(1970, 12, 13), "F", None),
        ("750204", date(1975, 2, 4), "M", None),
        ("115101", date(2011, 1, 1), "F", None),
        ("450231", None, "M", "birth_date_not_a_date"),
        ("451301", None, "M", "birth_date_not_a_date"),
        ("soon", None, None, "birth_date_not_a_date,gender_missing"),
        ("", None, None, "birth_date_missing,gender_missing"),
    ],
)
def test_a_birth_number_holds_the_date_and_the_gender(number, birth, gender, code):
    texts = {"client_id": "1", "birth_date": number, "district_id": "18"}
    row, codes = typed_row(FIN_CLIENT, texts, PKDD)
    assert (row["birth_date"], row["gender"], codes) == (birth, gender, code)


def test_czech_codes_mean_the_canonical_ones():
    for relation in RELATIONS.values():
        for column in relation.columns:
            assert {PKDD.codes(column)[czech] for czech in column.codes.values()} == set(column.codes)
