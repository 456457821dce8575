"""A bank whose last nights lie around today, with findings on each of them and markup among its texts."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from demo.generate import build_bank
from demo.write import source_uri, write_bank

MARKUP = '<script>document.title="owned"</script><img src=x onerror="document.title=\'owned\'">'
"""What a browser must show as it is written; as a script it would change the page's title."""
Row = dict[str, Any]

IDENTIFIER = re.compile(r"\b7000\d{5}\b")
"""An account, a client or a posting of the bank, and nothing else that a page shows."""
_FIRST_NUMBER = 700_000_000
_NUMBERED = ("account_id", "client_id", "trans_id")

SEED = 7
ACCOUNTS = 100
"""About eight postings on an ordinary day."""
MONTHS = 7
"""Months of history: the look-back of three, as many before it, and what a model is trained and set on."""


def lay_out_bank(folder: Path, nights: list[date], last: date) -> str:
    """Write the bank up to `last`, and give the address that reads it.

    Each of the nights has two doubled postings, which break what must hold and are unusual as well; the first one also
    has a posting with markup in the place of a code, which goes to the quarantine. The town that most accounts are kept
    in has markup in its name.
    """
    first = (nights[0].replace(day=1) - timedelta(days=30 * MONTHS)).replace(day=1)
    tables = {name: _renumbered(table) for name, table in build_bank(ACCOUNTS, first, last, SEED).tables.items()}
    rows = tables["fin_transaction"].to_pylist()
    doubled = [row for night in nights for row in _largest(rows, night)]
    planted = [*doubled, {**doubled[0], "trans_type": MARKUP}]
    number = max(row["trans_id"] for row in rows)
    rows += [{**row, "trans_id": number + n} for n, row in enumerate(planted, start=1)]
    tables["fin_transaction"] = pa.Table.from_pylist(rows, tables["fin_transaction"].schema)
    tables["fin_district"] = _with_markup(tables["fin_district"], tables["fin_account"])
    write_bank(folder, tables, None, "parquet")
    return source_uri(folder)


def _renumbered(table: pa.Table) -> pa.Table:
    """The table with identifiers that `IDENTIFIER` finds."""
    for name in set(_NUMBERED) & set(table.column_names):
        table = table.set_column(table.column_names.index(name), name, pc.add(table[name], _FIRST_NUMBER))
    return table


def _largest(rows: list[Row], night: date) -> list[Row]:
    """The two largest postings of a night."""
    return sorted((row for row in rows if row["trans_date"] == night), key=lambda row: -row["amount"])[:2]


def _with_markup(districts: pa.Table, accounts: pa.Table) -> pa.Table:
    counts = accounts["district_id"].value_counts().to_pylist()
    town = max(counts, key=lambda row: row["counts"])["values"]
    rows = [{**row, "district_name": MARKUP} if row["district_id"] == town else row for row in districts.to_pylist()]
    return pa.Table.from_pylist(rows, districts.schema)
