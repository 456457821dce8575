"""The Data Docs site: the newest nights are pages, older ones JSON, and every file is complete at any moment."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from upath import UPath

from include.paths import files_below, path_of
from include.quality.admission import SuiteResult
from include.security import locks
from include.whole_file import write_whole

if TYPE_CHECKING:
    from include.quality.pages import NightSummary

Place = Path | UPath

_RESULTS = "results.json"
"""Name of the file that is written last into a night's folder; a folder without it is not a night yet."""


class DataDocs:
    """The site of all nights' validations; every link in it is relative, so that it may be served from anywhere.

    Parameters
    ----------
    site_uri
        Folder or object prefix of the site; concurrent nights wait for each other.
    keep_nights
        Number of nights that are kept as pages; the results of older nights are kept as JSON under `archive/`.
    """

    def __init__(self, site_uri: str, keep_nights: int) -> None:
        self.site = _place(site_uri)
        self.keep_nights = keep_nights

    def publish(self, night: date, results: Sequence[SuiteResult]) -> str:
        """Add one night, or replace it.

        Parameters
        ----------
        night
            The settlement date.
        results
            Verdicts of the suites: `Admission.results`, those of the scores, or those of a `RefusedError`.

        Returns
        -------
        str
            Address of the night's page, or of its archived results when there are `keep_nights` newer nights already.
        """
        name = night.isoformat()
        with self._alone():
            retired = sorted({*self._nights(), name}, reverse=True)[self.keep_nights :]
            if name not in retired:
                self._write_night(name, results)
            self._write_shared()
            kept = [each for each in self._nights() if each not in retired]
            self._archive(name, results, retired)
            self._write_index(kept)
            self._remove(retired)
        return str(self._archived(name) if name in retired else self._folder(name) / "index.html")

    def _write_night(self, name: str, results: Sequence[SuiteResult]) -> None:
        from include.quality.pages import night_pages, summary_of

        folder = self._folder(name)
        pages = night_pages(name, results)
        for file, page in pages.items():
            _write(folder / file, page)
        for left_over in _children(folder):
            if left_over.name not in (*pages, _RESULTS):
                left_over.unlink()
        stored = {"summary": summary_of(name, results).as_dict(), "results": list(results)}
        _write(folder / _RESULTS, json.dumps(stored))

    def _write_shared(self) -> None:
        """Write the style sheet and the suites' pages, unless they are of this version already."""
        from include.quality.pages import stylesheet, suite_pages, version

        marker = self.site / "static" / "version.txt"
        if marker.exists() and marker.read_text() == version():
            return
        _write(self.site / "static" / "docs.css", stylesheet())
        for name, page in suite_pages().items():
            _write(self.site / "suites" / f"{name}.html", page)
        _write(marker, version())

    def _write_index(self, kept: Sequence[str]) -> None:
        from include.quality.pages import index_page

        archived = len(list(_children(self.site / "archive")))
        _write(self.site / "index.html", index_page([self._summary(name) for name in kept], archived))

    def _archive(self, name: str, results: Sequence[SuiteResult], retired: Sequence[str]) -> None:
        for old in retired:
            found = list(results) if old == name else json.loads((self._folder(old) / _RESULTS).read_text())["results"]
            _write(self._archived(old), json.dumps(found))
        if name not in retired:
            self._archived(name).unlink(missing_ok=True)

    def _remove(self, retired: Sequence[str]) -> None:
        """Remove the pages of retired nights, which nothing links to any more."""
        for name in retired:
            _remove_folder(self._folder(name))

    def _summary(self, name: str) -> NightSummary:
        from include.quality.pages import NightSummary

        return NightSummary(**json.loads((self._folder(name) / _RESULTS).read_text())["summary"])

    def _nights(self) -> list[str]:
        """Nights with pages, the newest first."""
        files = (name.split("/") for name in files_below(self.site / "nights"))
        return sorted((parts[0] for parts in files if parts[1:] == [_RESULTS]), reverse=True)

    def _folder(self, name: str) -> Place:
        return self.site / "nights" / name

    def _archived(self, name: str) -> Place:
        return self.site / "archive" / f"{name}.json"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the site's lock."""
        with locks.held(path_of(str(self.site)) / ".lock"):
            yield


def _place(uri: str) -> Place:
    place = path_of(uri)
    return Path(place.path) if place.protocol in ("", "file") else place


def _children(folder: Place) -> list[Place]:
    return list(folder.iterdir()) if folder.exists() else []


def _write(path: Place, text: str) -> None:
    if isinstance(path, Path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.encode())


def _remove_folder(folder: Place) -> None:
    with suppress(FileNotFoundError):
        if isinstance(folder, Path):
            shutil.rmtree(folder)
        else:
            folder.fs.rm(folder.path, recursive=True)
