"""The lake's files beside its tables that may hold a client: sheets, extracts, work folders, files of reviews."""

from __future__ import annotations

import csv
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from include.errors import TerminalError
from include.lake import Lake
from include.lake.tables import ALERTS_SCHEMA
from include.lake.work_folder import WORK, WorkFolder
from include.night.finish import sheets_of, write_alerts_sheet
from include.paths import files_below, folders_in, names_in, path_of
from include.privacy.selecting import Selection
from include.reviews.drop import ReviewFile, inbox_of, kept_files, read_inbox, reviews_kept, taken_of
from include.settings import Settings
from include.tableau.folder import LIST_FILE, MASKED_FOLDER, UNMASKED_FOLDER
from include.whole_file import drafts_in

# A decision: the console answers within seconds, so that a draft of an hour ago is nobody's.
_LONGEST_WRITE_SECONDS = 3600


@dataclass(frozen=True)
class LakeFiles:
    """Files that hold a client, or that were made from what does.

    Attributes
    ----------
    sheets
        Nights whose sheets of alerts are written again.
    drafts
        Drafts of sheets and of files of reviews that killed processes left. All are deleted, as nobody reads them.
    extracts
        All extracts, and the lists of what they hold: one may hold what retention removed from the lake since. They are
        deleted; the next night writes them again from what remains.
    work_folders
        Folders of runs that have not ended; such a run starts again from its first task.
    kept_reviews
        Files of reviews that were put away, sealed, and name postings of the client's. They are deleted as a whole:
        other clients' reviews in them stay in the table `reviews`.
    waiting_reviews
        Files of reviews that wait in the drop and name postings of the client's.
    """

    sheets: tuple[date, ...]
    drafts: tuple[UPath, ...]
    extracts: tuple[UPath, ...]
    work_folders: tuple[UPath, ...]
    kept_reviews: tuple[UPath, ...]
    waiting_reviews: tuple[UPath, ...]

    @classmethod
    def find(cls, lake_uri: str, nights: Collection[date], selection: Selection, settings: Settings) -> LakeFiles:
        """The files as they are now.

        Parameters
        ----------
        lake_uri
            The lake.
        nights
            Nights that hold rows of the client's.
        selection
            Tells the client's rows.
        settings
            Settings of the installation, which may name another drop of reviews.
        """
        inbox = inbox_of(lake_uri, settings.reviews_uri)
        taken = taken_of(inbox, settings.reviews_uri)
        waiting, _ = read_inbox(inbox, taken=taken)
        return cls(
            sheets=tuple(_sheets(lake_uri, nights, selection)),
            drafts=(*drafts_in(sheets_of(lake_uri)), *filter(_is_left, (*drafts_in(inbox), *drafts_in(taken)))),
            extracts=tuple(_extracts(lake_uri)),
            work_folders=tuple(_work_folders(lake_uri, selection)),
            kept_reviews=tuple(path for path in kept_files(taken) if _is_of_client(_kept(path, selection), selection)),
            waiting_reviews=tuple(file.path for file in waiting if _is_of_client(file, selection)),
        )

    def require_none_waiting(self) -> None:
        """See that no review of the client's waits in the drop, from where a night would bring it back.

        Raises
        ------
        TerminalError
            When one does.
        """
        if self.waiting_reviews:
            raise TerminalError(
                f"nothing was erased: {len(self.waiting_reviews)} files in the drop of reviews name postings of the "
                f"client's ({', '.join(path.name for path in self.waiting_reviews)}): let a night take them "
                "in, or take these lines out of them, and run it again"
            )

    def erase(self, lake_uri: str, lake: Lake) -> None:
        """Delete the files, and write the sheets again from what remains in the lake."""
        for night in self.sheets:
            write_alerts_sheet(lake_uri, lake, night)
        for path in (*self.drafts, *self.extracts, *self.kept_reviews):
            path.unlink(missing_ok=True)
        for folder in self.work_folders:
            WorkFolder(folder).clear()

    def as_dict(self) -> dict[str, Any]:
        """The files for people, by their kind."""
        return {
            "alerts": [f"{night}.csv" for night in self.sheets],
            "drafts": [f"{path.parent.name}/{path.name}" for path in self.drafts],
            "extracts": [f"{path.parent.name}/{path.name}" for path in self.extracts],
            "work_folders": [f"{folder.parent.name}/{folder.name}" for folder in self.work_folders],
            "reviews_put_away": [path.name for path in self.kept_reviews],
            "reviews_waiting": [path.name for path in self.waiting_reviews],
        }


def _sheets(lake_uri: str, nights: Collection[date], selection: Selection) -> Iterator[date]:
    """The nights whose sheets may name the client: those that hold rows, and those that did when theirs was written."""
    folder = sheets_of(lake_uri)
    for path in (folder / name for name in sorted(names_in(folder)) if name.endswith(".csv")):
        night = date.fromisoformat(path.stem)
        if night in nights or selection.count("alerts", _sheet_rows(path)):
            yield night


def _sheet_rows(path: UPath) -> pa.Table:
    """What a sheet says of whom, as the columns of `alerts`."""
    with path.open("r", encoding="utf-8", newline="") as file:
        rows = [
            {"account_id": int(row["account_id"]) if row["account_id"] else None, "text": row["text"]}
            for row in csv.DictReader(file)
        ]
    return pa.Table.from_pylist(rows, pa.schema([ALERTS_SCHEMA.field("account_id"), ALERTS_SCHEMA.field("text")]))


def _is_left(draft: UPath) -> bool:
    """Whether nobody can be writing a draft any more; to write one takes less than a second."""
    return time.time() - draft.stat().st_mtime > _LONGEST_WRITE_SECONDS


def _extracts(lake_uri: str) -> Iterator[UPath]:
    """Every extract, drafts of killed runs among them; workbook and data sources hold no rows and stay."""
    for folder in (path_of(lake_uri) / name for name in (MASKED_FOLDER, UNMASKED_FOLDER)):
        for path in (folder / name for name in files_below(folder)):
            if ".hyper" in path.name or path.name == LIST_FILE:
                yield path


def _work_folders(lake_uri: str, selection: Selection) -> Iterator[UPath]:
    work = path_of(lake_uri) / WORK
    for folder in (folder for group in folders_in(work) for folder in folders_in(group)):
        files = (folder / name for name in files_below(folder) if name.endswith(".parquet"))
        if any(_holds_client(path, selection) for path in files):
            yield folder


def _holds_client(path: UPath, selection: Selection) -> bool:
    """Whether a work file holds a number of the client's; one that was not written to its end may."""
    try:
        return selection.holds_any(_identifiers_in(path))
    except pa.ArrowInvalid:
        return True


def _identifiers_in(path: UPath) -> pa.Table:
    """The columns of a work file, those that are numbers."""
    with path.open("rb") as origin:
        file = pq.ParquetFile(pa.py_buffer(origin.read()))
    numbers = [field.name for field in file.schema_arrow if pa.types.is_integer(field.type)]
    return file.read(columns=numbers)


def _kept(path: UPath, selection: Selection) -> ReviewFile:
    return reviews_kept(path, selection.envelope)


def _is_of_client(file: ReviewFile, selection: Selection) -> bool:
    """Whether a file of reviews names the client's postings or accounts, in rows that are valid or in others."""
    quoted = any(selection.quotes("reviews", row["raw"]) for row in file.refused)
    return quoted or selection.count("reviews", file.rows) > 0
