"""Brings the extracts of a lake up to date: one of each of the last nights, and a rolling one with all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from include.errors import MissingStateError
from include.lake import Lake
from include.publish.digest import combined_digest
from include.settings import Settings
from include.stages import stage
from include.tableau.contents import Runs, Schemas, by_night, content_digest, nights_with_marts, read_tables
from include.tableau.documents import documents
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


@dataclass(frozen=True)
class _Plan:
    """The extracts that a lake is to have.

    Attributes
    ----------
    runs
        Published runs of all nights that are wanted.
    kept
        Nights of the rolling extract.
    rows
        Rows of each of these nights, by table.
    """

    runs: Runs
    kept: tuple[date, ...]
    rows: Mapping[date, Mapping[str, pa.Table]]

    def entries(self) -> dict[str, Entry]:
        """What the list is to say of each extract."""
        contents = {night: content_digest(rows) for night, rows in self.rows.items()}
        of_each = {extract_of(night): self._entry((night,), contents[night]) for night in self.runs}
        return {**of_each, ROLLING: self._entry(self.kept, combined_digest(contents[night] for night in self.kept))}

    def _entry(self, nights: tuple[date, ...], content: str) -> dict[str, Any]:
        return {
            "nights": {night.isoformat(): self.runs[night] for night in nights},
            "content": content,
            "rows": {name: rows.num_rows for name, rows in self._held(nights).items()},
        }

    def held(self, entry: Entry) -> dict[str, pa.Table]:
        """The rows of one extract, by table."""
        return self._held(map(date.fromisoformat, entry["nights"]))

    def _held(self, nights: Iterable[date]) -> dict[str, pa.Table]:
        parts = [self.rows[night] for night in nights]
        return {name: pa.concat_tables(part[name] for part in parts) for name in parts[0]}

    @property
    def schemas(self) -> Schemas:
        """Columns of the tables."""
        return {name: rows.schema for name, rows in self.rows[self.kept[0]].items()}


def write_extracts(
    lake_uri: str,
    settings: Settings,
    *,
    night: date | None = None,
    is_masked: bool = True,
    is_anew: bool = False,
) -> Exported:
    """Write what is missing or no longer what readers see, and remove the extracts of nights that are not kept.

    Beside the extracts lie the workbook over them and the data sources of the live connection. Only one process at a
    time may write the extracts of a lake.

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
    folder = ExtractFolder.of(lake_uri, is_masked=is_masked)
    plan = _plan(Lake.open(lake_uri, settings), lake_uri, settings.extract_nights, night, is_masked=is_masked)
    wanted, listed = plan.entries(), folder.entries()
    folder.clear_drafts()
    removed = folder.keep_only(wanted)
    again = set[str]() if not is_anew else {extract_of(night), ROLLING} if night else set(wanted)
    due = [name for name, entry in wanted.items() if name in again or listed.get(name) != entry]
    current = {name: entry for name, entry in listed.items() if name in wanted and name not in due}
    for name in due:
        _write(folder, name, plan.held(wanted[name]))
        current[name] = wanted[name]
        # After each, so that a run that ends early does not write the same again.
        folder.note(current)
    for name, content in documents(plan.schemas, settings, is_masked=is_masked).items():
        folder.put(name, content)
    return Exported(str(folder.path), sorted(due), removed, dict(wanted[ROLLING]["rows"]))


def _plan(lake: Lake, lake_uri: str, nights: int, asked: date | None, *, is_masked: bool) -> _Plan:
    published = nights_with_marts(lake, is_masked=is_masked)
    if not published:
        raise MissingStateError(
            f"no night in {lake_uri} has marts, so that there is nothing to extract: publish a night, or publish again "
            "one that an earlier version published",
            place=lake_uri,
        )
    if asked and asked not in published:
        raise MissingStateError(
            f"the night {asked} is not published or has no marts: publish it, then write its extract", night=asked
        )
    first = max(published) - timedelta(days=nights - 1)
    kept = tuple(night for night in published if night >= first)
    runs = {night: published[night] for night in sorted({*kept, *([asked] if asked else [])})}
    return _Plan(runs, kept, by_night(read_tables(lake, runs, is_masked=is_masked), runs))


def _write(folder: ExtractFolder, name: str, tables: Mapping[str, pa.Table]) -> None:
    with stage(f"the extract {name}"), folder.replacing(name) as draft:
        write_hyper(draft, tables)
        check_hyper(draft, tables)
