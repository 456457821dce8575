"""Digests of tables: the same rows give the same digest, whatever their order, chunks or engine threads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from include.lake.tables import NOT_HASHED
from include.sql_engine import SqlEngine

_NOT_CONTENT = frozenset(NOT_HASHED)


def table_digest(table: pa.Table) -> str:
    """Hex digest of a table's rows as a multiset, the columns of `NOT_HASHED` left out."""
    rows = table.drop_columns([c for c in table.column_names if c in _NOT_CONTENT])
    with SqlEngine.open("publish", {"rows": rows}) as engine:
        ((digest,),) = engine.tuples("rows_digest")
    return f"{','.join(rows.column_names)}:{digest}"


def full_digest(table: pa.Table) -> str:
    """Hex digest of a table's rows as a multiset, with every column, whatever it is called."""
    renamed = table.rename_columns([f"column {name}" for name in table.column_names])
    return table_digest(renamed)


def hashed_columns(outputs: Mapping[str, pa.Table]) -> dict[str, list[str]]:
    """The content columns of each output, in their order: a night's hash is taken over these."""
    return {name: [c for c in rows.column_names if c not in _NOT_CONTENT] for name, rows in outputs.items()}


def output_hash(
    outputs: Mapping[str, pa.Table],
    columns: Mapping[str, Sequence[str]] | None = None,
    recorded: Mapping[str, str] | None = None,
) -> str:
    """The night's hash over its plaintext outputs, tables in the order of their names.

    Parameters
    ----------
    outputs
        Output tables by name.
    columns
        Columns of each table that the hash is taken over; those of `hashed_columns` when None. The hash of a night
        that was written before a table gained a column does not cover that column.
    recorded
        Digests of tables whose rows are no longer there, as `output_digests` gave them when they were.
    """
    over = hashed_columns(outputs) if columns is None else columns
    gone = recorded or {}
    digests = {**output_digests(outputs, {name: over[name] for name in over if name not in gone}), **gone}
    return combined_digest(f"{name}={digests[name]}" for name in sorted(over))


def output_digests(outputs: Mapping[str, pa.Table], columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The digest of each output over its columns, of which the night's hash is made."""
    return {name: table_digest(outputs[name].select(over)) for name, over in columns.items()}


def combined_digest(parts: Iterable[str]) -> str:
    """SHA-256 over the parts in the order given, each ended by a newline.

    Examples
    --------
    >>> combined_digest(["a", "b"]) == combined_digest(["ab"])
    False
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode())
        digest.update(b"\n")
    return digest.hexdigest()
