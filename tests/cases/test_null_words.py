"""Words for nothing in exports: blank where blank is allowed, missing where it is not, counted either way."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pyarrow as pa
import pytest

from include.relations import FIN_DISTRICT
from include.reviews.drop import REVIEWS
from include.sources import open_source
from include.sources.dialects import CANONICAL
from include.sources.values import NULL_WORDS, type_columns
from tests.sources.small_banks import transactions_with, write_canonical
from tests.sources.small_databases import changed, make_bank

LATER = date(2014, 1, 1)
WORDS = ("NULL", "NA", "N/A", "None", "nan", "<NA>", "\\N", "#N/A", "null", "NaN", "NaT", "(null)")


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("column", ["other_bank_id", "other_account_id", "category", "operation", "balance"])
def test_a_word_for_nothing_is_blank_where_blank_is_allowed_and_counted(tmp_path, word, column):
    folder = write_canonical(tmp_path, transactions_with((1, column, word), (2, column, word)))
    with open_source(f"file:{folder}") as source:
        history = source.history(before=LATER)
    assert history.rows["reader_codes"].null_count == 4
    assert history.rows[column].to_pylist()[1:3] == [None, None]
    [note] = history.notes
    assert f"read as blank: 2 in {column}" in note


@pytest.mark.parametrize("word", WORDS)
def test_where_a_value_is_needed_the_message_says_so(tmp_path, word):
    folder = write_canonical(tmp_path, transactions_with((1, "amount", word)))
    with open_source(f"file:{folder}") as source:
        history = source.history(before=LATER)
    assert history.rows["reader_codes"].to_pylist()[1] == "amount_missing"
    assert "column amount" in history.explanations["amount_missing"]
    assert "a value is needed" in history.explanations["amount_missing"]


@pytest.mark.parametrize(
    ("word", "name"), [("Nan", "Nan"), ("None", "None"), ("NA", "NA"), ("NULL", None), ("N/A", None), ("\\N", None)]
)
def test_a_name_that_is_needed_may_be_such_a_word(word, name):
    texts = {
        column.name: pa.array([word if column.name == "district_name" else "1"]) for column in FIN_DISTRICT.columns
    }
    typed, codes, remarks = type_columns(FIN_DISTRICT, CANONICAL, texts)
    assert typed["district_name"].to_pylist() == [name]
    assert codes.to_pylist() == [None if name else "district_name_missing"]
    assert remarks.null_words == ({} if name else {"district_name": 1})


def test_databases_and_missing_numbers_of_parquet_are_read_alike(tmp_path, empty):
    database = make_bank(empty, {"balance": "double precision"}, changed((1, 4, "NaN"), (2, 8, "NULL")))
    folder = write_canonical(tmp_path)
    rows = pd.read_csv(folder / "fin_transaction.csv", dtype={"other_bank_id": str})
    rows.loc[1, "balance"] = float("nan")
    (folder / "fin_transaction.csv").unlink()
    rows.to_parquet(folder / "fin_transaction.parquet")
    for uri in (database, f"file:{folder}"):
        with open_source(uri) as source:
            history = source.history(before=LATER).rows
        assert history["reader_codes"].null_count == 4, uri
        assert history["balance"].null_count == 1, uri
        assert history["other_bank_id"].to_pylist()[2] is None, uri


def test_people_mean_the_words_they_write():
    said = {column.name: pa.array(["NA"]) for column in REVIEWS.columns}
    assert type_columns(REVIEWS, CANONICAL, said).table["who"].to_pylist() == ["NA"]


def test_what_pandas_takes_for_missing_is_a_word_for_nothing():
    from pandas._libs.parsers import STR_NA_VALUES

    # Windows wrote these for broken numbers; in money they are refused as what they are.
    broken_numbers = {"-1.#IND", "1.#QNAN", "1.#IND", "-1.#QNAN"}
    assert {word.lower() for word in STR_NA_VALUES - broken_numbers if word} <= NULL_WORDS


def test_a_bank_called_null_makes_no_pair_of_equal_postings_an_error(case_bank, settled):
    named, plain = (f"file:{case_bank(name)}?rounding=0.1" for name in ("null-words", "base"))
    with open_source(named) as source:
        assert set(source.history(before=LATER).rows["other_bank_id"].to_pylist()).isdisjoint({"NULL"})
    for night in (date(1993, 10, 31), date(1994, 1, 31)):
        found = settled(named, night)
        assert found.breaks == settled(plain, night).breaks
        assert any("words for nothing" in warning and "other_bank_id" in warning for warning in found.notes)
