"""The maintenance of a lake, step by step; the DAG and the command line call it.

Each step first changes what the catalog says, in commits that are planned on what they find, and removes files only
after that. So it can be killed anywhere. Nights, backfills and readers go on beside it; an erasure and a rotation of
the key of pseudonyms wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from pyiceberg.table import Table as IcebergTable

from include.lake.data_files import night_column
from include.lake.iceberg_catalog import LakeCatalog
from include.lake.location import LakeLocation
from include.lake.night_lock import one_upkeep_at_a_time
from include.maintenance.compaction import compact_data_files, compact_manifests
from include.maintenance.expiry import Moment, expire_snapshots, hold_snapshot, remove_unused_files
from include.maintenance.figures import Figures
from include.maintenance.retention import ALERTS, Due, checked_retention, due_nights, record, remove_rows
from include.maintenance.storage import size_of
from include.night.finish import alerts_sheet_of
from include.night.verify import Verifier
from include.settings import Settings
from include.stages import stage, tell


def _alone(step: Callable[[Maintenance], dict[str, int]]) -> Callable[[Maintenance], dict[str, int]]:
    """Let a step wait for other upkeep of the lake; a dry run changes nothing and waits for nobody."""

    @wraps(step)
    def alone(self: Maintenance) -> dict[str, int]:
        if self.is_dry:
            return step(self)
        with one_upkeep_at_a_time(self.lake_uri, f"the step {step.__name__} of the maintenance", tell):
            return step(self)

    return alone


@dataclass(frozen=True)
class Maintenance:
    """One maintenance of one lake.

    Attributes
    ----------
    lake_uri
        Folder or object prefix of the lake.
    catalog
        Catalog of the lake's tables.
    settings
        Settings of the installation: retention, history, safe age.
    moment
        Time that the maintenance goes by.
    is_dry
        Whether nothing is changed and only told what would be.
    """

    lake_uri: str
    catalog: LakeCatalog
    settings: Settings
    moment: Moment
    is_dry: bool = False

    @classmethod
    def of(cls, lake_uri: str, settings: Settings, now: datetime, is_dry: bool = False) -> Maintenance:
        """The maintenance of a lake at a time."""
        location = LakeLocation.of(lake_uri, settings.catalog_uri, settings.namespace)
        moment = Moment(now, timedelta(hours=settings.safe_age_hours))
        return cls(lake_uri, LakeCatalog.open(location, settings), settings, moment, is_dry)

    def tables(self) -> dict[str, IcebergTable]:
        """The lake's tables as they are now."""
        return {name: self.catalog.load(name) for name in self.catalog.names()}

    def require_retention(self) -> None:
        """See before anything is done that the retention is allowed.

        Raises
        ------
        SettingsError
            When it is not.
        """
        checked_retention(self.settings, self.tables())

    def measure(self) -> dict[str, Figures]:
        """The figures of each table."""
        with stage("measuring the lake"):
            return {name: Figures.of(table) for name, table in self.tables().items()}

    @_alone
    def retire(self) -> dict[str, int]:
        """Remove the rows that retention keeps no longer, each night verified and on record before.

        The sheet of a night's alerts, which repeats them, goes with them.

        Returns
        -------
        dict
            `retired_nights` and `retired_rows`.

        Raises
        ------
        IntegrityError
            When a night does not verify: neither its rows nor later nights' are removed.
        SettingsError
            When the retention is not allowed.
        """
        # Not before the wait is over: an erasure that was waited for changed what nights are held to.
        tables, verifier = self.tables(), Verifier.open(self.lake_uri, self.settings)
        due = due_nights(verifier.lake, tables, checked_retention(self.settings, tables))
        if due and not self.is_dry:
            with stage(f"recording what retention removes of {len(due)} nights"):
                due = [night for night in due if record(verifier, night, self.moment.now)]
            self._remove_sheets(due)
            for name in sorted({name for night in due for name in night.files}):
                remove_rows(self.catalog, name, [file for night in due for file in night.files.get(name, [])])
        removed = [file for night in due for files in night.files.values() for file in files]
        return {"retired_nights": len(due), "retired_rows": sum(file.record_count for file in removed)}

    def _remove_sheets(self, due: Iterable[Due]) -> None:
        # Before the rows: as long as these are there, a maintenance that comes after one that was killed finds both.
        for night in due:
            if ALERTS in night.files:
                alerts_sheet_of(self.lake_uri, night.night).unlink(missing_ok=True)

    @_alone
    def compact(self) -> dict[str, int]:
        """Rewrite many manifests into few, and merge what one run left for one night in several data files.

        Returns
        -------
        dict
            `merged_data_files` and `merged_manifests`: how many fewer there are.
        """
        return {
            "merged_data_files": self._each_table("data files", self._merge_data_files),
            "merged_manifests": self._each_table("manifests", self._merge_manifests),
        }

    @_alone
    def expire(self) -> dict[str, int]:
        """Expire snapshots that were replaced long ago; readers see the same rows.

        Returns
        -------
        dict
            `expired_snapshots`.
        """
        return {"expired_snapshots": self._each_table("snapshots", self._expire_snapshots)}

    @_alone
    def remove_files(self) -> dict[str, int]:
        """Remove the files that no snapshot names and nobody can be using.

        Returns
        -------
        dict
            `removed_files` and `removed_bytes`.

        Raises
        ------
        IntegrityError
            When a table's files are not where its metadata says.
        """
        found = {"removed_files": 0, "removed_bytes": 0}
        for name, table in self.tables().items():
            with stage(f"{name}: files out of use"):
                files = remove_unused_files(self.catalog, name, self._kept_for(table), self.moment, self.is_dry)
                if not self.is_dry:
                    hold_snapshot(self.catalog, name, self.moment)
            found["removed_files"] += len(files)
            found["removed_bytes"] += size_of(files)
        return found

    def _each_table(self, what: str, act: Callable[[str], int]) -> int:
        with stage(f"{what} of all tables"):
            return sum(act(name) for name in self.catalog.names())

    def _merge_data_files(self, name: str) -> int:
        return compact_data_files(self.catalog, name, self.is_dry)

    def _merge_manifests(self, name: str) -> int:
        return compact_manifests(self.catalog, name, self.is_dry)

    def _expire_snapshots(self, name: str) -> int:
        return expire_snapshots(self.catalog, name, self._kept_for(self.catalog.load(name)), self.moment, self.is_dry)

    def _kept_for(self, table: IcebergTable) -> timedelta:
        """How long a replaced snapshot is kept: of a static relation, which it is the history of, for longer."""
        if night_column(table):
            return self.moment.safe_age
        return max(timedelta(days=self.settings.static_history_days), self.moment.safe_age)


