"""The made-up lake, its schemas as Athena reads them, and an engine over its tables with every view."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from include.athena import definitions
from include.athena.definitions import statements
from include.lake import Lake, Table
from tests.athena.athena_sql import Columns, columns_of, output_of, parsed, typed
from tests.athena.interim import interim
from tests.athena.made_up_lake import made_up, stored

DATABASE = "ads"


@pytest.fixture(scope="session")
def tables() -> Iterator[dict[str, Table]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(definitions, "readable_tables", interim)
        yield interim()


@pytest.fixture(scope="session")
def lake(tables: dict[str, Table], tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return made_up(tmp_path_factory.mktemp("athena") / "lake", tables)


@pytest.fixture(scope="session")
def schemas(lake: Lake, tables: dict[str, Table]) -> dict[str, Columns]:
    """The columns of every table as the catalog has them."""
    return {name: columns_of(lake._catalog.load(name).schema()) for name in tables}


@pytest.fixture(scope="session")
def views(schemas: dict[str, Columns]) -> dict[str, Columns]:
    """The columns of every view, from its statement."""
    defined = [parsed(each.sql) for each in statements(DATABASE) if each.database]
    return {each.this.name: output_of(typed(each.expression, schemas)) for each in defined}


@pytest.fixture(scope="session")
def athena(lake: Lake, tables: dict[str, Table]) -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine that holds what lies in the tables, and every view over them."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for name in tables:
            connection.register(name, stored(lake, name))
        for each in statements(DATABASE):
            if each.database:
                connection.execute(parsed(each.sql).sql("duckdb"))
        yield connection
