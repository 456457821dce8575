"""Takes rows out of a table for good: out of its data files, out of its older snapshots, and off the disk.

An ordinary commit keeps the older snapshots, and an expired snapshot leaves its files behind. Whoever erases rows calls
all three functions, in this order, while no night writes and no other upkeep is at work: `rewrite_rows`,
`expire_at_once`, `delete_unreferenced`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import PurePosixPath
from typing import cast

import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow.fs import FileSelector, FileSystem
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table as IcebergTable
from pyiceberg.table import Transaction
from pyiceberg.table.refs import SnapshotRefType
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.table.update.snapshot import ExpireSnapshots, ManageSnapshots

from include.aws.leave import require_leave_to_write
from include.lake.commit import Change, guarded_commit, metadata_commit
from include.lake.data_files import data_files, read_paths, write_data_file
from include.lake.iceberg_catalog import LakeCatalog, arrow_schema
from include.lake.stamp import RunStamp

Remaining = Callable[[pa.Table], pa.Table | None]
"""Function that gives the rows of a data file that remain, as they are to be; None where the file stays as it is."""


def rewrite_rows(catalog: LakeCatalog, name: str, remaining: Remaining, stamp: RunStamp) -> None:
    """Replace, in one commit, each current data file that holds rows to be erased by one with the rows that remain.

    A file still holds one run's rows of one night. Readers see the other rows throughout.

    Raises
    ------
    PublishError
        When the lake could not take the change; the table then stays as it was.
    """
    table = catalog.load(name)

    @functools.cache
    def replacement(path: str) -> tuple[bool, DataFile | None]:
        return _replacement(table, path, remaining)

    def plan(now: IcebergTable) -> Change:
        found = [(file, *replacement(file.file_path)) for file in data_files(now)]
        return Change(
            remove=[file for file, is_replaced, _ in found if is_replaced],
            add=[new for _, is_replaced, new in found if is_replaced and new is not None],
        )

    guarded_commit(catalog, name, plan, stamp)


def _replacement(table: IcebergTable, path: str, remaining: Remaining) -> tuple[bool, DataFile | None]:
    """Whether a file is replaced, and by which file; by none where no row of it remains."""
    kept = remaining(read_paths(table, [path], arrow_schema(table)))
    if kept is None:
        return False, None
    # In the folder of the file it replaces, which names the night.
    return True, write_data_file(table, kept, PurePosixPath(path).parent.name) if kept.num_rows else None


def expire_at_once(catalog: LakeCatalog, name: str) -> int:
    """End all snapshots of a table but the current one, delete the files that only they refer to, and count these.

    A reader that planned on an older snapshot finds its files gone and fails; read again, the table has its current
    rows.

    Raises
    ------
    PublishError
        When the snapshots could not be expired; no file was deleted.
    """
    table = catalog.load(name)
    current = table.current_snapshot()
    old = [each for each in table.snapshots() if current is None or each.snapshot_id != current.snapshot_id]
    if current is None or not old:
        return 0
    gone = _files_of(table, old) - _files_of(table, [current])
    metadata_commit(catalog, name, _stage_expiry)
    for path in sorted(gone):
        _delete(table, path)
    return len(gone)


def _stage_expiry(table: IcebergTable, transaction: Transaction) -> None:
    """Expire all snapshots but the current one, tagged ones too."""
    current = table.metadata.current_snapshot_id
    older = [each.snapshot_id for each in table.snapshots() if each.snapshot_id != current]
    for tag, ref in table.metadata.refs.items():
        if ref.snapshot_ref_type == SnapshotRefType.TAG:
            ManageSnapshots(transaction).remove_tag(tag).commit()
    if older:
        ExpireSnapshots(transaction).by_ids(older).commit()


def _delete(table: IcebergTable, path: str) -> None:
    require_leave_to_write()
    # A maintenance beside it may have removed the file already.
    with suppress(FileNotFoundError):
        table.io.delete(path)


def delete_unreferenced(catalog: LakeCatalog, name: str, count_doomed: Callable[[pa.Table], int]) -> int:
    """Delete the data files that no snapshot refers to and whose rows are to be erased, and count them.

    Such files are left by runs that ended early, and by snapshots that expired. One that was not written to its end
    cannot be read, and goes as well: it may hold any rows. Other files stay, as they are for the maintenance to remove.

    Parameters
    ----------
    catalog, name
        Catalog and name of an existing table.
    count_doomed
        Function that counts the rows of a file that are to be erased.
    """
    table = catalog.load(name)
    found = [(path, read_older(table, path, arrow_schema(table))) for path in unreferenced_files(table)]
    doomed = [path for path, rows in found if rows is None or count_doomed(rows)]
    for path in doomed:
        _delete(table, path)
    return len(doomed)


def read_older(
    table: IcebergTable, path: str, schema: pa.Schema, where: ds.Expression | None = None
) -> pa.Table | None:
    """The rows of a file that `older_files` lists; None where the file was not written to its end.

    Parameters
    ----------
    table, path, schema, where
        As for `include.lake.data_files.read_paths`.
    """
    try:
        return read_paths(table, [path], schema, where)
    except pa.ArrowInvalid:
        return None


def older_files(table: IcebergTable) -> list[str]:
    """The data files on the disk that the current snapshot does not refer to."""
    return _on_disk_without(table, {file.file_path for file in data_files(table)})


def unreferenced_files(table: IcebergTable) -> list[str]:
    """The data files on the disk that no snapshot refers to."""
    return _on_disk_without(table, _files_of(table, table.snapshots()))


def _files_of(table: IcebergTable, snapshots: Iterable[Snapshot]) -> set[str]:
    """The paths of all files that snapshots consist of: lists of manifests, manifests and data files."""
    manifests = {each.manifest_path: each for snapshot in snapshots for each in snapshot.manifests(table.io)}
    lists = {snapshot.manifest_list for snapshot in snapshots if snapshot.manifest_list}
    data = {
        entry.data_file.file_path
        for manifest in manifests.values()
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True)
    }
    return lists | set(manifests) | data


def _on_disk_without(table: IcebergTable, referred: set[str]) -> list[str]:
    scheme, netloc, folder = PyArrowFileIO.parse_location(f"{table.location()}/data")
    filesystem: FileSystem = cast(PyArrowFileIO, table.io).fs_by_scheme(scheme, netloc)
    known = {PyArrowFileIO.parse_location(path)[2] for path in referred}
    found = filesystem.get_file_info(FileSelector(folder, recursive=True, allow_not_found=True))
    prefix = _prefix_of(table.location())
    return sorted(prefix + each.path for each in found if each.is_file and each.path not in known)


def _prefix_of(location: str) -> str:
    """The part of an address that Arrow's file systems leave out of a path.

    >>> _prefix_of("s3://bucket/lake/ads/alerts"), _prefix_of("file:///data/lake"), _prefix_of("/data/lake")
    ('s3://', 'file://', '')
    """
    return f"{location.split('://')[0]}://" if "://" in location else ""
