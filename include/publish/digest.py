"""Digests of tables: the same rows give the same digest, whatever their order, chunks or engine threads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

import pyarrow as pa

from include.lake.tables import NOT_HASHED
from include.sql_engine import SqlEngine

_NOT_CONTENT = frozenset(NOT_HASHED)
_COLUMN = "column "


Digest = Callable[[pa.Table], str]
"""Function that gives the hex digest of a table's rows as a multiset."""


def table_digest(table: pa.Table) -> str:
    """Hex digest of a table's rows as a multiset, the columns of `NOT_HASHED` left out."""
    return table_digests({"": table})[""]


def table_digests(tables: Mapping[str, pa.Table]) -> dict[str, str]:
    """The digest of each of several tables."""
    with _engine_digest() as digest:
        return {name: digest(_content(table)) for name, table in tables.items()}


@contextmanager
def full_digest() -> Iterator[Digest]:
    """A function that digests every column of a table, whatever it is called."""
    with _engine_digest() as digest:
        yield lambda table: digest(table.rename_columns([f"{_COLUMN}{name}" for name in table.column_names]))


def digested_columns(digest: str) -> list[str]:
    """The columns that a digest of `full_digest` was taken over, in their order.

    >>> digested_columns("column night,column rows:empty")
    ['night', 'rows']
    """
    return [name.removeprefix(_COLUMN) for name in digest.rpartition(":")[0].split(",")]


@contextmanager
def _engine_digest() -> Iterator[Digest]:
    # One engine for many tables: to open one takes longer (37 ms) than the digest of a small table.
    with SqlEngine.open("publish", {}) as engine:
        yield partial(_digest, engine)


def _digest(engine: SqlEngine, rows: pa.Table) -> str:
    engine.put("rows", rows)
    ((digest,),) = engine.tuples("rows_digest")
    engine.drop("rows")
    return f"{','.join(rows.column_names)}:{digest}"


def _content(table: pa.Table) -> pa.Table:
    return table.drop_columns([name for name in table.column_names if name in _NOT_CONTENT])


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
    return table_digests({name: outputs[name].select(over) for name, over in columns.items()})


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
