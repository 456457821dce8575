"""The tables that people may read: what a night publishes, the marts, their masked tables, and what was retired."""

from __future__ import annotations

from typing import Any

from include.athena.refusals import told_by_aws
from include.lake.retired import RETIRED
from include.lake.tables import TABLES, VERSION_COLUMN, VERSION_TABLE, Table
from include.marts import MART_TABLES, MASKED_MARTS
from include.masking.tables import MASKED_TABLES, masked_name
from include.relations import RELATIONS

MANIFEST = TABLES["night_manifest"].name

_OPTIONAL = [name for name, relation in RELATIONS.items() if not relation.required]
DISPENSABLE = frozenset({*_OPTIONAL, *map(masked_name, _OPTIONAL), RETIRED.name})
"""Tables that a lake may lack: of relations that the bank does not have, and of rows retired where none ever was."""


def readable_tables() -> dict[str, Table]:
    """Every table that people may read, by name; what only the next night reads, its state, is not among them."""
    masked = [*MASKED_TABLES.values(), *MASKED_MARTS.values()]
    every = [*TABLES.values(), *MART_TABLES.values(), VERSION_TABLE, RETIRED, *masked]
    return {table.name: table for table in every}


def is_masked(table: Table) -> bool:
    """Whether the table holds pseudonyms in place of identifiers."""
    return VERSION_COLUMN in table.schema.names


def absent_tables(glue: Any, database: str) -> frozenset[str]:  # noqa: ANN401 - boto3 makes its clients' classes while it runs
    """The dispensable tables that the Glue catalog does not have: they get no view and no grant.

    Parameters
    ----------
    glue
        Client of Glue.
    database
        Name of the database of the tables.

    Raises
    ------
    AthenaError, AthenaUnavailableError
        When AWS refuses, or cannot answer now.
    """
    with told_by_aws(f"the tables of the database {database} in the Glue catalog"):
        pages = glue.get_paginator("get_tables").paginate(DatabaseName=database)
        return DISPENSABLE - {table["Name"] for page in pages for table in page["TableList"]}
