"""Looks for canaries byte for byte: in rows of tables, in files as they are, and in every row of a database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pantab
import psycopg
import psycopg.sql
import pyarrow as pa
import pyarrow.parquet as pq

from demo.canary import NUMBER, PLACE, WORD
from include.athena.definitions import statements
from include.athena.readable import readable_tables
from include.identifiers import named
from include.lake import Lake
from tests.athena.athena_sql import parsed
from tests.athena.made_up_lake import stored

IDENTIFIERS = frozenset({"number", "word"})
"""Canaries of identifiers and texts: nothing that hides them may have any."""
SENTENCE_MARKS = frozenset({"opening", "closing"})
"""Marks around an identifier within a sentence, which are taken out before anything is published."""
SHOWN_PLACES = frozenset({"shown_district", "shown_region"})
"""Columns in which masked readers see names of places."""

_SIGNS: Mapping[str, bytes] = {
    "number": NUMBER.encode(),
    "word": WORD.lower().encode(),
    "place": PLACE.lower().encode(),
    "opening": named("")[0].encode(),
    "closing": named("")[-1].encode(),
}
# Three bytes of a compressed file are these marks by chance; whoever wrote text is looked at as text.
_RAW_SIGNS = {name: sign for name, sign in _SIGNS.items() if name not in SENTENCE_MARKS}

Found = dict[str, set[str]]
"""Signs by the place where they were found."""


def signs_in(content: bytes, *, is_text: bool = True) -> set[str]:
    """The signs that stand in some bytes, in upper or lower case."""
    lowered = content.lower()
    return {name for name, sign in (_SIGNS if is_text else _RAW_SIGNS).items() if sign in lowered}


def in_rows(name: str, rows: pa.Table) -> Found:
    """What the columns of a table hold, as JSON of all their values, however deep."""
    texts = {
        column: json.dumps(rows[column].to_pylist(), default=str, ensure_ascii=False) for column in rows.column_names
    }
    return _found((f"{name}.{column}", signs_in(text.encode())) for column, text in texts.items())


def in_files(folder: Path) -> Found:
    """What the files below a folder hold: as bytes, Parquet also as rows."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    found = _found(
        (str(file.relative_to(folder)), signs_in(file.read_bytes(), is_text=_is_text(file))) for file in files
    )
    for file in files:
        if file.suffix == ".parquet":
            found |= in_rows(str(file.relative_to(folder)), pq.ParquetFile(file).read())
    return found


def in_table(lake: Lake, name: str) -> Found:
    """What lies in a table of the lake: its files as bytes and as rows, and what its manifests say of their columns."""
    table = lake.catalog.load(name)
    folder = Path(table.location().removeprefix("file:"))
    return in_files(folder) | in_rows(f"{name} files", table.inspect.all_files()) | in_rows(name, stored(lake, name))


def in_views(lake: Lake) -> Found:
    """What the views that are deployed to Athena show, run by DuckDB; by the names of the views."""
    there = readable_tables().keys() & set(lake.catalog.names())
    views = [each for each in statements("ads", readable_tables().keys() - there) if each.database]
    found: Found = {}
    with duckdb.connect() as connection:
        for name in there:
            connection.register(name, stored(lake, name))
        for view in views:
            connection.execute(parsed(view.sql).sql("duckdb"))
            found |= in_rows(view.name, connection.view(view.name).to_arrow_table())
    return found


def in_hyper(file: Path, tables: Iterable[str]) -> Found:
    """What an extract holds: as bytes, and by a query of each of its tables."""
    found = _found([(file.name, signs_in(file.read_bytes(), is_text=False))])
    for name in tables:
        found |= in_rows(f"{file.name}:{name}", pantab.frame_from_hyper(file, table=name, return_type="pyarrow"))
    return found


def in_database(address: str) -> Found:
    """What the rows of every table of a PostgreSQL database hold."""
    with psycopg.connect(address) as connection:
        query = "select table_name from information_schema.tables where table_schema = 'public'"
        names = [name for (name,) in connection.execute(query)]
        return _found((name, signs_in(_rows_of(connection, name).encode())) for name in names)


def _rows_of(connection: psycopg.Connection[Any], table: str) -> str:
    statement = psycopg.sql.SQL("select t::text from {} as t").format(psycopg.sql.Identifier(table))
    return "\n".join(text for (text,) in connection.execute(statement))


def _found(places: Iterable[tuple[str, set[str]]]) -> Found:
    return {place: signs for place, signs in places if signs}


def _is_text(file: Path) -> bool:
    return file.suffix not in (".parquet", ".avro", ".hyper", ".sealed", ".png", ".gz", ".pyc")
