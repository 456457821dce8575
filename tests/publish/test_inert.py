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
from include.publish.escaping import escaped_table, inert

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
    table = escaped_table(pa.table({"reasons": pa.array([[reason], None], pa.list_(REASON))}))
    assert table["reasons"].to_pylist() == [[{**reason, "value": "&lt;b&gt;", "text": "'=cmd()"}], None]


def test_the_sheet_of_alerts_survives_quotes_commas_newlines_and_formulas() -> None:
    text = '=HYPERLINK("http://x","a,b")\nnext;line'
    row = dict.fromkeys(ALERTS_SCHEMA.names) | {"rank": 1, "text": text}
    sheet = alerts_csv(pa.Table.from_pylist([row], schema=ALERTS_SCHEMA))
    header, cells = list(csv.reader(io.StringIO(sheet)))
    assert dict(zip(header, cells, strict=True))["text"].startswith("'=HYPERLINK")
    assert len(sheet.strip().split("\r\n")) == 2


def reference(value: object) -> object:
    """Every text within a value made inert, one by one."""
    if isinstance(value, str):
        return inert(value)
    if isinstance(value, dict):
        return {name: reference(part) for name, part in value.items()}
    return [reference(part) for part in value] if isinstance(value, list) else value


TEXTS = st.one_of(st.none(), st.sampled_from(HOSTILE), st.text(max_size=8))
REASONS = st.fixed_dictionaries(
    {name: st.floats(0, 1) if name == "contribution" else TEXTS for name in (field.name for field in REASON)}
)
ROWS = st.fixed_dictionaries(
    {
        "text": TEXTS,
        "number": st.one_of(st.none(), st.integers(0, 9)),
        "reasons": st.one_of(st.none(), st.lists(st.one_of(st.none(), REASONS), max_size=3)),
        "codes": st.one_of(st.none(), st.lists(TEXTS, max_size=3)),
    }
)
SCHEMA = pa.schema(
    [("text", pa.string()), ("number", pa.int64()), ("reasons", pa.list_(REASON)), ("codes", pa.list_(pa.string()))]
)


@given(st.lists(ROWS, max_size=6), st.integers(0, 3), st.integers(1, 3))
def test_a_table_is_made_inert_value_by_value_however_it_is_cut(rows: list[dict], start: int, size: int) -> None:
    whole = pa.Table.from_pylist(rows, SCHEMA)
    chunks = [whole.slice(at, size) for at in range(0, whole.num_rows, size)]
    for table in (whole, whole.slice(start), pa.concat_tables([whole.slice(0, 0), *chunks])):
        assert escaped_table(table).to_pylist() == [reference(row) for row in table.to_pylist()]
        assert escaped_table(table).schema == SCHEMA
