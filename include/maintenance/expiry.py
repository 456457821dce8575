"""Snapshots that no reader can still be using, and the files that none of the others names.

A snapshot is out of use from the moment in which another took its place, and nothing that began before the safe age is
still at work. Files follow from the snapshots: what none of those that are kept names was removed from the table before
the oldest of their unbroken run, or was never added to it. Where that run reaches back further than the safe age, such
a file is out of use if it was also written before the safe age; a younger one may belong to a commit under way.

A night's commits keep only a table's newest snapshots. A table that is written so often that they all are young keeps
none of the safe age. A tag then holds one until it is old enough: a file that it does not name, and that had been
written a safe age before it, was out of use then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from pyiceberg.table import Table as IcebergTable
from pyiceberg.table import Transaction
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.table.update.snapshot import ExpireSnapshots, ManageSnapshots

from include.errors import IntegrityError
from include.lake.commit import metadata_commit
from include.lake.iceberg_catalog import LakeCatalog
from include.maintenance.storage import StoredFile, place_of, remove, stored_files

HELD = "lake_maintenance"
"""Name of the tag that holds a snapshot until it is old enough to tell what is out of use."""

# A snapshot may expire, and its files go, while they are looked at; each turn needs another maintenance beside this.
_LOOKS = 4


@dataclass(frozen=True)
class Moment:
    """The time a maintenance goes by.

    Attributes
    ----------
    now
        Time of the maintenance.
    safe_age
        Age from which on nothing is in use any more that another thing has replaced.
    """

    now: datetime
    safe_age: timedelta

    @property
    def safe(self) -> datetime:
        """The time before which nothing began that is still at work."""
        return self.now - self.safe_age


def expire_snapshots(catalog: LakeCatalog, name: str, kept_for: timedelta, moment: Moment, is_dry: bool) -> int:
    """Expire the snapshots of a table that were replaced longer ago than they are kept for; readers see the same rows.

    Returns
    -------
    int
        Number of snapshots that expire, or would.
    """
    found = _expirable(catalog.load(name), moment.now - kept_for)
    if found and not is_dry:
        metadata_commit(catalog, name, lambda table, at: _stage_expiry(at, _expirable(table, moment.now - kept_for)))
    return len(found)


def _stage_expiry(transaction: Transaction, snapshots: Collection[int]) -> None:
    if snapshots:
        ExpireSnapshots(transaction).by_ids(list(snapshots)).commit()


def _expirable(table: IcebergTable, before: datetime) -> list[int]:
    held = {ref.snapshot_id for ref in table.metadata.refs.values()}
    return [
        old.snapshot_id
        for old, new in pairwise(sorted(table.snapshots(), key=lambda each: each.sequence_number or 0))
        if _time(new) <= before and old.snapshot_id not in held
    ]


def remove_unused_files(
    catalog: LakeCatalog, name: str, kept_for: timedelta, moment: Moment, is_dry: bool
) -> list[StoredFile]:
    """Remove the files in a table's folder that nobody can be using.

    Returns
    -------
    list of StoredFile
        Files that were removed; of a dry run, those that would be once the snapshots have expired that are due.

    Raises
    ------
    IntegrityError
        When the table names files that are not in its folder; nothing of it is removed.
    """
    # Only a dry run goes by what is due: snapshots that became due since the expiry still need their files.
    expired_before = moment.now - kept_for if is_dry else None
    found = _unused_files(catalog, name, expired_before, moment)
    if found and not is_dry:
        remove(catalog.load(name), found)
    return found


def _unused_files(catalog: LakeCatalog, name: str, expired_before: datetime | None, moment: Moment) -> list[StoredFile]:
    for _ in range(_LOOKS - 1):
        try:
            return _look(catalog, name, expired_before, moment)
        except FileNotFoundError:
            continue
    return _look(catalog, name, expired_before, moment)


def _look(catalog: LakeCatalog, name: str, expired_before: datetime | None, moment: Moment) -> list[StoredFile]:
    # The folder is listed before the table is loaded, so that a file that is added meanwhile is not in the list.
    stored = stored_files(catalog.load(name))
    table = catalog.load(name)
    bound = _out_of_use_before(table, moment)
    expired = set(_expirable(table, expired_before)) if expired_before else set()
    named = set(_named_files(table, [each for each in table.snapshots() if each.snapshot_id not in expired]))
    _require_present(catalog, name, table, stored)
    if bound is None:
        return []
    return [file for file in stored if file.is_own and file.written_at <= bound and file.place not in named]


def _named_files(table: IcebergTable, snapshots: Collection[Snapshot]) -> Iterator[str]:
    """Places of the files that a table's metadata and the snapshots need."""
    yield place_of(table.metadata_location)
    yield from (place_of(entry.metadata_file) for entry in table.metadata.metadata_log)
    yield from _files_of(table, snapshots)


