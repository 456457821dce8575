"""What lies in a table's folder: the files with their sizes and times, whatever file system or object store it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import pyarrow.fs as pafs
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.table import Table as IcebergTable

from include.aws.leave import require_leave_to_write

# An object store answers each request after some 20 to 50 ms whatever else it does; a disk does not mind.
_REQUESTS_AT_ONCE = 8
_OWN_NAMES = (".parquet", ".avro", ".metadata.json")


@dataclass(frozen=True)
class StoredFile:
    """One file in a table's folder.

    Attributes
    ----------
    place
        Path within the file system, without a scheme.
    size
        Size in bytes.
    written_at
        Time of the last write as the file system has it.
    """

    place: str
    size: int
    written_at: datetime

    @property
    def is_own(self) -> bool:
        """Whether the name is one that the lake gives; other files in the folder are somebody's own."""
        return self.place.endswith(_OWN_NAMES)

    @property
    def is_metadata(self) -> bool:
        """Whether the file describes the table; all others hold rows."""
        return not self.place.endswith(".parquet")


def place_of(path: str) -> str:
    """The place of a path as Iceberg's metadata writes it.

    >>> place_of("file:///lake/ads/alerts/a.parquet"), place_of("s3://bucket/ads/alerts/a.parquet")
    ('/lake/ads/alerts/a.parquet', 'bucket/ads/alerts/a.parquet')
    """
    return PyArrowFileIO.parse_location(path)[2]


def stored_files(table: IcebergTable) -> list[StoredFile]:
    """Every file in the folder of a table."""
    filesystem, folder = _folder(table)
    found = filesystem.get_file_info(pafs.FileSelector(folder, allow_not_found=True, recursive=True))
    return [
        StoredFile(info.path, info.size, info.mtime.astimezone(UTC))
        for info in found
        if info.type == pafs.FileType.File
    ]


def remove(table: IcebergTable, files: Sequence[StoredFile]) -> None:
    """Remove files of a table's folder; one that somebody else has removed meanwhile is no failure."""
    require_leave_to_write()
    filesystem, _ = _folder(table)
    with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as requests:
        for _ in requests.map(lambda file: _remove_one(filesystem, file.place), files):
            pass


def _remove_one(filesystem: pafs.FileSystem, place: str) -> None:
    with suppress(FileNotFoundError):
        filesystem.delete_file(place)


def size_of(files: Iterable[StoredFile]) -> int:
    """The sum of the files' sizes in bytes."""
    return sum(file.size for file in files)


def _folder(table: IcebergTable) -> tuple[pafs.FileSystem, str]:
    scheme, host, folder = PyArrowFileIO.parse_location(table.location())
    return cast(PyArrowFileIO, table.io).fs_by_scheme(scheme, host), folder
