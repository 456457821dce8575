"""Brings the extracts of a lake up to date: one of each of the last nights, and a rolling one with all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from include.errors import MissingStateError
from include.lake import Lake
from include.lake.version import code_version
from include.settings import Settings
from include.stages import stage
from include.tableau.contents import Runs, current_key_version, nights_with_marts, of_nights, read_tables
from include.tableau.documents import document_names, documents
from include.tableau.folder import ROLLING, Entry, ExtractFolder, extract_of
from include.tableau.hyper_file import check_hyper, write_hyper


@dataclass(frozen=True)
class Exported:
    """What was done to the extracts of a lake.

    Attributes
    ----------
    folder
        Address of the folder.
    written, removed
        Names of the extracts.
    rows
        Rows of the rolling extract, by table.
    """

    folder: str
    written: list[str]
    removed: list[str]
    rows: dict[str, int]


def write_extracts(
    lake_uri: str,
    settings: Settings,
    *,
    night: date | None = None,
    is_masked: bool = True,
    is_anew: bool = False,
) -> Exported:
    """Write what is missing or no longer what readers see, and remove the extracts of nights that are not kept.

    An extract is written anew when a night of it was published again, when the key of the pseudonyms was rotated, and
    when another version of the code wrote it. Only one process at a time may do so in a lake.

    Parameters
    ----------
    lake_uri
        Folder or object prefix of the lake.
    settings
        Settings of the installation, with the number of nights that are kept.
    night
        A night whose extract is written whether or not it is among those that are kept.
    is_masked
        Whether the extracts are for masked readers.
    is_anew
        Whether what is current is written too: the night's and the rolling extract, or all where no night is given.

    Raises
    ------
    ExtractError
        When Hyper is not there, a file could not be written or does not hold what the lake holds. Files that were not
        finished are as they were; what was finished stays.
    MissingStateError
        When the night has no marts, or no night has.
    """
    lake = Lake.open(lake_uri, settings)
    folder, key_version = ExtractFolder.of(lake_uri, is_masked=is_masked), current_key_version(lake)
    kept = _kept_nights(lake, settings.extract_nights, lake_uri)
    plan = {extract_of(day): {day: run} for day, run in {**kept, **_asked(lake, night)}.items()} | {ROLLING: kept}
    folder.clear_drafts()
    removed = _remove_others(folder, plan)
    again = _again(folder, plan, night, is_masked=is_masked, is_anew=is_anew)
    current = {
        name: entry
        for name, entry in folder.entries().items()
        if name not in again and _is_current(entry, plan, name, key_version)
    }
    due = {name: runs for name, runs in plan.items() if name not in current}
    entries = _write(folder, lake, due, current, settings, key_version, is_masked=is_masked) if due else current
    return Exported(str(folder.path), sorted(due), removed, dict(entries[ROLLING]["rows"]))


def _kept_nights(lake: Lake, nights: int, lake_uri: str) -> dict[date, str]:
    """The newest night with marts, and those of the days before it that are kept with it."""
    published = nights_with_marts(lake)
    if not published:
        raise MissingStateError(
            f"no night in {lake_uri} has marts, so that there is nothing to extract: publish a night, or publish again "
            "one that an earlier version published",
            place=lake_uri,
        )
    first = max(published) - timedelta(days=nights - 1)
    return {night: run for night, run in published.items() if night >= first}


def _asked(lake: Lake, night: date | None) -> dict[date, str]:
    if night is None:
        return {}
    found = nights_with_marts(lake, night, night)
    if not found:
        raise MissingStateError(
            f"the night {night} is not published or has no marts: publish it, then write its extract", night=night
        )
    return found


def _entry(runs: Runs, key_version: int | None) -> dict[str, Any]:
    """What the list says of an extract apart from its rows, which follow from this."""
    return {
        "nights": {night.isoformat(): run for night, run in runs.items()},
        "key_version": key_version,
        "code_version": code_version(),
    }


def _again(
    folder: ExtractFolder, plan: Mapping[str, Runs], night: date | None, *, is_masked: bool, is_anew: bool
) -> set[str]:
    """Extracts that are written even if they are current; with the rolling one come the files that name its columns."""
    if is_anew:
        return {extract_of(night), ROLLING} if night else set(plan)
    return set() if all(folder.has(name) for name in document_names(is_masked=is_masked)) else {ROLLING}


def _is_current(entry: Entry, plan: Mapping[str, Runs], name: str, key_version: int | None) -> bool:
    return name in plan and {**entry, **_entry(plan[name], key_version)} == entry


def _remove_others(folder: ExtractFolder, plan: Mapping[str, Runs]) -> list[str]:
    others = [name for name in folder.extracts() if name not in plan]
    for name in others:
        folder.remove(name)
    return others


def _write(
    folder: ExtractFolder,
    lake: Lake,
    due: Mapping[str, Runs],
    entries: Mapping[str, Entry],
    settings: Settings,
    key_version: int | None,
    *,
    is_masked: bool,
) -> dict[str, Entry]:
    """Write the extracts that are due, and the workbook and data sources beside them; returns the new list."""
    listed = dict(entries)
    nights = {night: run for runs in due.values() for night, run in runs.items()}
    tables = read_tables(lake, nights, key_version, is_masked=is_masked)
    for name, runs in due.items():
        held = of_nights(tables, runs)
        with stage(f"the extract {name}"):
            _write_one(folder, name, held)
        listed[name] = {**_entry(runs, key_version), "rows": {table: rows.num_rows for table, rows in held.items()}}
        # After each, so that a run that ends early does not write the same again.
        folder.note(listed)
    schemas = {table: rows.schema for table, rows in tables.items()}
    for name, content in documents(schemas, settings, is_masked=is_masked).items():
        folder.put(name, content)
    return listed


def _write_one(folder: ExtractFolder, name: str, tables: Mapping[str, pa.Table]) -> None:
    with folder.replacing(name) as draft:
        write_hyper(draft, tables)
        check_hyper(draft, tables)
