"""Parquet of any column type and with any byte changed is read or refused with a sentence, never worse."""

from __future__ import annotations

import io
import random
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.errors import SourceError, TerminalError
from include.sources import Extract, open_source
from tests.sources.small_banks import TRANSACTION_NAMES, TRANSACTIONS, write_canonical

LATER = date(2100, 1, 1)
COLUMNS = dict(zip(TRANSACTION_NAMES, (list(column) for column in zip(*TRANSACTIONS, strict=True)), strict=True))
ODD = {
    "float16": pa.array(np.array([1.5] * 4, np.float16)),
    "decimal256": pa.array([Decimal("1.5")] * 4, pa.decimal256(50, 2)),
    "duration": pa.array([5] * 4, pa.duration("s")),
    "list": pa.array([[1]] * 4),
    "struct": pa.array([{"a": 1}] * 4),
    "map": pa.array([[("a", 1)]] * 4, pa.map_(pa.string(), pa.int32())),
    "binary that is no text": pa.array([b"\xff\xfe"] * 4),
    "null": pa.nulls(4),
    "moments": pa.array([0] * 4, pa.timestamp("us", "Asia/Tokyo")),
    "uuid": pa.array([b"1" * 16] * 4, pa.uuid()),
    "dictionary": pa.array(["a"] * 4).dictionary_encode(),
}


def bank(folder: Path, data: bytes) -> Path:
    write_canonical(folder)
    (folder / "fin_transaction.csv").unlink()
    (folder / "fin_transaction.parquet").write_bytes(data)
    return folder


def written(**columns: pa.Array) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({**COLUMNS, **columns}), out)
    return out.getvalue()


def whole(folder: Path | str) -> Extract:
    with open_source(str(folder)) as source:
        source.totals(LATER)
        return source.history(LATER)


@pytest.mark.parametrize("kind", ODD)
def test_a_column_that_no_relation_has_costs_nothing_whatever_its_type(tmp_path, kind):
    plain = whole(bank(tmp_path / "plain", written())).rows.drop_columns("source_uri")
    found = whole(bank(tmp_path / "odd", written(odd=ODD[kind])))
    assert found.rows.drop_columns("source_uri").equals(plain)
    assert "'odd'" in found.notes[0]


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("amount", ODD["float16"], Decimal("1.50")),
        ("amount", ODD["decimal256"], Decimal("1.50")),
        ("other_bank_id", ODD["dictionary"], "a"),
        ("other_bank_id", pa.array(["a"] * 4, pa.large_string()), "a"),
        ("other_bank_id", pa.array([b"a"] * 4), "a"),
        ("other_account_id", pa.array([7] * 4, pa.uint64()), 7),
        ("trans_date", pa.array([16_000 * 86_400_000] * 4, pa.int64()).view(pa.date64()), None),
    ],
)
def test_a_column_of_an_unusual_type_is_read_by_its_value(tmp_path, column, values, expected):
    rows = whole(bank(tmp_path, written(**{column: values}))).rows
    assert rows["reader_codes"].null_count == 4
    found = rows[column].to_pylist()[0]
    assert str(found) == "2013-10-22" if expected is None else found == expected


@pytest.mark.parametrize("kind", ["list", "struct", "map", "binary that is no text"])
def test_a_column_that_has_no_text_is_named_with_its_type(tmp_path, kind):
    with pytest.raises(SourceError) as caught:
        whole(bank(tmp_path, written(amount=ODD[kind])))
    named = str(ODD[kind].type).partition("<")[0]
    assert f"column 'amount' is {named}" in str(caught.value)
    assert "which is no plain value" in str(caught.value)


def test_moments_are_written_out_alike_on_every_machine(tmp_path, monkeypatch):
    raw = []
    for place in ("Asia/Tokyo", "America/New_York"):
        monkeypatch.setenv("TZ", place)
        moments = pa.array([1_700_000_000_000_000] * 4, pa.timestamp("us", place))
        folder = bank(tmp_path / place, written(trans_date=moments))
        raw.append(whole(f"{folder}?zone=UTC").rows["raw"].to_pylist())
    assert raw[0] == raw[1]
    assert '"trans_date":"2023-11-14 22:13:20.000000Z"' in raw[0][0]


def test_altered_files_are_read_or_refused_with_a_sentence(tmp_path):
    """Three hundred files with bytes changed, lost or doubled; a library's crash would end the test's own process."""
    good, dice = written(), random.Random(22)
    for _ in range(300):
        data = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(data))
            match dice.randrange(3):
                case 0:
                    data[at] = dice.randrange(256)
                case 1:
                    del data[at : at + dice.randint(1, 40)]
                case _:
                    data[at:at] = data[at : at + dice.randint(1, 40)]
        try:
            whole(bank(tmp_path, bytes(data)))
        except TerminalError as error:
            assert "fin_transaction" in str(error)
