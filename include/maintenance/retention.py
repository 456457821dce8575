"""Retention: the rows of nights whose time to be kept, table by table, is over.

A table's masked rows go with it, and so do the tables that repeat its rows one by one: nobody is helped by a posting
that is gone from one table and stands in another.

What is to go is first verified and put on record in the lake, night by night; then the rows leave the table. A night
that does not verify keeps its rows, or its fault could no longer be found. Only files that were listed when the night
was verified are removed: rows that a run writes meanwhile stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table as IcebergTable

from include.errors import IntegrityError, SettingsError
from include.features import reach_days
from include.lake import Lake, RunStamp
from include.lake.commit import Change, guarded_commit
from include.lake.data_files import data_files, night_column, night_of, run_key_of
from include.lake.iceberg_catalog import LakeCatalog
from include.lake.retired import RETIRED, recorded
from include.lake.tables import TABLES, VERSION_TABLE
from include.maintenance.compaction import ATTEMPT
from include.masking.tables import SUFFIX, masked_name
from include.night.carried_state import STATE_LOOKBACK
from include.night.published_night import PublishedNight
from include.night.verify import Verifier
from include.relations import FIN_TRANSACTION, STATIC_RELATIONS
from include.settings import Settings
from include.training.split import REFRESH_NIGHTS_SEEN

KEPT_FOR_GOOD = frozenset({"night_manifest", "reviews", RETIRED.name, VERSION_TABLE.name})
"""Tables without retention, and their masked ones: what was published, what people decided, what was removed, and the
key version that masked readers see."""

ALERTS = TABLES["alerts"].name

REPEATED_IN: Mapping[str, tuple[str, ...]] = {
    FIN_TRANSACTION.name: (STATE_LOOKBACK.name, "transaction_features"),
    ALERTS: ("mart_findings",),
}
"""Tables that repeat the rows of a table one by one, by that table. Tables of counts and sums repeat none."""


def least_days(settings: Settings) -> int:
    """The fewest days that rows must be kept for: what features look back on, and the year that learning needs.

    A night reads the postings of `reach_days` before it (184 with a look-back of 92 days), a refresh of the champion
    the 365 nights before it, the watch the same month a year ago.
    """
    return reach_days(settings.lookback_days) + REFRESH_NIGHTS_SEEN


def checked_retention(settings: Settings, tables: Mapping[str, IcebergTable]) -> dict[str, int]:
    """The days that each table's rows are kept for, where the settings bound them, or those of a table it repeats.

    Raises
    ------
    SettingsError
        When a table has no retention or is not there, or the days are too few, or more than those of a table whose rows
        it repeats.
    """
    found: dict[str, int] = {}
    for name, days in settings.retention.items():
        _check_table(name, days, tables)
        _check_days(name, days, settings)
        for each in (name, *copies_of(name)):
            if each in tables:
                found[each] = min(days, found.get(each, days))
    return found


def copies_of(name: str) -> tuple[str, ...]:
    """The tables that go with a table: those that repeat its rows, and the masked ones of each.

    >>> copies_of("alerts"), copies_of("anomaly_scores"), copies_of("anomaly_scores_masked")
    (('mart_findings', 'alerts_masked', 'mart_findings_masked'), ('anomaly_scores_masked',), ())
    """
    if name.endswith(SUFFIX):
        return ()
    repeated = REPEATED_IN.get(name, ())
    return (*repeated, *map(masked_name, (name, *repeated)))


def _check_table(name: str, days: int, tables: Mapping[str, IcebergTable]) -> None:
    full = name.removesuffix(SUFFIX)
    if full in KEPT_FOR_GOOD:
        raise _refusal(name, days, "is kept for good: later nights and their proof rest on all of it", "leave it out")
    if full in STATIC_RELATIONS or (name in tables and not night_column(tables[name])):
        raise _refusal(
            name, days, "has no nights and is replaced as a whole", "ADS_STATIC_HISTORY_DAYS bounds its history"
        )
    if name not in tables:
        known = ", ".join(sorted(each for each in tables if _may_be_bounded(each, tables)))
        raise _refusal(name, days, f"is no table of this lake; its tables with nights are {known or 'none yet'}", "")


def _may_be_bounded(name: str, tables: Mapping[str, IcebergTable]) -> bool:
    return name.removesuffix(SUFFIX) not in KEPT_FOR_GOOD and bool(night_column(tables[name]))


def _check_days(name: str, days: int, settings: Settings) -> None:
    if days < (least := least_days(settings)):
        raise _refusal(
            name,
            days,
            f"would be kept for less than the {least} days that nights look back on: twice ADS_LOOKBACK_DAYS for "
            f"features, and {REFRESH_NIGHTS_SEEN} nights for learning",
            f"set {least} or more",
        )
    if settings.extracts and days < settings.extract_nights:
        raise _refusal(
            name,
            days,
            f"would be kept for less than the {settings.extract_nights} days of which extracts for Tableau are kept",
            "set as many or more, or a smaller ADS_EXTRACT_NIGHTS",
        )
    for full, longest in settings.retention.items():
        if name in copies_of(full) and days > longest:
            raise _refusal(
                name, days, f"repeats the rows of {full}, which are kept for {longest}", f"set {longest} or fewer"
            )


def _refusal(name: str, days: int, what: str, mend: str) -> SettingsError:
    told = f"ADS_RETENTION gives {name} {days} days, and {name} {what}"
    return SettingsError(f"{told}: {mend}" if mend else told, setting="retention", table=name)


@dataclass
class Due:
    """The files of one night that retention removes, by table, and the run that readers see of that night."""

    row: dict[str, Any]
    files: dict[str, list[DataFile]] = field(default_factory=dict)

    @property
    def night(self) -> date:
        """The settlement date."""
        return self.row["settlement_date"]  # type: ignore[no-any-return]


def due_nights(lake: Lake, tables: Mapping[str, IcebergTable], retention: Mapping[str, int]) -> list[Due]:
    """What retention removes, the oldest night first; days are counted back from the newest published night.

    Only rows that readers see are due. What runs that ended early left of a night stays as it is, since a run that is
    still at work leaves the same.
    """
    rows = {row["settlement_date"]: row for row in lake.manifest().to_pylist()} if retention else {}
    found: dict[date, Due] = {}
    for name, days in retention.items():
        table, last = tables[name], max(rows, default=date.min) - timedelta(days=days) if rows else None
        for file in data_files(table, None, last) if last else []:
            row = rows.get(night_of(file))
            if row is not None and run_key_of(table, file) == row["run_key"]:
                found.setdefault(night_of(file), Due(row)).files.setdefault(name, []).append(file)
    return [found[night] for night in sorted(found)]


def record(verifier: Verifier, due: Due, now: datetime) -> bool:
    """Verify a night and put on record what is to be removed of it.

    Returns
    -------
    bool
        Whether it was. A night that another run has published meanwhile is left for the next time: the listed files are
        no longer what readers see.

    Raises
    ------
    IntegrityError
        When the night does not hold; none of its rows is removed.
    """
    wrong, published = verifier.faults_of(due.row), verifier.lake.published(due.night)
    if published != due.row:
        return False
    if wrong:
        raise IntegrityError(
            f"retention removes nothing of a night that does not verify: {'; '.join(wrong)}. Restore the night from a "
            "backup or run it again, then run the maintenance again",
            night=due.night,
            run_key=due.row["run_key"],
        )
    lake = verifier.lake
    digests = PublishedNight.read(lake, due.row).digests(due.files.keys(), verifier.settings)
    fresh = [
        {
            "settlement_date": due.night,
            "table_name": name,
            "row_count": sum(file.record_count for file in files),
            "content_digest": digests[name],
            "retired_at": now,
        }
        for name, files in due.files.items()
    ]
    earlier = [known for name, known in recorded(lake, due.night).items() if name not in due.files]
    rows = pa.Table.from_pylist([*earlier, *fresh], schema=RETIRED.schema).drop_columns(["run_key"])
    lake.replace(RETIRED, due.night, rows, RunStamp(due.row["run_key"], ATTEMPT, due.night))
    return True


def remove_rows(catalog: LakeCatalog, name: str, files: list[DataFile]) -> None:
    """Remove listed files' rows from a table in one commit; files that are there no longer are passed over."""
    paths, nights = {file.file_path for file in files}, [night_of(file) for file in files]
    first, last = min(nights), max(nights)

    def plan(now: IcebergTable) -> Change:
        return Change(remove=[file for file in data_files(now, first, last) if file.file_path in paths])

    guarded_commit(catalog, name, plan, RunStamp("", ATTEMPT, last))