STEPS: Mapping[str, Callable[[Maintenance], dict[str, int]]] = {
    "retire": Maintenance.retire,
    "compact": Maintenance.compact,
    "expire": Maintenance.expire,
    "remove_files": Maintenance.remove_files,
}
"""The steps of a maintenance in their order, under the names of the DAG's tasks."""


def maintain(lake_uri: str, settings: Settings, now: datetime, is_dry: bool = False) -> dict[str, Any]:
    """Maintain a lake: retention, compaction, expiry of snapshots, removal of files.

    Parameters
    ----------
    now
        Time that ages are counted from.
    is_dry
        Whether nothing is to be changed and only told what would be.

    Returns
    -------
    dict
        `done`, what the steps did or would do; `tables`, the figures `before` and `after` by table, and `total`.

    Raises
    ------
    IntegrityError
        When a night that retention is due for does not verify, or a table's files are not where it says.
    LakeConflictError
        When other upkeep was at work for too long.
    SettingsError
        When the retention is not allowed.
    """
    work = Maintenance.of(lake_uri, settings, now, is_dry)
    work.require_retention()
    before = work.measure()
    done = {key: value for step in STEPS.values() for key, value in step(work).items()}
    after = before if is_dry else work.measure()
    return {"dry_run": is_dry, "done": done, **compared(before, after)}


def compared(before: Mapping[str, Figures], after: Mapping[str, Figures]) -> dict[str, Any]:
    """Figures before and after, by table and in all."""
    tables = {
        name: {"before": before.get(name, Figures()).as_dict(), "after": figures.as_dict()}
        for name, figures in after.items()
    }
    total = {"before": Figures.total(before.values()).as_dict(), "after": Figures.total(after.values()).as_dict()}
    return {"tables": tables, "total": total}
