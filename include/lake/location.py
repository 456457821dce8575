"""The location of a lake: its warehouse and its catalog, from a URI or a plain path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from sqlalchemy import URL

from include.aws.clients import client
from include.connections import address
from include.errors import SettingsError
from include.places import require_lake
from include.security.private import make_private

# Writers of one SQLite catalog wait for its lock; a commit holds it for milliseconds, so that a minute is ample.
SQLITE_BUSY_SECONDS = 60
GLUE = "glue:"
"""Beginning of the address of AWS's Glue catalog; the id of another account's catalog may follow."""
# The id of a catalog is the number of the account that owns it.
_GLUE_URI = re.compile(r"glue:([0-9]{12})?")
NAMESPACE = "ads"
"""Default namespace of the tables, which is also the name of the database in Athena."""


@dataclass(frozen=True)
class LakeLocation:
    """A lake's warehouse and catalog.

    Attributes
    ----------
    warehouse
        Absolute folder or object prefix of the tables.
    catalog_uri
        SQLAlchemy URL of the Iceberg SQL catalog, which may contain a password and is never shown; or `glue:`, with or
        without the id of a catalog.
    namespace
        Namespace of the lake's tables in the catalog.
    has_own_catalog
        Whether the catalog is a file in the warehouse, which no other lake uses.
    io_properties
        Properties that pyiceberg needs to reach the warehouse.
    """

    warehouse: str
    catalog_uri: str
    namespace: str = NAMESPACE
    has_own_catalog: bool = False
    io_properties: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, uri: str, catalog_uri: str = "", namespace: str = NAMESPACE) -> Self:
        """Read a lake URI: `file:`, `s3:` or a plain path.

        Raises
        ------
        SettingsError
            When the scheme is another one, an object prefix is given without a catalog, or a folder with Glue's.

        Examples
        --------
        >>> LakeLocation.of("file:/data/lake").warehouse
        '/data/lake'
        """
        catalog_uri = address(catalog_uri)
        _check_catalog(catalog_uri)
        scheme = urlsplit(uri).scheme if "://" in uri or uri.startswith("file:") else ""
        if scheme in ("", "file"):
            return cls._local(_local_path(uri), catalog_uri, namespace)
        require_lake(uri)
        if not catalog_uri:
            raise SettingsError(
                "the lake is an object prefix, which cannot hold a SQLite catalog: "
                "set ADS_CATALOG_URI to glue: or to a PostgreSQL database (postgresql+psycopg://user@host/name)",
                setting="catalog_uri",
            )
        return cls(uri.rstrip("/"), catalog_uri, namespace, io_properties=_object_store())

    @property
    def is_glue(self) -> bool:
        """Whether the catalog is AWS's Glue."""
        return self.catalog_uri.startswith(GLUE)

    def table_location(self, name: str) -> str:
        """The address of a table, the same in every kind of catalog."""
        return f"{self.warehouse}/{self.namespace}/{name}"

    @classmethod
    def _local(cls, folder: Path, catalog_uri: str, namespace: str) -> Self:
        if catalog_uri.startswith(GLUE):
            raise SettingsError(
                f"ADS_CATALOG_URI is {catalog_uri}, and the lake {folder} is a folder of this machine, which nobody "
                "who reads the Glue catalog could reach: set ADS_LAKE_URI to an object prefix (s3://bucket/prefix), "
                "or unset ADS_CATALOG_URI",
                setting="catalog_uri",
            )
        make_private(folder)
        return cls(str(folder), catalog_uri or _sqlite(folder / "catalog.db"), namespace, not catalog_uri)


def _check_catalog(catalog_uri: str) -> None:
    if catalog_uri.startswith(GLUE) and not _GLUE_URI.fullmatch(catalog_uri):
        raise SettingsError(
            f"ADS_CATALOG_URI is {catalog_uri!r}: after `glue:` stands nothing, for the account's own catalog, or the "
            "12 digits of the account whose catalog it is",
            setting="catalog_uri",
        )


def _object_store() -> dict[str, str]:
    """Endpoint and region as AWS's own client finds them (environment, profile); Arrow's looks in fewer places."""
    found = client("s3").meta
    return {"s3.endpoint": found.endpoint_url, "s3.region": found.region_name}


def _local_path(uri: str) -> Path:
    path = unquote(urlsplit(uri).path) if uri.startswith("file://") else uri.removeprefix("file:")
    return Path(path).expanduser().absolute()


def _sqlite(file: Path) -> str:
    url = URL.create("sqlite", database=str(file), query={"timeout": str(SQLITE_BUSY_SECONDS)})
    return url.render_as_string(hide_password=False)
