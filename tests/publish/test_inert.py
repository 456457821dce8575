"""Text of a bank's record never becomes markup or a formula."""

from __future__ import annotations

import csv
import io

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.lake.tables import ALERTS_SCHEMA, REASON
from include.publish.alerts import alerts_csv
from include.publish.inert import inert, inert_table

HOSTILE = [
    "<script>alert(1)</script>",
    "=cmd()",
    "+1+cmd",
    "-2+3",
    "@SUM(A1)",
    "\t=cmd()",
    "\r=1",
    "<img src=x onerror=y>",
    "&#10;=cmd()",
    "&#9;=cmd()",
    "  =cmd()",
    "＝cmd()",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_neither_markup_nor_formula(text: str) -> None:
    made = inert(text)
    assert "<" not in made
    assert ">" not in made
    assert made[0] not in "=+-@＝＋－＠\t\r\n "
    assert inert(made) == made


@given(st.text())
def test_inert_text_stays_inert_and_is_made_so_once(text: str) -> None:
    made = inert(text)
    assert inert(made) == made
    assert not {"<", ">", "\n", "\r", "\0"} & set(made)


@pytest.mark.parametrize("text", ["-12.50", "+3", "-1,204.00", "14.60", "This account's usual is 3,400.00.", ""])
def test_plain_text_and_numbers_stay_as_they_are(text: str) -> None:
    assert inert(text) == text


def test_texts_inside_reasons_are_made_inert_too() -> None:
    reason = {"code": "amount", "feature": "f", "value": "<b>", "typical": "1", "contribution": 0.5, "text": "=cmd()"}
    table = inert_table(pa.table({"reasons": pa.array([[reason], None], pa.list_(REASON))}))
    assert table["reasons"].to_pylist() == [[{**reason, "value": "&lt;b&gt;", "text": "'=cmd()"}], None]


def test_the_sheet_of_alerts_survives_quotes_commas_newlines_and_formulas() -> None:
    text = '=HYPERLINK("http://x","a,b")\nnext;line'
    row = dict.fromkeys(ALERTS_SCHEMA.names) | {"rank": 1, "text": text}
    sheet = alerts_csv(pa.Table.from_pylist([row], schema=ALERTS_SCHEMA))
    header, cells = list(csv.reader(io.StringIO(sheet)))
    assert dict(zip(header, cells, strict=True))["text"].startswith("'=HYPERLINK")
    assert len(sheet.strip().split("\r\n")) == 2
