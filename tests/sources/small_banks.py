"""Small made-up banks of files, one table of texts per relation, and the three ways of writing them down."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from include.relations import RELATIONS
from include.sources.dialects import CANONICAL, Dialect

Rows = Sequence[Sequence[str]]

STATICS: Mapping[str, Rows] = {
    "fin_account": [["1", "1", "2013-01-01", "M"], ["2", "1", "2013-01-02", "W"]],
    "fin_client": [["1", "1970-12-13", "F", "1"], ["2", "1945-02-04", "M", "1"]],
    "fin_disposition": [["1", "1", "1", "O"], ["2", "2", "2", "O"]],
}
TRANSACTIONS: Rows = [
    ["1", "1", "2013-01-01", "700.00", "700.00", "C", "CIC", "", "", ""],
    ["2", "2", "2013-01-02", "900.00", "900.00", "C", "CIC", "", "", ""],
    ["3", "1", "2013-01-02", "14.60", "685.40", "D", "WIC", "ST", "", ""],
    ["4", "2", "2013-01-03", "100.5", "799.50", "D", "ROB", "HH", "YZ", "87144583"],
]
TRANSACTION_NAMES = [c.name for c in RELATIONS["fin_transaction"].source_columns if not c.optional]


def csv_text(names: Sequence[str] | None, rows: Rows, delimiter: str = ",", newline: str = "\n") -> str:
    """A delimited text, with a header when names are given."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=newline)
    writer.writerows([names, *rows] if names else rows)
    return out.getvalue()


def header_of(relation: str, dialect: Dialect = CANONICAL) -> list[str]:
    """The names a relation's header must hold."""
    return [dialect.header_name(c) for c in dialect.columns(RELATIONS[relation]) if not c.optional]


def write_canonical(folder: Path, transactions: str | bytes | None = None, **relations: str | bytes) -> Path:
    """A bank in canonical CSV; `transactions` and relations by name replace what is written otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    texts: dict[str, str | bytes] = {name: csv_text(header_of(name), rows) for name, rows in STATICS.items()}
    texts["fin_transaction"] = transactions if transactions is not None else csv_text(TRANSACTION_NAMES, TRANSACTIONS)
    for name, text in {**texts, **relations}.items():
        (folder / f"{name}.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def transactions_with(*changes: tuple[int, str, str]) -> str:
    """The small bank's transactions as CSV, with (row, column, text) changed."""
    rows = [list(row) for row in TRANSACTIONS]
    for row, column, text in changes:
        rows[row][TRANSACTION_NAMES.index(column)] = text
    return csv_text(TRANSACTION_NAMES, rows)
