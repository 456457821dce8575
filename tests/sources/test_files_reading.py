"""A folder of files as a source: the real bank in both dialects, and every way a delivery can be wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from io import FileIO
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from include.errors import SettingsError, SourceChangedError, SourceError
from include.relations import RELATIONS
from include.sources import Extract, open_source
from include.sources.base import LINEAGE, TOTALS, UNREADABLE
from include.sources.files import disk
from include.sources.text.lines import scan
from tests.sources.small_banks import (
    STATICS,
    TRANSACTION_NAMES,
    TRANSACTIONS,
    csv_text,
    header_of,
    transactions_with,
    write_canonical,
)

LATER = date(2100, 1, 1)
ROWS = {
    "fin_account": 4500,
    "fin_client": 5369,
    "fin_disposition": 5369,
    "fin_order": 6471,
    "fin_loan": 682,
    "fin_card": 892,
    "fin_district": 77,
    "fin_transaction": 37344,
}


def whole(folder: Path | str, relation: str = "fin_transaction") -> Extract:
    with open_source(str(folder)) as source:
        extract = source.history(LATER) if relation == "fin_transaction" else source.static(relation)
    assert extract is not None
    return extract


def ids(extract: Extract) -> list[int]:
    return extract.rows[extract.relation.key].to_pylist()


def bad(extract: Extract) -> list[tuple[int, str, date | None]]:
    columns = ("source_line", "reason_codes", "night")
    return list(zip(*(extract.unreadable[c].to_pylist() for c in columns), strict=True))


def refusal(folder: Path | str, relation: str = "fin_transaction") -> str:
    with pytest.raises(SourceError) as caught:
        whole(folder, relation)
    return str(caught.value)


# The real bank


@pytest.fixture(scope="module")
def both(pkdd: Path, teradata: Path) -> Callable[[str], tuple[Extract, Extract]]:
    return lambda relation: (whole(pkdd, relation), whole(teradata, relation))


@pytest.mark.parametrize("relation", RELATIONS)
def test_both_dialects_are_read_whole_and_typed(both, relation):
    for extract in both(relation):
        assert extract.rows.num_rows == extract.offered == ROWS[relation]
        assert extract.rows["reader_codes"].null_count == ROWS[relation]
        assert extract.rows.schema == pa.schema([*RELATIONS[relation].schema, *LINEAGE])
        assert extract.unreadable.schema == UNREADABLE
        assert not extract.notes


def test_the_dialects_give_the_same_postings_but_for_years_and_scale(both):
    czech, english = (extract.rows.sort_by("trans_id") for extract in both("fin_transaction"))
    same = [c.name for c in RELATIONS["fin_transaction"].columns if c.kind not in ("date", "money")]
    assert czech.select(same).equals(english.select(same))
    shifted = [day.replace(year=day.year + 20) for day in czech["trans_date"].to_pylist()]
    assert english["trans_date"].to_pylist() == shifted
    for name in ("amount", "balance"):
        tenth = [(value / 10).quantize(Decimal("0.01")) for value in czech[name].to_pylist()]
        assert max(abs(a - b) for a, b in zip(tenth, english[name].to_pylist(), strict=True)) <= Decimal("0.01")


@pytest.mark.parametrize("relation", ["fin_account", "fin_client", "fin_disposition", "fin_card"])
def test_the_dialects_give_the_same_statics_but_for_the_years(both, relation):
    czech, english = (extract.rows.sort_by(extract.relation.key) for extract in both(relation))
    for column in RELATIONS[relation].columns:
        expected = czech[column.name].to_pylist()
        if column.kind == "date":
            assert {b.year - a.year for a, b in zip(expected, english[column.name].to_pylist(), strict=True)} == {20}
        else:
            assert english[column.name].to_pylist() == expected


def test_no_line_of_the_real_bank_needs_the_careful_reader(pkdd, teradata):
    for file, delimiter in ((pkdd / "trans.asc", ";"), (teradata / "fin_trans.tsv", "\t")):
        assert scan(file.read_bytes(), delimiter).sound.all()


def test_each_record_names_the_line_it_stands_on(pkdd):
    extract = whole(pkdd)
    lines = (pkdd / "trans.asc").read_bytes().decode().split("\r\n")
    for row in (0, 20_000, 37_343):
        number = extract.rows["source_line"][row].as_py()
        assert extract.rows["raw"][row].as_py() == lines[number - 1]
        assert lines[number - 1].startswith(f"{extract.rows['trans_id'][row]};")
    assert extract.rows["source_uri"][0].as_py() == f"file:{(pkdd / 'trans.asc').resolve()}"


def test_what_real_data_leaves_unknown_is_null(both):
    for extract in both("fin_district"):
        unknown = extract.rows.filter(pc.field("district_id") == 69).to_pylist()[0]
        assert unknown["unemployment_rate95"] is None
        assert unknown["num_crimes95"] is None
    assert whole_categories(both("fin_order")[0]) >= {None, "HH", "LO"}


def whole_categories(extract: Extract) -> set[str | None]:
    return set(extract.rows["category"].to_pylist())


def test_a_copy_cut_inside_the_last_quote_keeps_every_whole_record(pkdd, tmp_path):
    for name in ("account.asc", "client.asc", "disp.asc"):
        shutil.copy(pkdd / name, tmp_path)
    data = (pkdd / "trans.asc").read_bytes()
    (tmp_path / "trans.asc").write_bytes(data[: data.rindex(b'"SLUZBY') + 4])
    extract = whole(tmp_path)
    assert extract.rows.num_rows == 37_343
    assert extract.rows["reader_codes"].null_count == 37_343
    assert bad(extract) == [(37_345, "torn_record", date(1994, 1, 31))]
    assert len(extract.notes) == 1
    assert "trans.asc is truncated: it ends inside an open quote on line 37345" in extract.notes[0]


def test_rounding_is_the_dialects_unless_the_address_declares_it(pkdd, teradata, tmp_path):
    assert open_source(str(pkdd)).rounding_cents == 10
    assert open_source(f"file:{teradata}").rounding_cents == 1
    assert open_source(f"file://{write_canonical(tmp_path)}?rounding=0.1").rounding_cents == 10
    for wrong in ("0", "-1", "0.001", "inf", "much"):
        with pytest.raises(SettingsError, match="rounding"):
            open_source(f"{tmp_path}?rounding={wrong}")


@pytest.mark.parametrize(
    ("changes", "cents"),
    [
        ([], 10),
        ([(3, "amount", "100.55")], 1),
        ([(3, "balance", "-799.51")], 1),
        ([(0, "balance", "9999999999.90"), (1, "amount", "-0.1000")], 10),
        ([(0, "balance", "9999999999.99")], 1),
        ([(1, "amount", "?"), (2, "amount", "14.605"), (3, "balance", "much")], 10),
    ],
)
def test_rounding_nobody_declares_is_one_unit_of_the_last_money_digit(tmp_path, changes, cents):
    folder = write_canonical(tmp_path / "csv", transactions_with(*changes))
    for wanted, declared in ((cents, ""), (1, "?rounding=0.01"), (50, "?rounding=0.5")):
        with open_source(f"file:{folder}{declared}") as source:
            assert source.rounding_cents == wanted
            assert source.night(date(2013, 1, 1)).offered == 1
            assert source.rounding_cents == wanted
    table = whole(folder).rows.select(TRANSACTION_NAMES)
    floats = table.set_column(3, "amount", table["amount"].cast(pa.float64()))
    assert open_source(str(parquet_bank(tmp_path / "parquet", floats))).rounding_cents == cents


def test_the_last_money_digit_is_the_snapshots_and_one_cent_where_there_is_no_money(tmp_path):
    source = open_source(str(write_canonical(tmp_path, csv_text(TRANSACTION_NAMES, []))))
    assert source.rounding_cents == 1
    for text, cents in ((transactions_with(), 10), (transactions_with((0, "amount", "0.01")), 1)):
        write_canonical(tmp_path, text)
        with source:
            assert source.rounding_cents == cents
    nothing = [(row, column, "") for row in range(4) for column in ("amount", "balance")]
    assert open_source(str(write_canonical(tmp_path, transactions_with(*nothing)))).rounding_cents == 1


# A night, a history, totals


def test_nights_and_history_share_out_the_transactions(tmp_path):
    with open_source(str(write_canonical(tmp_path))) as source:
        assert ids(source.night(date(2013, 1, 2))) == [2, 3]
        assert ids(source.history(date(2013, 1, 3), date(2013, 1, 2))) == [2, 3]
        assert source.night(date(2012, 1, 1)).offered == 0
        assert source.span() == (date(2013, 1, 1), date(2013, 1, 3))
        totals = source.totals(date(2013, 1, 3))
    assert totals.schema == TOTALS
    found = [(row["settlement_date"], row["row_count"], row["amount_cents"]) for row in totals.to_pylist()]
    assert found == [(date(2013, 1, 1), 1, 70000), (date(2013, 1, 2), 2, 91460)]


def totals_of(folder: Path) -> dict[date, str]:
    with open_source(str(folder)) as source:
        return {row["settlement_date"]: row["digest"] for row in source.totals(LATER).to_pylist()}


def test_a_digest_changes_with_its_day_and_not_with_the_order(tmp_path):
    before = totals_of(write_canonical(tmp_path / "a"))
    shuffled = csv_text(TRANSACTION_NAMES, TRANSACTIONS[::-1], newline="\r\n")
    assert totals_of(write_canonical(tmp_path / "b", shuffled)) == before
    changed = totals_of(write_canonical(tmp_path / "c", transactions_with((2, "balance", "685.50"))))
    assert [day for day in before if before[day] != changed[day]] == [date(2013, 1, 2)]


def test_a_record_without_a_readable_date_counts_on_the_night_beside_it(tmp_path):
    text = transactions_with((0, "trans_date", "2013-02-30"), (3, "trans_date", ""))
    with open_source(str(write_canonical(tmp_path, text + "5,short\n"))) as source:
        assert ids(source.night(date(2013, 1, 2))) == [1, 2, 3, 4]
        assert bad(source.night(date(2013, 1, 2))) == [(6, "wrong_field_count", date(2013, 1, 2))]
        assert source.totals(LATER).to_pylist()[0]["row_count"] == 5
        codes = source.night(date(2013, 1, 2)).rows["reader_codes"].to_pylist()
    assert codes == ["trans_date_not_a_date", None, None, "trans_date_missing"]


def test_an_undated_record_between_two_nights_counts_on_the_earlier(tmp_path):
    with open_source(str(write_canonical(tmp_path, transactions_with((1, "trans_date", "soon"))))) as source:
        assert ids(source.night(date(2013, 1, 1))) == [1, 2]
        assert ids(source.night(date(2013, 1, 2))) == [3]


def test_a_key_that_also_stands_under_another_date_is_named_on_both_nights(tmp_path):
    text = transactions_with((3, "trans_id", "2"), (2, "trans_id", "1"), (2, "trans_date", "2013-01-01"))
    with open_source(str(write_canonical(tmp_path, text))) as source:
        assert source.night(date(2013, 1, 1)).rows["reader_codes"].to_pylist() == [None, None]
        for day in (2, 3):
            codes = source.night(date(2013, 1, day)).rows["reader_codes"].to_pylist()
            assert codes == ["duplicate_key_other_date"]


def test_a_late_copy_under_another_date_changes_both_days_digests(tmp_path):
    before = totals_of(write_canonical(tmp_path / "a"))
    late = csv_text(TRANSACTION_NAMES, [*TRANSACTIONS, ["1", *TRANSACTIONS[3][1:]]])
    after = totals_of(write_canonical(tmp_path / "b", late))
    assert [day for day in before if before[day] != after[day]] == [date(2013, 1, 1), date(2013, 1, 3)]


# Which files, which dialect


def test_a_missing_required_relation_is_named_with_its_file(tmp_path):
    write_canonical(tmp_path)
    (tmp_path / "fin_client.csv").unlink()
    message = refusal(tmp_path)
    assert "fin_client (fin_client.csv or fin_client.parquet)" in message
    assert "fin_account.csv" in message


def test_a_folder_without_the_bank_says_what_was_looked_for(tmp_path):
    (tmp_path / "holiday.jpg").write_text("")
    message = refusal(tmp_path)
    for name in ("trans.asc", "fin_trans.tsv", "fin_transaction.csv/fin_transaction.parquet", "holiday.jpg"):
        assert name in message
    assert "nothing at" in refusal(tmp_path / "nowhere")
    assert "is a file" in refusal(tmp_path / "holiday.jpg")


def test_mixed_dialects_and_doubled_relations_are_refused(tmp_path):
    write_canonical(tmp_path)
    shutil.copy(tmp_path / "fin_client.csv", tmp_path / "FIN_CLIENT.CSV")
    assert "fin_client more than once (FIN_CLIENT.CSV, fin_client.csv)" in refusal(tmp_path)
    (tmp_path / "FIN_CLIENT.CSV").rename(tmp_path / "card.asc")
    assert "mixes dialects (PKDD: card.asc; canonical: fin_account.csv" in refusal(tmp_path)


def test_letter_case_of_file_names_does_not_matter(tmp_path):
    write_canonical(tmp_path)
    (tmp_path / "fin_transaction.csv").rename(tmp_path / "Fin_Transaction.CSV")
    assert ids(whole(tmp_path)) == [1, 2, 3, 4]


def test_a_relation_that_is_not_required_may_be_absent_or_empty(tmp_path):
    with open_source(str(write_canonical(tmp_path, fin_card=b""))) as source:
        assert source.static("fin_loan") is None
        card = source.static("fin_card")
        with pytest.raises(KeyError):
            source.static("fin_transaction")
    assert card is not None
    assert (card.offered, card.rows.schema.names[:4]) == (0, ["card_id", "disp_id", "card_type", "issued_date"])
    assert "is empty" in card.notes[0]


@pytest.mark.parametrize("text", [b"", b"\n\r\n", b"\xef\xbb\xbf"])
def test_an_empty_file_of_a_required_relation_is_refused(tmp_path, text):
    assert "(fin_transaction) is empty" in refusal(write_canonical(tmp_path, text))


def test_a_header_without_records_is_a_bank_without_transactions(tmp_path):
    with open_source(str(write_canonical(tmp_path, csv_text(TRANSACTION_NAMES, [])))) as source:
        assert source.history(LATER).offered == 0
        assert source.span() is None
        assert source.totals(LATER).num_rows == 0


# Columns


def test_columns_may_come_in_any_order_and_letter_case(tmp_path):
    names = [name.upper() for name in TRANSACTION_NAMES[::-1]]
    text = csv_text(names, [row[::-1] for row in TRANSACTIONS])
    expected = whole(write_canonical(tmp_path / "a")).rows.drop_columns(["source_uri", "raw"])
    assert whole(write_canonical(tmp_path / "b", text)).rows.drop_columns(["source_uri", "raw"]).equals(expected)


def test_optional_columns_are_read_where_they_exist(tmp_path):
    names = [*TRANSACTION_NAMES, "trans_time"]
    extract = whole(write_canonical(tmp_path, csv_text(names, [[*row, "10:15"] for row in TRANSACTIONS])))
    assert extract.rows["trans_time"].to_pylist()[0].isoformat() == "10:15:00"
    assert extract.absent_columns == {"district_id"}


@pytest.mark.parametrize("placed", [True, False])
def test_districts_may_have_coordinates(tmp_path, placed):
    names = [*header_of("fin_district"), *(("latitude", "longitude") if placed else ())]
    row = ["1", "Lidrov", "kraj", *["?"] * 13, *(("50.08", "-14.5") if placed else ())]
    extract = whole(write_canonical(tmp_path, fin_district=csv_text(names, [row]).encode()), "fin_district")
    found = extract.rows.select(["latitude", "longitude"]).to_pylist()[0]
    assert tuple(found.values()) == ((50.08, -14.5) if placed else (None, None))
    assert extract.absent_columns == (frozenset() if placed else {"latitude", "longitude"})


def write_teradata(folder: Path, transactions: str) -> Path:
    names = {"fin_disposition": "fin_disp"}
    for name, rows in STATICS.items():
        (folder / f"{names.get(name, name)}.tsv").write_text(csv_text(None, rows, "\t"))
    (folder / "fin_trans.tsv").write_text(transactions)
    return folder


def test_a_missing_header_is_told_without_quoting_a_record(tmp_path):
    for delimiter in ",;":
        record = csv_text(
            None, [["7", "7", "2014-01-31", "5.00", "10.00", "C", "CIC", "", "SECRET", "4711"]], delimiter
        )
        said = refusal(write_canonical(tmp_path / str(ord(delimiter)), record))
        assert "the header may be missing" in said
        assert "SECRET" not in said
        assert "4711" not in said


def test_a_file_without_header_may_have_trailing_optional_columns(tmp_path):
    rows = [[*row, "10:15:00", "1"] for row in TRANSACTIONS]
    extract = whole(write_teradata(tmp_path, csv_text(None, rows, "\t")))
    assert extract.rows["district_id"].to_pylist() == [1, 1, 1, 1]
    assert extract.absent_columns == frozenset()


def test_a_header_where_none_is_needed_is_taken_as_one(tmp_path):
    extract = whole(write_teradata(tmp_path, csv_text(TRANSACTION_NAMES, TRANSACTIONS, "\t")))
    assert ids(extract) == [1, 2, 3, 4]
    assert extract.rows["source_line"].to_pylist()[0] == 2


def test_a_missing_column_is_refused(tmp_path):
    text = csv_text(TRANSACTION_NAMES[:4] + TRANSACTION_NAMES[5:], [r[:4] + r[5:] for r in map(list, TRANSACTIONS)])
    message = refusal(write_canonical(tmp_path, text))
    assert "fin_transaction.csv (fin_transaction) lacks the columns balance." in message


def test_a_renamed_column_is_refused_with_its_likely_name(tmp_path):
    names = ["trans_dt" if name == "trans_date" else name for name in TRANSACTION_NAMES]
    message = refusal(write_canonical(tmp_path, csv_text(names, TRANSACTIONS)))
    assert "Rename 'trans_dt' to 'trans_date'" in message


def test_an_extra_column_is_ignored_and_noted(tmp_path):
    text = csv_text([*TRANSACTION_NAMES, "teller"], [[*row, "x"] for row in TRANSACTIONS])
    extract = whole(write_canonical(tmp_path, text))
    assert ids(extract) == [1, 2, 3, 4]
    assert "'teller'" in extract.notes[0]


def test_a_doubled_column_is_refused(tmp_path):
    text = csv_text([*TRANSACTION_NAMES, "Amount"], [[*row, "1"] for row in TRANSACTIONS])
    assert "the header names amount twice" in refusal(write_canonical(tmp_path, text))


@pytest.mark.parametrize("change", ["missing", "extra"])
def test_columns_that_do_not_fit_a_file_without_header_are_refused(tmp_path, change):
    rows = [list(row)[:-1] if change == "missing" else [*row, "", "", ""] for row in TRANSACTIONS]
    message = refusal(write_teradata(tmp_path, csv_text(None, rows, "\t")))
    assert "4 of 4 records cannot be read" in message
    assert "Expected 10 fields delimited by a tab: trans_id, account_id" in message


def test_a_wrong_delimiter_is_refused_and_named(tmp_path):
    message = refusal(write_canonical(tmp_path / "a", csv_text(TRANSACTION_NAMES, TRANSACTIONS, ";")))
    assert "delimited by ';', the canonical dialect is by ','" in message
    (tmp_path / "b").mkdir()
    message = refusal(write_teradata(tmp_path / "b", csv_text(None, TRANSACTIONS, ";")))
    assert "';' as its delimiter" in message


def test_a_wrong_delimiter_between_quoted_names_is_named_too(pkdd, tmp_path):
    for name in ("account.asc", "client.asc", "disp.asc", "trans.asc"):
        (tmp_path / name).write_bytes((pkdd / name).read_bytes().replace(b";", b","))
    assert "delimited by ',', the PKDD dialect is by ';'" in refusal(tmp_path, "fin_account")


def test_dates_of_another_form_throughout_are_refused(tmp_path):
    text = transactions_with(*((row, "trans_date", f"0{row + 1}.01.2013") for row in range(4)))
    message = refusal(write_canonical(tmp_path, text))
    assert "none of its 4 records has a settlement date" in message
    assert "'99.99.9999'" in message
    for record in ("01.01.2013", "02.01.2013"):
        assert record not in message


def test_what_stands_where_the_dates_should_is_shown_by_its_form_alone(tmp_path):
    text = transactions_with(*((row, "trans_date", f"Žofie Nová, {row}47-11") for row in range(4)))
    message = refusal(write_canonical(tmp_path, text))
    assert "(found the form 'Aaaaa Aaaa, 999-99'," in message
    assert "Nov" not in message
    assert "47-11" not in message


# Bytes


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1250", "iso8859-2"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_czech_text_is_read_whatever_it_was_written_in(tmp_path, encoding, newline):
    names = ["Žďár nad Sázavou", "Ústí nad Labem", "Český Krumlov, město", "Praha"]
    rows = [[str(i + 1), name, "kraj", *["?"] * 13] for i, name in enumerate(names)]
    text = csv_text(header_of("fin_district"), rows, newline=newline)
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    extract = whole(write_canonical(tmp_path, fin_district=mark + text.encode(encoding)), "fin_district")
    assert extract.rows["district_name"].to_pylist() == names
    assert extract.rows["source_line"].to_pylist() == [2, 3, 4, 5]
    assert bool(extract.notes) == (not encoding.startswith("utf-8"))


@pytest.mark.parametrize(("encoding", "name"), [("iso8859-2", "Kroměříž"), ("cp1250", "Modrý Kameň, Veľký Krtíš")])
def test_letters_that_tell_two_code_pages_apart(tmp_path, encoding, name):
    text = csv_text(header_of("fin_district"), [["1", name, "kraj", *["?"] * 13]])
    extract = whole(write_canonical(tmp_path, fin_district=text.encode(encoding)), "fin_district")
    assert extract.rows["district_name"].to_pylist() == [name]


def test_bytes_that_do_not_decode_cost_their_own_record_only(tmp_path):
    text = transactions_with((1, "other_bank_id", "B@NK"), (3, "other_bank_id", "Žilina")).encode()
    extract = whole(write_canonical(tmp_path, text.replace(b"@", b"\xff\xfe")))
    assert ids(extract) == [1, 3, 4]
    assert bad(extract) == [(3, "wrong_encoding", date(2013, 1, 1))]
    assert "B\\xff\\xfeNK" in extract.unreadable["raw"][0].as_py()


def test_nul_bytes_cost_their_own_record_only(tmp_path):
    text = transactions_with((1, "other_bank_id", "B@NK")).replace("@", "\0")
    extract = whole(write_canonical(tmp_path, text))
    assert ids(extract) == [1, 3, 4]
    assert bad(extract) == [(3, "wrong_encoding", date(2013, 1, 1))]


def test_utf_16_without_its_mark_is_refused_rather_than_read_as_rubbish(tmp_path):
    text = csv_text(TRANSACTION_NAMES, TRANSACTIONS).encode("utf-16-le")
    assert "fin_transaction.csv (fin_transaction) lacks the columns" in refusal(write_canonical(tmp_path, text))


@pytest.mark.parametrize(
    "text", ['say "hi"', "a,b", "two\nlines", "=cmd()", "<script>alert(1)</script>", "'; drop table fin_loan; --"]
)
def test_text_that_means_something_elsewhere_comes_through_unchanged(tmp_path, text):
    extract = whole(write_canonical(tmp_path, transactions_with((1, "other_bank_id", text))))
    assert extract.rows["other_bank_id"].to_pylist()[1] == text
    assert extract.rows["source_line"].to_pylist()[2] == (5 if "\n" in text else 4)
    assert extract.rows["reader_codes"].null_count == 4


def test_negative_and_zero_amounts_are_read_for_the_gate_to_judge(tmp_path):
    extract = whole(write_canonical(tmp_path, transactions_with((0, "amount", "-5.00"), (1, "amount", "0"))))
    assert extract.rows["amount"].to_pylist()[:2] == [Decimal("-5.00"), Decimal("0.00")]
    assert extract.rows["reader_codes"].null_count == 4


def test_a_delivery_cut_in_its_first_record_has_no_night_to_count_it_on(tmp_path):
    text = csv_text(TRANSACTION_NAMES, TRANSACTIONS[:1])
    assert "none of its 1 records has a settlement date" in refusal(write_canonical(tmp_path, text[:-20]))


def test_a_last_record_without_line_end_is_read_and_noted(tmp_path):
    extract = whole(write_canonical(tmp_path, csv_text(TRANSACTION_NAMES, TRANSACTIONS)[:-1]))
    assert ids(extract) == [1, 2, 3, 4]
    assert "no line end after line 5" in extract.notes[0]


# Parquet


def parquet_bank(folder: Path, transactions: pa.Table) -> Path:
    write_canonical(folder)
    (folder / "fin_transaction.csv").unlink()
    pq.write_table(transactions, folder / "fin_transaction.parquet")
    return folder


def test_parquet_gives_the_same_rows_as_csv_whatever_its_types(tmp_path):
    expected = whole(write_canonical(tmp_path / "csv")).rows.select(TRANSACTION_NAMES)
    typed = whole(parquet_bank(tmp_path / "typed", expected))
    assert typed.rows.select(TRANSACTION_NAMES).equals(expected)
    assert typed.rows["source_line"].to_pylist() == [1, 2, 3, 4]
    assert '"trans_id":1' in typed.rows["raw"][0].as_py()
    floats = expected.set_column(3, "amount", expected["amount"].cast(pa.float64()))
    floats = floats.set_column(2, "trans_date", floats["trans_date"].cast(pa.timestamp("us")))
    loose = whole(parquet_bank(tmp_path / "loose", floats))
    assert loose.rows.select(TRANSACTION_NAMES).equals(expected)


def test_parquet_may_be_empty_or_keep_its_codes_in_dictionaries(tmp_path):
    table = whole(write_canonical(tmp_path / "csv")).rows.select(TRANSACTION_NAMES)
    assert whole(parquet_bank(tmp_path / "empty", table.slice(0, 0))).offered == 0
    coded = table.set_column(5, "trans_type", table["trans_type"].dictionary_encode())
    extract = whole(parquet_bank(tmp_path / "coded", coded))
    assert extract.rows["trans_type"].to_pylist() == ["C", "C", "D", "D"]


def test_parquet_figures_that_are_no_amounts_are_named(tmp_path):
    table = whole(write_canonical(tmp_path / "csv")).rows.select(TRANSACTION_NAMES)
    amounts = pa.array([float("inf"), float("nan"), 0.1 + 0.2, 1.005])
    extract = whole(parquet_bank(tmp_path / "pq", table.set_column(3, "amount", amounts)))
    assert extract.rows["reader_codes"].to_pylist() == [
        "amount_infinite",
        "amount_missing",
        None,
        "amount_three_decimals",
    ]
    assert extract.rows["amount"].to_pylist()[2] == Decimal("0.30")


def test_a_cut_or_nested_parquet_file_is_refused(tmp_path):
    table = whole(write_canonical(tmp_path / "csv")).rows.select(TRANSACTION_NAMES)
    folder = parquet_bank(tmp_path / "pq", table)
    data = (folder / "fin_transaction.parquet").read_bytes()
    (folder / "fin_transaction.parquet").write_bytes(data[:-20])
    assert "is no whole Parquet file" in refusal(folder)
    nested = table.set_column(3, "amount", pa.array([[1]] * 4))
    assert "column 'amount' is list" in refusal(parquet_bank(tmp_path / "nested", nested))


# One snapshot


def test_a_file_that_changes_after_the_source_was_entered_is_refused(tmp_path):
    with open_source(str(write_canonical(tmp_path))) as source:
        source.static("fin_account")
        (tmp_path / "fin_transaction.csv").write_text(transactions_with((0, "amount", "1.00")))
        with pytest.raises(SourceChangedError, match=r"fin_transaction\.csv changed"):
            source.night(date(2013, 1, 1))
        (tmp_path / "fin_client.csv").unlink()
        with pytest.raises(SourceChangedError, match="gone"):
            source.static("fin_client")


def test_a_file_that_grows_during_the_read_is_refused(tmp_path, monkeypatch):
    source = open_source(str(write_canonical(tmp_path)))

    class Growing(FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            with (tmp_path / "fin_transaction.csv").open("a") as file:
                file.write("5,")
            return data or b""

    monkeypatch.setattr(disk.os, "fdopen", Growing)
    with source, pytest.raises(SourceChangedError):
        source.night(date(2013, 1, 1))


def test_the_snapshot_is_read_once_and_taken_anew_by_the_next_with(tmp_path):
    source = open_source(str(write_canonical(tmp_path, csv_text(TRANSACTION_NAMES, []))))
    assert source.night(date(2013, 1, 1)).offered == 0
    write_canonical(tmp_path)
    with source:
        assert source.night(date(2013, 1, 1)).offered == 1
        write_canonical(tmp_path, transactions_with((1, "trans_date", "2013-01-01")))
        assert source.night(date(2013, 1, 1)).offered == 1
    with source:
        assert source.night(date(2013, 1, 1)).offered == 2


# Addresses


@pytest.mark.parametrize("uri", ["", "kinesis://stream", "http://host/bank", "s3://key:secret@bucket/bank"])
def test_addresses_of_no_known_kind_are_refused(uri):
    with pytest.raises(SettingsError) as caught:
        open_source(uri)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("form", ["{0}", "file:{0}", "file://{0}", "{0}/"])
def test_a_folder_may_be_written_in_several_ways(tmp_path, form):
    write_canonical(tmp_path)
    assert open_source(form.format(tmp_path)).uri == f"file:{tmp_path}"
