"""Messages that stop a night: the column, the form of the values, what is allowed, the mend; never a person's value."""

from __future__ import annotations

from datetime import date

import pytest

from include.errors import SourceError
from include.quality import RefusedError
from include.sources.forms import form_of
from tests.sources.small_banks import STATICS, csv_text, header_of, write_canonical

NIGHT = date(1993, 7, 31)


def stopped(settled, source_uri, night=NIGHT) -> str:
    with pytest.raises((RefusedError, SourceError)) as refusal:
        settled(source_uri, night)
    message = str(refusal.value)
    assert "expect_column_pair" not in message
    assert "delimiter, encoding or column order" not in message
    return message


def test_words_for_codes_are_named_with_what_is_allowed(case_bank, settled):
    message = stopped(settled, f"file:{case_bank('words-for-codes')}?rounding=0.1")
    accounts, clients, dispositions = message.splitlines()[1:]
    assert "column account_id holds values of the form 'A99999999'" in accounts
    assert "a whole number" in accounts
    assert "column gender holds values of the form 'Aaaa" in clients
    assert "allowed are F, M" in clients
    assert "column disp_type holds values of the form 'Aaaaa' or 'Aaaa'" in dispositions
    assert "allowed are O (OWNER), D (DISPONENT)" in dispositions
    assert "translate the column" in dispositions
    assert "A00000576" not in message and "Owner" not in message


def test_numbers_that_begin_anew_are_told_with_how_many_and_since_when(case_bank, settled):
    message = stopped(settled, f"file:{case_bank('numbers-restart')}?rounding=0.1", date(1994, 1, 31))
    assert "column trans_id repeats" in message
    assert "share their number with a record of another date, the first on 1993-01-0" in message
    assert "with the year before it" in message


MANY = 60


def many(column: str, value: str, relation: str = "fin_client") -> str:
    """A relation of many records with one column spoilt in all of them."""
    names = header_of(relation)
    rows = [[str(n), *STATICS[relation][0][1:]] for n in range(1, MANY + 1)]
    for row in rows:
        row[names.index(column)] = value
    return csv_text(names, rows)


@pytest.mark.parametrize(
    ("relation", "column", "value", "form", "wanted"),
    [
        ("fin_client", "birth_date", "31-12-1970", "'99-99-9999'", "written YYYY-MM-DD"),
        ("fin_client", "gender", "f", "'a'", "allowed are F, M"),
        ("fin_client", "client_id", "K-17", "'A-99'", "a whole number"),
        ("fin_client", "district_id", "12345678901234567890", "'99999999999999999999'", "a whole number"),
        ("fin_client", "birth_date", "NULL", "'AAAA'", "a value is needed"),
        ("fin_client", "birth_date", "", "is blank", "a value is needed"),
        ("fin_account", "frequency", "Monthly", "'Aaaaaaa'", "M (POPLATEK MESICNE)"),
        ("fin_account", "create_date", "1970/12/31", "'9999/99/99'", "written YYYY-MM-DD"),
    ],
)
def test_a_column_that_is_spoilt_throughout_is_named(tmp_path, settled, relation, column, value, form, wanted):
    folder = write_canonical(tmp_path, **{relation: many(column, value, relation)})
    message = stopped(settled, f"file:{folder}", date(2013, 1, 2))
    assert f"column {column}" in message
    assert form in message
    assert wanted in message
    assert not value or len(value) < 3 or value not in message


@pytest.mark.parametrize(
    ("spoilt", "told"),
    [
        ('{n},1970-12-13,F,"1\n', "tears a record"),
        ("{n},1970-12-13,F,1,1,1\n", "more or fewer fields"),
    ],
)
def test_records_that_cannot_be_split_are_told_why(tmp_path, settled, spoilt, told):
    names = ",".join(header_of("fin_client"))
    whole = "".join(f"{n},1970-12-13,F,1\n" for n in range(1, 20))
    torn = "".join(spoilt.replace("{n}", str(n)) for n in range(20, 20 + MANY))
    folder = write_canonical(tmp_path, fin_client=f"{names}\n{whole}{torn}")
    assert told in stopped(settled, f"file:{folder}", date(2013, 1, 2))


def test_a_form_says_nothing_of_the_value():
    assert form_of("Nováková 12/b") == "Aaaaaaaa 99/a"
    assert form_of("x" * 500) == "a" * 40 + "..."