def _files_of(table: IcebergTable, snapshots: Collection[Snapshot]) -> Iterator[str]:
    yield from (place_of(each.manifest_list) for each in snapshots)
    for manifest in {each.manifest_path: each for one in snapshots for each in one.manifests(table.io)}.values():
        yield place_of(manifest.manifest_path)
        yield from (place_of(entry.data_file.file_path) for entry in manifest.fetch_manifest_entry(table.io))


def _require_present(catalog: LakeCatalog, name: str, table: IcebergTable, stored: Collection[StoredFile]) -> None:
    """See that files in use are found where they are looked for; else used and unused ones could not be told apart.

    What was added since the folder was listed is found by listing it again; what was removed since, by an erasure, is
    not of the current snapshot any more.
    """
    current = table.current_snapshot()
    missing = set(_files_of(table, [current] if current else [])) - {file.place for file in stored}
    if missing:
        missing -= {file.place for file in stored_files(table)}
    if missing and catalog.load(name).metadata_location == table.metadata_location:
        raise IntegrityError(
            f"the lake's table {name} names {len(missing)} files that do not lie in its folder {table.location()}, for "
            f"instance {min(missing)}: nothing of the table is removed. Restore them from a backup, and see that the "
            "lake was not moved or opened through a path that it was not made under",
            table=name,
            place=table.location(),
        )


def _out_of_use_before(table: IcebergTable, moment: Moment) -> datetime | None:
    """The time before which a file that no snapshot names must have been written to be out of use; None for no time."""
    if table.current_snapshot() is None or _reaches_back(table, moment):
        return moment.safe
    held = [_time(each) for each in table.snapshots() if _time(each) <= moment.safe]
    return max(held) - moment.safe_age if held else None


def _reaches_back(table: IcebergTable, moment: Moment) -> bool:
    """Whether the unbroken run of snapshots up to the current one began before the safe time."""
    snapshot = table.current_snapshot()
    while snapshot is not None:
        if _time(snapshot) <= moment.safe:
            return True
        parent = snapshot.parent_snapshot_id
        snapshot = None if parent is None else table.snapshot_by_id(parent)
    return False


def hold_snapshot(catalog: LakeCatalog, name: str, moment: Moment) -> bool:
    """Hold the current snapshot of a table whose snapshots are all young, or let one go that is no longer needed.

    Returns
    -------
    bool
        Whether a tag was set, moved or removed.
    """
    if not _is_tag_due(catalog.load(name), moment):
        return False
    metadata_commit(catalog, name, lambda table, transaction: _stage_tag(table, transaction, moment))
    return True


def _is_tag_due(table: IcebergTable, moment: Moment) -> bool:
    tagged = table.metadata.refs.get(HELD)
    if table.current_snapshot() is None or _reaches_back(table, moment):
        return tagged is not None
    held = table.snapshot_by_id(tagged.snapshot_id) if tagged else None
    return held is None or _time(held) <= moment.safe


def _stage_tag(table: IcebergTable, transaction: Transaction, moment: Moment) -> None:
    current = table.current_snapshot()
    if current is None or not _is_tag_due(table, moment):
        return
    snapshots = ManageSnapshots(transaction)
    if _reaches_back(table, moment):
        snapshots.remove_tag(HELD).commit()
    else:
        snapshots.create_tag(current.snapshot_id, HELD).commit()


def _time(snapshot: Snapshot) -> datetime:
    return datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC)
