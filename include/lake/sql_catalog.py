"""The Iceberg catalog in a SQL database."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import partial
from typing import Self

from pyiceberg.catalog.sql import IcebergNamespaceProperties, IcebergTables, SqlCatalog
from pyiceberg.table import Table as IcebergTable
from sqlalchemy import URL, exc, make_url
from sqlalchemy.orm import Session

from include.databases.certificates import certificates_told, tell_certificates
from include.databases.terms import ServerTerms
from include.databases.tls import guarded
from include.errors import SettingsError, TerminalError
from include.lake.metadata_memory import MetadataMemory


class SqlLakeCatalog(SqlCatalog):
    """pyiceberg's SQL catalog, which reads each metadata file once."""

    def __init__(self, name: str, **properties: str) -> None:
        super().__init__(name, **properties)
        self._memory = MetadataMemory(self)

    @classmethod
    def over_tls(cls, name: str, uri: str, terms: ServerTerms, properties: Mapping[str, str]) -> Self:
        """The catalog in a database, over TLS where its server is not on this machine.

        Parameters
        ----------
        name
            Name of the catalog in its own tables.
        uri
            SQLAlchemy's URL of the database.
        terms
            What is asked of its server.
        properties
            pyiceberg's, beside the address.

        Raises
        ------
        SettingsError
            When the address cannot be read, or asks for less TLS than the terms do.
        TerminalError
            When the server has no TLS, or no certificate that can be trusted.
        """
        reach = guarded(_parsed(uri), terms)
        if reach.arguments:
            raise SettingsError(
                f"the catalog cannot lie in a {reach.url.get_backend_name()} database that is not on this machine: set "
                "ADS_CATALOG_URI to one in PostgreSQL (postgresql+psycopg://user@host/name)",
                setting="catalog_uri",
            )
        address = reach.url.render_as_string(hide_password=False)
        with certificates_told(reach, TerminalError):
            catalog = cls(name, uri=address, pool_pre_ping="true", **properties)
        tell_certificates(catalog.engine, reach, TerminalError)
        return catalog

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


def _parsed(uri: str) -> URL:
    try:
        return make_url(uri)
    except exc.ArgumentError:
        # Its message would show the password.
        raise SettingsError(
            "ADS_CATALOG_URI is no SQLAlchemy URL: write postgresql+psycopg://user@host/name", setting="catalog_uri"
        ) from None
