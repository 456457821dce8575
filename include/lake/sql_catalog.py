"""The Iceberg catalog in a SQL database."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import partial

from pyiceberg.catalog.sql import IcebergNamespaceProperties, IcebergTables, SqlCatalog
from pyiceberg.table import Table as IcebergTable
from sqlalchemy.orm import Session

from include.lake.metadata_memory import MetadataMemory


class SqlLakeCatalog(SqlCatalog):
    """pyiceberg's SQL catalog, which reads each metadata file once."""

    def __init__(self, name: str, **properties: str) -> None:
        super().__init__(name, **properties)
        self._memory = MetadataMemory(self)

    def _convert_orm_to_iceberg(self, orm_table: IcebergTables) -> IcebergTable:
        key = (orm_table.table_namespace, orm_table.table_name)
        return self._memory.table(key, orm_table.metadata_location, partial(super()._convert_orm_to_iceberg, orm_table))

    def new_identity(self, _namespace: str) -> str:
        """A random identity for a new lake."""
        return uuid.uuid4().hex

    def claim_existing(self, namespace: str, properties: Mapping[str, str]) -> None:
        """Add properties to a namespace in one transaction; a second writer violates the primary key.

        pyiceberg's own update deletes first, so that the later writer would win.
        """
        keys = {"catalog_name": self.name, "namespace": namespace}
        with Session(self.engine) as session:
            for name, value in properties.items():
                session.add(IcebergNamespaceProperties(**keys, property_key=name, property_value=value))
            session.commit()
