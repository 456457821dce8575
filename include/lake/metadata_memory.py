"""What the current metadata file of each table says, read once.

A file of metadata never changes under its name. One night looks some four hundred times at some fifty tables, which
seldom changed in between: measured, reading and parsing the files again took a sixth of a small night.
"""

from __future__ import annotations

from collections.abc import Callable

from pyiceberg.catalog import MetastoreCatalog
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.metadata import TableMetadata


class MetadataMemory:
    """The newest metadata of each table of one catalog, with the name of the file that they were read from."""

    def __init__(self, catalog: MetastoreCatalog) -> None:
        self._catalog = catalog
        self._read: dict[tuple[str, str], tuple[str, TableMetadata]] = {}

    def table(self, key: tuple[str, str], location: str | None, read: Callable[[], IcebergTable]) -> IcebergTable:
        """The table of a namespace and name whose metadata lie in a file, which is read where another was known.

        Parameters
        ----------
        key
            Namespace and name of the table.
        location
            Address of the metadata file that the catalog names; None where it names none.
        read
            Function that reads the table from that file.
        """
        known, metadata = self._read.get(key, ("", None))
        if metadata is None or known != location:
            found = read()
            self._read[key] = (found.metadata_location, found.metadata)
            return found
        io = self._catalog._load_file_io(metadata.properties, known)
        return IcebergTable(key, metadata, known, io, self._catalog)
