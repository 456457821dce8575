"""The lake's files beside its tables that may hold a client: sheets, extracts, work folders, files of reviews."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from include.errors import TerminalError
from include.lake import Lake
from include.lake.work_folder import WORK, WorkFolder
from include.night.finish import alerts_sheet_of, write_alerts_sheet
from include.privacy.selecting import Selection
from include.reviews.drop import ReviewFile, inbox_of, kept_files, read_inbox, reviews_kept, taken_of
from include.settings import Settings
from include.tableau.folder import LIST_FILE, MASKED_FOLDER, UNMASKED_FOLDER


@dataclass(frozen=True)
class LakeFiles:
    """Files that hold a client, or that were made from what does.

    Attributes
    ----------
    sheets
        Nights whose sheets of alerts are written again.
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
            sheets=tuple(night for night in sorted(nights) if alerts_sheet_of(lake_uri, night).exists()),
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
        for path in (*self.extracts, *self.kept_reviews):
            path.unlink(missing_ok=True)
        for folder in self.work_folders:
            WorkFolder(folder).clear()

    def as_dict(self) -> dict[str, Any]:
        """The files for people, by their kind."""
        return {
            "alerts": [f"{night}.csv" for night in self.sheets],
            "extracts": [f"{path.parent.name}/{path.name}" for path in self.extracts],
            "work_folders": [f"{folder.parent.name}/{folder.name}" for folder in self.work_folders],
            "reviews_put_away": [path.name for path in self.kept_reviews],
            "reviews_waiting": [path.name for path in self.waiting_reviews],
        }


def _extracts(lake_uri: str) -> Iterator[UPath]:
    """Every extract, drafts of killed runs among them; workbook and data sources hold no rows and stay."""
    for folder in (UPath(lake_uri) / name for name in (MASKED_FOLDER, UNMASKED_FOLDER)):
        for path in sorted(folder.rglob("*"), key=str) if folder.exists() else ():
            if path.is_file() and (".hyper" in path.name or path.name == LIST_FILE):
                yield path


def _work_folders(lake_uri: str, selection: Selection) -> Iterator[UPath]:
    work = UPath(lake_uri) / WORK
    for folder in sorted(work.glob("*/*"), key=str) if work.exists() else ():
        if folder.is_dir() and any(selection.holds_any(_identifiers_in(path)) for path in folder.rglob("*.parquet")):
            yield folder


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
