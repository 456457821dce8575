"""Write a bank's relations into a database: canonical tables with types, keys and the index a night needs."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from pyarrow import csv
from sqlalchemy.engine import URL, Connection
from sqlalchemy.pool import NullPool
from tqdm import tqdm

from include.databases.terms import STRICT, ServerTerms
from include.databases.tls import guarded, public_uri
from include.errors import SourceError
from include.relations import FIN_TRANSACTION, STATIC_RELATIONS, Kind
from include.sources import open_source
from include.sources.base import Extract, Source
from include.sources.database.address import parse_url
from include.sources.database.link import reported

# A batch is what the progress bar moves by; at this size COPY costs no more than in one piece.
_BATCH_ROWS = 50_000
_TYPES: Mapping[Kind, sa.types.TypeEngine[Any]] = {
    "identifier": sa.BigInteger(),
    "account": sa.Text(),
    "date": sa.Date(),
    "money": sa.Numeric(12, 2),
    "code": sa.Text(),
    "text": sa.Text(),
    "number": sa.Double(),
    "time": sa.Time(),
}


def load_bank(bank: str | Path | Source, database_uri: str, terms: ServerTerms = STRICT) -> dict[str, int]:
    """Write every relation of a source into a database; tables of these names are replaced.

    In PostgreSQL and SQLite all of it or nothing; MySQL keeps each table as soon as it is made.

    Values the source could not give are null, records it could not split are left out, and a column it does not have
    is not made. Only keys are declared: a reference to nowhere is a finding of the night, not of the loader.

    Parameters
    ----------
    bank
        A source that is not being read, or a source's address.
    database_uri
        SQLAlchemy's URL of an existing database; for SQLite the file is made.
    terms
        What is asked of its server.

    Returns
    -------
    Rows written, by relation.

    Raises
    ------
    SourceError
        When rows of a relation have no key or share one.
    """
    source = open_source(str(bank), terms=terms) if isinstance(bank, str | Path) else bank
    with source:
        extracts = dict(_extracts(source))
    for extract in extracts.values():
        _require_keys(extract)
    return _write(extracts, parse_url(database_uri), terms)


def _extracts(source: Source) -> Iterator[tuple[str, Extract]]:
    for name in STATIC_RELATIONS:
        extract = source.static(name)
        if extract is not None:
            yield name, extract
    yield FIN_TRANSACTION.name, source.history(before=date.max)


def _require_keys(extract: Extract) -> None:
    relation = extract.relation
    keys = extract.rows[relation.key]
    doubled = len(keys) - keys.null_count - pc.count_distinct(keys).as_py()
    if keys.null_count or doubled:
        raise SourceError(
            f"{relation.name} cannot be loaded: {keys.null_count} of its {len(keys)} rows have no {relation.key} and "
            f"{doubled} share theirs with another. Mend the source, each row must have its own key",
            relation=relation.name,
        )


def _write(extracts: dict[str, Extract], url: URL, terms: ServerTerms) -> dict[str, int]:
    reach = guarded(url, terms)
    arguments = dict(reach.arguments)
    engine = sa.create_engine(reach.url, poolclass=NullPool, hide_parameters=True, connect_args=arguments)
    total = sum(extract.rows.num_rows for extract in extracts.values())
    with reported(url), engine.begin() as connection, tqdm(total=total, unit=" rows", desc=public_uri(url)) as progress:
        for extract in extracts.values():
            for written in _write_relation(connection, extract):
                progress.update(written)
    return {name: extract.rows.num_rows for name, extract in extracts.items()}


def _write_relation(connection: Connection, extract: Extract) -> Iterator[int]:
    """Make the relation's table and fill it; gives the rows of each batch once they are in."""
    table = _table(extract)
    table.drop(connection, checkfirst=True)
    table.create(connection)
    rows = _as_delivered(extract).select([column.name for column in table.columns])
    for batch in rows.to_batches(max_chunksize=_BATCH_ROWS):
        _insert(connection, table, batch)
        yield batch.num_rows
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"analyze {connection.dialect.identifier_preparer.format_table(table)}")


def _as_delivered(extract: Extract) -> pa.Table:
    """The rows with each column as its source had it: an account in its text, which need not be a number."""
    rows = extract.rows
    for column in extract.relation.columns:
        if column.read_from:
            place = rows.schema.get_field_index(column.read_from)
            rows = rows.set_column(place, column.read_from, rows[column.name])
    return rows


def _table(extract: Extract) -> sa.Table:
    relation = extract.relation
    columns = [
        sa.Column(c.name, _TYPES[c.kind], primary_key=c.name == relation.key, autoincrement=False)
        for c in relation.source_columns
        if c.name not in extract.absent_columns
    ]
    table = sa.Table(relation.name, sa.MetaData(), *columns)
    if relation is FIN_TRANSACTION:
        # What a night asks for: the rows of one date, in the order of their key.
        sa.Index(f"{relation.name}_by_night", table.c[relation.valid_from], table.c[relation.key])
    return table


def _insert(connection: Connection, table: sa.Table, batch: pa.RecordBatch) -> None:
    if connection.dialect.driver == "psycopg":
        _copy(connection, table, batch)
    elif batch.num_rows:
        connection.execute(sa.insert(table), batch.to_pylist())


def _copy(connection: Connection, table: sa.Table, batch: pa.RecordBatch) -> None:
    """Insert by COPY, several times as fast as statements; a null is an empty field, an empty text a quoted one."""
    from psycopg import sql

    out = io.BytesIO()
    texts = [pc.cast(column, pa.string()) for column in batch.columns]
    quoted = csv.WriteOptions(include_header=False, quoting_style="all_valid")
    csv.write_csv(pa.RecordBatch.from_arrays(texts, batch.schema.names), out, quoted)
    names = sql.SQL(", ").join(map(sql.Identifier, batch.schema.names))
    statement = sql.SQL("copy {} ({}) from stdin (format csv)").format(sql.Identifier(table.name), names)
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(out.getbuffer())
