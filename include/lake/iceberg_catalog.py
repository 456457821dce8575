"""The Iceberg catalog: opens it, creates tables and adds missing columns to older tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa
from pyiceberg.exceptions import (
    CommitFailedException,
    CommitStateUnknownException,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.table import Table as IcebergTable
from sqlalchemy.exc import SQLAlchemyError
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_incrementing

from include.databases.terms import ServerTerms
from include.errors import PublishError, TerminalError
from include.lake.identity import claim_namespace
from include.lake.location import GLUE, LakeLocation
from include.lake.sql_catalog import SqlLakeCatalog
from include.lake.tables import VERSION_COLUMN, Table
from include.settings import Settings

if TYPE_CHECKING:
    from include.lake.glue_catalog import GlueLakeCatalog

# Catalog name in a SQL catalog's own tables; lakes in one database differ by their namespaces.
_CATALOG = "ads"

PROPERTIES = {
    "format-version": "2",  # what Athena reads
    # pyiceberg must not rebase a commit by itself: every commit is planned on exactly the snapshot it replaces.
    "commit.retry.num-retries": "0",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "10",
    # Searches use only the night and the run; bounds of the other columns would only make every commit larger.
    "write.metadata.metrics.default": "counts",
    "write.metadata.metrics.column.run_key": "full",
}

# Two processes that open a new lake at once collide on each statement that creates something. Each collision means that
# the other process got further, so that a handful of attempts is enough.
_TURNS = stop_after_attempt(8)
_PAUSE = wait_incrementing(start=0.1, increment=0.1)
_COLLISIONS = (
    SQLAlchemyError,
    OSError,
    TableAlreadyExistsError,
    CommitFailedException,
    CommitStateUnknownException,
)

_Answer = TypeVar("_Answer")


class LakeCatalog:
    """The lake's tables by name."""

    def __init__(self, catalog: SqlLakeCatalog | GlueLakeCatalog, location: LakeLocation, identity: str) -> None:
        self._catalog = catalog
        self._location = location
        self._namespace = location.namespace
        self.identity = identity
        self._ensured: dict[str, pa.Schema] = {}

    @classmethod
    def open(cls, location: LakeLocation, settings: Settings) -> LakeCatalog:
        """Open the catalog, creating it and the namespace where they do not exist.

        Raises
        ------
        SettingsError
            When the namespace belongs to another lake.
        """
        catalog, identity = _in_turns(lambda: _open(location, settings), "the catalog")
        return cls(catalog, location, identity)

    def find(self, name: str) -> IcebergTable | None:
        """The current state of a table; None when the lake has no table of that name."""
        try:
            return self._catalog.load_table((self._namespace, name))
        except NoSuchTableError:
            return None

    def load(self, name: str) -> IcebergTable:
        """The current state of a table."""
        return self._catalog.load_table((self._namespace, name))

    def names(self) -> list[str]:
        """The names of all tables."""
        return sorted(identifier[-1] for identifier in self._catalog.list_tables(self._namespace))

    def ensure(self, table: Table) -> IcebergTable:
        """The current state of a table, which is created or given its new columns where needed.

        Raises
        ------
        TerminalError
            When a column of the table in the lake has a type that cannot be converted to the new one.
        """
        if self._ensured.get(table.name) == table.schema:
            return self.load(table.name)
        found = _in_turns(lambda: self._create_or_evolve(table), f"the table {table.name}")
        self._ensured[table.name] = table.schema
        return found

    def _create_or_evolve(self, table: Table) -> IcebergTable:
        found = self.find(table.name)
        if found is None:
            return self._create(table)
        _check_partition(found, table)
        if set(table.schema.names) - set(found.schema().column_names):
            _add_columns(found, table)
        return found

    def _create(self, table: Table) -> IcebergTable:
        properties = dict(PROPERTIES)
        for column in (table.night_column, VERSION_COLUMN):
            if column in table.schema.names:
                properties[f"write.metadata.metrics.column.{column}"] = "full"
        if table.comment:
            # `comment` is Iceberg's name of it; pyiceberg hands `Description` to Glue.
            properties |= {"comment": table.comment, "Description": table.comment}
        identifier = (self._namespace, table.name)
        with self._catalog.create_table_transaction(
            identifier, table.schema, self._location.table_location(table.name), properties=properties
        ) as new:
            if table.night_column:
                with new.update_spec() as spec:
                    spec.add_identity(table.night_column)
        return self.load(table.name)


def _open(location: LakeLocation, settings: Settings) -> tuple[SqlLakeCatalog | GlueLakeCatalog, str]:
    catalog = _catalog_of(location, settings.server_terms)
    return catalog, claim_namespace(catalog, location, settings)


def _catalog_of(location: LakeLocation, terms: ServerTerms) -> SqlLakeCatalog | GlueLakeCatalog:
    properties = {
        "warehouse": location.warehouse,
        "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO",
        **location.io_properties,
    }
    if location.is_glue:
        # It brings boto3, which takes half a second to import.
        from include.lake.glue_catalog import GlueLakeCatalog

        return GlueLakeCatalog(_CATALOG, location.catalog_uri.removeprefix(GLUE), **properties)
    return SqlLakeCatalog.over_tls(_CATALOG, location.catalog_uri, terms, properties)


def _in_turns(action: Callable[[], _Answer], what: str) -> _Answer:
    try:
        return Retrying(retry=retry_if_exception_type(_COLLISIONS), stop=_TURNS, wait=_PAUSE, reraise=True)(action)
    except _COLLISIONS as error:
        raise PublishError(
            f"the lake could not open or create {what}: {error}. Nothing changed for readers; see that the "
            "catalog's database answers and that the lake's folder can be written to, then run again."
        ) from error


def _check_partition(found: IcebergTable, table: Table) -> None:
    fields = [field.name for field in found.spec().fields]
    if fields != ([table.night_column] if table.night_column else []):
        raise TerminalError(
            f"the lake's table {table.name} is partitioned by {fields or 'nothing'}, the code's by "
            f"{table.night_column or 'nothing'}: give the new table another name, or migrate the old one",
            table=table.name,
        )


def _add_columns(found: IcebergTable, table: Table) -> None:
    try:
        with found.update_schema() as update:
            update.union_by_name(table.schema)
    except (ValueError, TypeError) as error:
        raise TerminalError(
            f"the lake's table {table.name} cannot take the code's columns: {error}; "
            "a column may be added or widened, not change its kind: give it another name",
            table=table.name,
        ) from error


def arrow_schema(table: IcebergTable) -> pa.Schema:
    """The Arrow schema of a table that the code does not declare."""
    schema = schema_to_pyarrow(table.schema(), include_field_ids=False)
    return pa.schema([pa.field(field.name, _plain(field.type)) for field in schema])


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type with 32-bit offsets; pyiceberg returns 64-bit ones, which the rest of the code does not use."""
    if pa.types.is_large_string(kind):
        return pa.string()
    if pa.types.is_large_list(kind):
        return pa.list_(_plain(kind.value_type))
    if pa.types.is_map(kind):
        return pa.map_(_plain(kind.key_type), _plain(kind.item_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _plain(field.type)) for field in kind])
    return kind
