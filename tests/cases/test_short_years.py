"""Years of two digits in `.asc` files: a bank's own dates by POSIX's rule, births by the day the account was opened."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.relations import RELATIONS
from include.sources import Extract, open_source
from include.sources.dialects import PKDD, short_date
from tests.sources.small_banks import csv_text

LATER = date(2100, 1, 1)


def asc(relation: str, *rows: dict[str, str]) -> str:
    names = [PKDD.header_name(column) for column in PKDD.columns(RELATIONS[relation])]
    return csv_text(names, [[row.get(name, "") for name in names] for row in rows], ";")


def bank(folder: Path, births: list[str], opened: str, posted: str, kind: str = "OWNER") -> Path:
    """One account and client for each birth, and one posting."""
    folder.mkdir(parents=True, exist_ok=True)
    people = [(str(n), birth) for n, birth in enumerate(births, 1)]
    account = {"district_id": "1", "frequency": "POPLATEK MESICNE", "date": opened}
    posting = {"trans_id": "1", "account_id": "1", "date": posted, "type": "PRIJEM", "operation": "VKLAD"}
    files = {
        "account": asc("fin_account", *({"account_id": n, **account} for n, _ in people)),
        "client": asc("fin_client", *({"client_id": n, "birth_number": b, "district_id": "1"} for n, b in people)),
        "disp": asc(
            "fin_disposition", *({"disp_id": n, "client_id": n, "account_id": n, "type": kind} for n, _ in people)
        ),
        "trans": asc("fin_transaction", {**posting, "amount": "1.0", "balance": "1.0"}),
    }
    for name, text in files.items():
        (folder / f"{name}.asc").write_text(text)
    return folder


def clients(folder: Path) -> Extract:
    with open_source(str(folder)) as source:
        found = source.static("fin_client")
    assert found is not None
    return found


def births(folder: Path) -> list[date | None]:
    found: list[date | None] = clients(folder).rows["birth_date"].to_pylist()
    return found


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("930101", date(1993, 1, 1)),
        ("991231", date(1999, 12, 31)),
        ("000229", date(2000, 2, 29)),
        ("130101", date(2013, 1, 1)),
        ("240229", date(2024, 2, 29)),
        ("230229", None),
        ("2013-01-31", date(2013, 1, 31)),
        ("20130131", date(2013, 1, 31)),
        ("1998-07-15 00:00:00", date(1998, 7, 15)),
        ("130101 23:30:00", date(2013, 1, 1)),
        ("2013131", None),
    ],
)
def test_a_banks_own_dates(text, day):
    assert short_date(text) == day


@given(st.dates(date(1969, 1, 1), date(2068, 12, 31)))
def test_every_day_of_a_hundred_years_is_read_back(day):
    for form in ("%y%m%d", "%Y%m%d", "%Y-%m-%d"):
        assert short_date(day.strftime(form)) == day


@pytest.mark.parametrize(
    ("opened", "posted", "nights"),
    [
        ("930105", "931231", (date(1993, 12, 31), date(1993, 12, 31))),
        ("981005", "000229", (date(2000, 2, 29), date(2000, 2, 29))),
        ("130105", "241231", (date(2024, 12, 31), date(2024, 12, 31))),
        ("2013-01-05", "2024-02-29", (date(2024, 2, 29), date(2024, 2, 29))),
    ],
)
def test_a_bank_of_any_year_is_on_its_nights(tmp_path, opened, posted, nights):
    with open_source(str(bank(tmp_path, ["706213"], opened, posted))) as source:
        assert source.span() == nights
        assert source.night(nights[0]).offered == 1


def test_nobody_is_born_after_their_account_was_opened(tmp_path):
    written = ["706213", "135101", "450204", "116230", "005229", "996231"]
    old = [date(1970, 12, 13), date(1913, 1, 1), date(1945, 2, 4), date(1911, 12, 30), None, date(1899, 12, 31)]
    assert births(bank(tmp_path / "1993", written, "930105", "931231")) == old
    new = [
        date(1970, 12, 13),
        date(2013, 1, 1),
        date(1945, 2, 4),
        date(2011, 12, 30),
        date(2000, 2, 29),
        date(1999, 12, 31),
    ]
    assert births(bank(tmp_path / "2013", written, "130105", "131231")) == new


def test_a_day_that_the_earlier_century_does_not_have_costs_its_record_alone(tmp_path):
    found = clients(bank(tmp_path, ["000229", "450204"], "930105", "931231"))
    assert found.rows["reader_codes"].to_pylist() == ["birth_date_not_a_date", None]


def test_who_owns_no_account_is_born_before_the_newest_was_opened(tmp_path):
    assert births(bank(tmp_path, ["200101", "050101"], "130105", "131231", kind="DISPONENT")) == [
        date(1920, 1, 1),
        date(2005, 1, 1),
    ]


def test_years_of_four_digits_are_taken_as_they_are(tmp_path):
    folder = bank(tmp_path, ["1911-62-30", "20050204", "2020-01-01"], "130105", "131231")
    assert births(folder) == [date(1911, 12, 30), date(2005, 2, 4), date(2020, 1, 1)]
    assert clients(folder).rows["gender"].to_pylist() == ["F", "M", "M"]
    assert not clients(folder).notes


def test_births_that_may_be_of_either_century_are_counted_in_a_note(tmp_path):
    (note,) = clients(bank(tmp_path, ["110101", "050101", "450101", "800101"], "130105", "131231")).notes
    assert "2 births with two digits for the year may be of either century" in note
    assert "write the year with four digits" in note


def test_the_real_bank_stays_in_its_century(pkdd):
    with open_source(str(pkdd)) as source:
        assert source.span() == (date(1993, 1, 1), date(1994, 1, 31))
    found = clients(pkdd)
    assert {day.year // 100 for day in found.rows["birth_date"].to_pylist()} == {19}
    assert not found.notes


def test_the_real_bank_twenty_years_later_is_read_as_such(pkdd, tmp_path):
    """The same relations with every year of two digits moved, as an up-to-date bank would export them."""
    for file in pkdd.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    lines = (pkdd / "account.asc").read_text().splitlines()
    moved = [lines[0], *(line[:-6] + f"{(int(line[-6:-4]) + 20) % 100:02d}" + line[-4:] for line in lines[1:])]
    (tmp_path / "account.asc").write_text("\n".join(moved) + "\n")
    with open_source(str(tmp_path)) as source:
        accounts = source.static("fin_account")
    assert accounts is not None
    assert {day.year for day in accounts.rows["create_date"].to_pylist()} == {2013, 2014, 2015, 2016, 2017}
