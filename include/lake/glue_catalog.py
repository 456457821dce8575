"""The Iceberg catalog in AWS Glue, whose database is the lake's namespace.

A commit is one request, `UpdateTable`, that names the version it replaces; Glue refuses it when the table has moved on.
The client repeats a request whose answer was lost. When the first one took effect, Glue refuses the second, so that a
refusal proves nothing once a request was repeated.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from pyiceberg.catalog.glue import GlueCatalog, _register_glue_catalog_id_with_glue_client
from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException
from pyiceberg.table import CommitTableResponse
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.update import TableRequirement, TableUpdate
from pyiceberg.typedef import EMPTY_DICT, Identifier, Properties

from include.aws.clients import client
from include.aws.refusals import told
from include.lake.metadata_memory import MetadataMemory

_Found = dict[str, Any]
"""What Glue says of a table or a database, or is told."""

# What Glue tells of a database and takes again; an update replaces all of it.
_OF_A_DATABASE = (
    "Name",
    "Description",
    "LocationUri",
    "Parameters",
    "CreateTableDefaultPermissions",
    "TargetDatabase",
    "FederatedDatabase",
)


class GlueLakeCatalog(GlueCatalog):
    """pyiceberg's Glue catalog, which reads each metadata file once and tells what AWS refuses."""

    def __init__(self, name: str, catalog_id: str, **properties: str) -> None:
        with _asking("the Glue catalog"):
            glue = client("glue")
        if catalog_id:
            _register_glue_catalog_id_with_glue_client(glue, catalog_id)
        super().__init__(name, client=glue, **properties)
        self._memory = MetadataMemory(self)

    def _convert_glue_to_iceberg(self, glue_table: _Found) -> IcebergTable:
        key = (glue_table["DatabaseName"], glue_table["Name"])
        location = glue_table.get("Parameters", {}).get("metadata_location", "")
        return self._memory.table(key, location, partial(super()._convert_glue_to_iceberg, glue_table))

    def _update_glue_table(self, database_name: str, table_name: str, table_input: _Found, version_id: str) -> None:
        try:
            super()._update_glue_table(database_name, table_name, table_input, version_id)
        except CommitFailedException as error:
            if _was_repeated(error.__cause__):
                # pyiceberg removes the manifests of a commit that failed; this one may be what readers see.
                raise CommitStateUnknownException(str(error)) from error
            raise

    def commit_table(
        self, table: IcebergTable, requirements: tuple[TableRequirement, ...], updates: tuple[TableUpdate, ...]
    ) -> CommitTableResponse:
        """Commit updates to a table, or create it."""
        needed = ("glue:GetTable", "glue:GetDatabase", "glue:UpdateTable", "glue:CreateTable")
        with _asking(f"the commit to the table {_dotted(table.name())} in Glue", *needed):
            return super().commit_table(table, requirements, updates)

    def load_table(self, identifier: str | Identifier) -> IcebergTable:
        """The current state of a table."""
        with _asking(f"the table {_dotted(identifier)} in Glue", "glue:GetTable"):
            return super().load_table(identifier)

    def list_tables(self, namespace: str | Identifier) -> list[Identifier]:
        """The Iceberg tables of a database; Athena's views, which lie there too, are left out."""
        with _asking(f"the tables of the database {_dotted(namespace)} in Glue", "glue:GetTables"):
            return super().list_tables(namespace)

    def create_namespace(self, namespace: str | Identifier, properties: Properties = EMPTY_DICT) -> None:
        """Create a database with its properties, which of several at once only one can."""
        with _asking(f"the new database {_dotted(namespace)} in Glue", "glue:CreateDatabase"):
            super().create_namespace(namespace, properties)

    def load_namespace_properties(self, namespace: str | Identifier) -> Properties:
        """The parameters of a database, its `location` and its `Description`."""
        with _asking(f"the database {_dotted(namespace)} in Glue", "glue:GetDatabase"):
            return super().load_namespace_properties(namespace)

    def new_identity(self, namespace: str) -> str:
        """An identity for a new lake: random, or drawn from the database where that was made beforehand.

        Glue updates a database unconditionally, so that all processes that open the lake at once must write the same.
        """
        if not self.namespace_exists(namespace):
            return uuid.uuid4().hex
        found = self._database(namespace)
        made = f"{found.get('CatalogId')} {namespace} {found.get('CreateTime')}"
        return hashlib.sha256(made.encode()).hexdigest()[:32]

    def claim_existing(self, namespace: str, properties: Mapping[str, str]) -> None:
        """Add parameters to a database and leave all else of it as it is."""
        found = self._database(namespace)
        kept = {name: found[name] for name in _OF_A_DATABASE if name in found}
        kept["Parameters"] = {**found.get("Parameters", {}), **properties}
        with _asking(f"the parameters of the database {namespace} in Glue", "glue:UpdateDatabase"):
            self.glue.update_database(Name=namespace, DatabaseInput=kept)

    def _database(self, namespace: str) -> _Found:
        with _asking(f"the database {namespace} in Glue", "glue:GetDatabase"):
            return dict(self.glue.get_database(Name=namespace)["Database"])


@contextmanager
def _asking(what: str, *permissions: str) -> Iterator[None]:
    remedy = (
        f"Whoever runs this needs {', '.join(permissions)} on the catalog, the database and its tables and, where Lake "
        "Formation manages them, its grants"
    )
    with told(what, remedy):
        yield


def _dotted(identifier: str | Identifier) -> str:
    return identifier if isinstance(identifier, str) else ".".join(identifier)


def _was_repeated(error: BaseException | None) -> bool:
    """Whether the client sent the request again before it got this answer."""
    answer: Mapping[str, Any] = getattr(error, "response", {})
    return bool(answer.get("ResponseMetadata", {}).get("RetryAttempts", 0))
