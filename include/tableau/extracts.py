"""Brings the extracts of a lake up to date: one of each of the last nights, and a rolling one with all of them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from include.errors import MissingStateError
from include.lake import Lake
from include.settings import Settings
from include.stages import stage
from include.tableau.contents import Contents, Runs, nights_with_marts
from include.tableau.documents import documents
from include.tableau.folder import ROLLING, Entry, ExtractFolder, extract_of
from include.tableau.hyper_file import TableRows
from include.tableau.hyper_process import HyperProcess

TRY_SECONDS = 15 * 60
"""How long a night may write extracts before Hyper is ended; the 93 of a bank of 20,000 accounts took one minute."""


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
    contents
        Rows of all these nights.
    """

    runs: Runs
    kept: tuple[date, ...]
    contents: Contents

    def entries(self) -> dict[str, Entry]:
        """What the list is to say of each extract."""
        of_each = {extract_of(night): self._entry((night,)) for night in self.runs}
        return {**of_each, ROLLING: self._entry(self.kept)}

    def _entry(self, nights: tuple[date, ...]) -> dict[str, Any]:
        return {
            "nights": {night.isoformat(): self.runs[night] for night in nights},
            "content": self.contents.digest(nights),
            "rows": self.contents.row_counts(nights),
        }

    def rows(self, entry: Entry) -> dict[str, TableRows]:
        """The rows of one extract, by table."""
        return self.contents.rows(map(date.fromisoformat, entry["nights"]))


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
        When Hyper is not there, a file could not be written or does not hold what the lake holds, or the time is over.
        Files that were not finished are as they were; what was finished stays.
    MissingStateError
        When the night has no marts, or no night has.
    """
    folder, clock = ExtractFolder.of(lake_uri, is_masked=is_masked), _Clock(is_anew)
    plan = _plan(Lake.open(lake_uri, settings), lake_uri, settings.extract_nights, night, is_masked=is_masked)
    wanted, listed = plan.entries(), folder.entries()
    folder.clear_drafts()
    removed = folder.keep_only(wanted)
    again = set[str]() if not is_anew else {extract_of(night), ROLLING} if night else set(wanted)
    due = [name for name in _in_turn(wanted, night) if name in again or listed.get(name) != wanted[name]]
    current = {name: entry for name, entry in listed.items() if name in wanted and name not in due}
    with HyperProcess() as hyper:
        for name in due:
            with stage(f"the extract {name}"), folder.replacing(name) as draft:
                hyper.write(draft, plan.rows(wanted[name]), clock.seconds_left())
            current[name] = wanted[name]
            # After each, so that a run that ends early does not write the same again.
            folder.note(current)
    for name, content in documents(plan.contents.schemas, settings, is_masked=is_masked).items():
        folder.put(name, content)
    return Exported(str(folder.path), sorted(due), removed, dict(wanted[ROLLING]["rows"]))


class _Clock:
    """Tells how long an extract may take: a night shares its time among them all, a command has it for each."""

    def __init__(self, is_for_each: bool) -> None:
        self._is_for_each, self._began = is_for_each, time.monotonic()

    def seconds_left(self) -> float:
        """Seconds until Hyper is ended."""
        return TRY_SECONDS if self._is_for_each else TRY_SECONDS - (time.monotonic() - self._began)


def _in_turn(names: Iterable[str], night: date | None) -> list[str]:
    """The night's own extract and the rolling one come first, as older ones can wait if the time runs out."""
    first = {extract_of(night): 0, ROLLING: 1} if night else {}
    return sorted(names, key=lambda name: first.get(name, 2))


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
    kept = kept_nights(published, nights)
    runs = {night: published[night] for night in sorted({*kept, *([asked] if asked else [])})}
    return _Plan(runs, kept, Contents.of(lake, runs, is_masked=is_masked))


def kept_nights(published: Iterable[date], days: int) -> tuple[date, ...]:
    """Nights of the rolling extract: those of the last days up to the newest night."""
    nights = sorted(published)
    return tuple(night for night in nights if night > nights[-1] - timedelta(days=days))
