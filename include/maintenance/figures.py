"""Figures of a table: what it costs to keep and to plan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

from pyiceberg.table import Table as IcebergTable

from include.maintenance.storage import size_of, stored_files


@dataclass(frozen=True)
class Figures:
    """What lies in a table's folder, and what a plan reads of it.

    Attributes
    ----------
    files, size
        Number of all files and their sum in bytes.
    data_files
        Number of files that hold rows, whether or not a snapshot names them.
    metadata_files
        Number of the other files: tables' metadata, lists of manifests, manifests.
    snapshots
        Number of snapshots that the table's metadata names.
    manifests
        Number of manifests of the current snapshot; a plan reads a line for each.
    """

    files: int = 0
    size: int = 0
    data_files: int = 0
    metadata_files: int = 0
    snapshots: int = 0
    manifests: int = 0

    @classmethod
    def of(cls, table: IcebergTable) -> Figures:
        """The figures of a table as it is now."""
        stored, current = stored_files(table), table.current_snapshot()
        metadata = sum(file.is_metadata for file in stored)
        return cls(
            files=len(stored),
            size=size_of(stored),
            data_files=len(stored) - metadata,
            metadata_files=metadata,
            snapshots=len(table.snapshots()),
            manifests=len(current.manifests(table.io)) if current else 0,
        )

    @classmethod
    def total(cls, each: Iterable[Figures]) -> Figures:
        """The figures of several tables together."""
        found = list(each)
        return cls(**{field.name: sum(getattr(one, field.name) for one in found) for field in fields(cls)})

    def as_dict(self) -> dict[str, int]:
        """The figures by name."""
        return asdict(self)
