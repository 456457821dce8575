"""What Glue and Athena ask of tables: names, types that they read, format 2, comments that the catalog carries."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
from pyiceberg.catalog.glue import _construct_table_input
from pyiceberg.types import FixedType, UUIDType

from include.athena.definitions import view_name
from include.lake import Lake, Table
from include.privacy.rules import RULES
from tests.athena.athena_sql import Columns, MistypedError, athena_type

# AWS, "Reserved keywords to escape in SQL SELECT statements": a column of such a name would have to be quoted.
RESERVED = """
alter and as between by case cast constraint create cross cube current_catalog current_date current_path
current_schema current_time current_timestamp current_user deallocate delete describe distinct drop else end
escape except execute exists extract false first for from full group grouping having in inner insert intersect
into is join json_array json_exists json_object json_query json_table json_value last left like listagg
localtime localtimestamp natural normalize not null on or order outer prepare recursive right rollup select
skip table then trim true uescape union unnest using values when where with
"""
# Glue takes 255 characters; the first is no digit and, for Athena, no underscore.
NAME = r"[a-z][a-z0-9_]{0,254}"


def _fields(kind: pa.DataType | pa.Schema) -> list[pa.Field]:
    """The fields of a schema or of a type, with those inside of structs."""
    if isinstance(kind, pa.Schema) or pa.types.is_struct(kind):
        return [inner for field in kind for inner in (field, *_fields(field.type))]
    return _fields(kind.value_type) if pa.types.is_list(kind) else []


def test_names_are_such_as_glue_and_athena_read_unquoted(tables: dict[str, Table]) -> None:
    columns = {field.name for table in tables.values() for field in _fields(table.schema)}
    for name in {*tables, *map(view_name, tables), *columns}:
        assert re.fullmatch(NAME, name), name
        assert name not in RESERVED.split(), name


def test_every_type_is_one_that_athena_reads(schemas: dict[str, Columns], tables: dict[str, Table]) -> None:
    assert {name: list(columns) for name, columns in schemas.items()} == {
        name: table.schema.names for name, table in tables.items()
    }
    assert schemas["anomaly_scores"]["detector_scores"] == "map(varchar, double)"
    assert schemas["fin_transaction"]["amount"] == "decimal(12, 2)"


@pytest.mark.parametrize("kind", [FixedType(8), UUIDType()])
def test_a_type_that_athena_does_not_read_is_found(kind: FixedType | UUIDType) -> None:
    with pytest.raises(MistypedError):
        athena_type(kind)


def test_tables_are_of_format_2_and_partitioned_by_their_night(lake: Lake, tables: dict[str, Table]) -> None:
    for name, table in tables.items():
        found = lake._catalog.load(name)
        assert found.format_version == 2, name
        assert [field.name for field in found.spec().fields] == ([table.night_column] if table.night_column else [])


def test_the_catalog_carries_a_comment_on_every_column_and_table(lake: Lake, tables: dict[str, Table]) -> None:
    for name, table in tables.items():
        found = lake._catalog.load(name)
        declared = {field.name: (field.metadata or {}).get(b"doc", b"").decode() for field in table.schema}
        assert {field.name: field.doc or "" for field in found.schema().fields} == declared, name
        assert [column for column, comment in declared.items() if not comment] == [], name
        assert table.comment, name
        assert found.properties.get("comment") == table.comment, name


# What only the system reads of its own: no view, no grant. The state of a night has names that begin with `state_`.
INTERNAL = {"night_lesson", "night_notices", "night_profile", "night_watch", "outbox"}


def test_every_table_of_the_lake_is_for_readers_or_said_to_be_none(tables: dict[str, Table]) -> None:
    """A new table needs a rule of privacy; here it is given to readers too, or added to those that are internal."""
    full = {name for name in tables if not name.endswith("_masked")}
    assert full == {name for name in RULES if not name.startswith("state_")} - INTERNAL
    assert {f"{name}_masked" for name in full - {"pseudonym_keys", "retired_rows"}} == set(tables) - full


# The types that Glue takes, and the limits of its API on names and comments.
GLUE_TYPES = r"(bigint|int|double|boolean|date|string|timestamp|decimal\(\d+,\d+\)|(array|map|struct)<.+>)"
GLUE_COMMENT, GLUE_DESCRIPTION = r"[^\r\n\t]{1,255}", 2048


def test_glue_gets_names_types_and_comments(lake: Lake, tables: dict[str, Table]) -> None:
    for name, table in tables.items():
        found = lake._catalog.load(name)
        entry = _construct_table_input(name, found.metadata_location, found.properties, found.metadata)
        assert entry["Description"] == table.comment
        assert len(table.comment) <= GLUE_DESCRIPTION
        columns = entry["StorageDescriptor"]["Columns"]
        assert [column["Name"] for column in columns] == table.schema.names
        for column in columns:
            assert re.fullmatch(GLUE_TYPES, column["Type"]), (name, column)
            assert re.fullmatch(GLUE_COMMENT, column["Comment"]), (name, column)
