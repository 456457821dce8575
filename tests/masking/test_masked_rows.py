"""Masked rows keep what a setting hides hidden, and agree with the marts on whose an account is."""

from __future__ import annotations

from typing import Any, cast

import pyarrow as pa
import pytest

from include.lake.tables import CORRECTION, SCORES_SCHEMA, TABLES
from include.masking.finding_ids import with_score_ids
from include.masking.keys import Namer
from include.masking.pseudonyms import Pseudonyms
from include.masking.tables import MASKED_TABLES, Masker
from include.night.masking import _owners


class _Keys:
    """Names each value by its reverse."""

    def namer(self, purpose: str, version: int) -> Namer:
        del purpose, version
        return cast(Namer, self)

    def name(self, value: str) -> str:
        return value[::-1]


@pytest.mark.parametrize(("step", "value"), [(0, "12.34"), (100, None)])
def test_a_correction_tells_no_exact_amount_where_money_is_rounded(step: int, value: str | None) -> None:
    masker = Masker(cast(Any, _Keys()), 1, {}, {}, step)
    proposed = {"action": "set", "trans_id": 123, "field": "amount", "value": "12.34"}
    masked = masker._corrections(pa.chunked_array([pa.array([proposed, None], CORRECTION)]))
    assert masked.to_pylist() == [{**proposed, "trans_id": "321", "value": value}, None]


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
def test_of_several_owners_the_smallest_number_stands_whatever_the_order(order: list[int]) -> None:
    rows = [
        {"account_id": 1, "client_id": 7, "disp_type": "O"},
        {"account_id": 1, "client_id": 9, "disp_type": "O"},
        {"account_id": 1, "client_id": 2, "disp_type": "D"},
    ]
    assert _owners({"fin_disposition": pa.Table.from_pylist([rows[place] for place in order])}) == {1: 7}


def test_of_a_decision_no_other_check_than_a_known_one_is_told() -> None:
    masker = Masker(cast(Any, _Keys()), 1, {}, {})
    told = ["balance_chain", "paid by Jana Novakova, account 1234567890", None]
    full = pa.Table.from_pylist([{"check_code": code} for code in told], schema=TABLES["reviews"].schema)
    masked = masker.masked(TABLES["reviews"], full, MASKED_TABLES["reviews"])
    assert masked["check_code"].to_pylist() == ["balance_chain", None, None]


def test_an_identifier_is_named_once_in_all_columns_and_types_that_it_comes_in() -> None:
    asked: list[str] = []

    def name(text: str) -> str:
        asked.append(text)
        return text[::-1]

    pseudonyms = Pseudonyms(name)
    assert pseudonyms.of(pa.chunked_array([[12, None, 34], [12]], pa.int64())).to_pylist() == ["21", None, "43", "21"]
    assert pseudonyms.of(pa.chunked_array([["56", "12", None]], pa.string())).to_pylist() == ["65", "21", None]
    assert pseudonyms.of(pa.chunked_array([], pa.int64())).to_pylist() == []
    assert asked == ["12", "34", "56"]


def test_only_flagged_postings_have_finding_ids() -> None:
    rows = [{"trans_id": n, "account_id": n, "is_flagged": n in (1, 3)} for n in range(4)]
    found = with_score_ids(pa.Table.from_pylist(rows, schema=SCORES_SCHEMA), cast(Any, _Keys()))[
        "finding_id"
    ].to_pylist()
    assert [text is not None for text in found] == [False, True, False, True]
    assert found[1] == '["score", null, 1, 1]'[::-1]


def test_of_a_night_no_digest_of_identifiers_is_told_that_was_made_without_a_key() -> None:
    """The digest of a table of one row gives its account away to whoever tries all accounts."""
    assert {"output_hash", "derived"} <= set(TABLES["night_manifest"].schema.names)
    assert {"output_hash", "derived"}.isdisjoint(MASKED_TABLES["night_manifest"].schema.names)
