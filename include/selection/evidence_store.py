"""Stores evidence packs (`<lake>/selections/<id>/`) and lists their summaries."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv
from upath import UPath

from include.paths import folders_in, is_object, path_of
from include.security.private import make_private
from include.whole_file import Whole, read_whole, write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER = "selections"
"""Folder of the lake that holds the evidence packs."""
_SUMMARY = "selection.json"
_DPI = 120


def write_pack(lake_uri: str, selection: str, files: Mapping[str, bytes]) -> UPath:
    """Write a selection's files, each of them whole and the summary last, so that what is listed is whole."""
    folder = path_of(lake_uri) / FOLDER / selection
    make_private(folder)
    for name in sorted(files, key=lambda name: name == _SUMMARY):
        write_whole(folder / name, files[name])
    return folder


def free_name(lake_uri: str, selection: str) -> str:
    """The selection's name, or `<name>--2` and so on where a pack of that name is whole: a promotion may rest on it."""
    return next(name for name in _names(selection) if read_summary(lake_uri, name) is None)


def _names(selection: str) -> Iterator[str]:
    """Names for the packs of one selection, one for each time that it is repeated."""
    yield selection
    yield from (f"{selection}--{number}" for number in count(2))


def folder_of(lake_uri: str, selection: str) -> str:
    """The address of a selection's pack."""
    return f"{lake_uri.rstrip('/')}/{FOLDER}/{selection}"


def summary_file(summary: Mapping[str, Any]) -> dict[str, bytes]:
    """The machine-readable file."""
    return {_SUMMARY: (json.dumps(summary, indent=2, sort_keys=True, default=str) + "\n").encode()}


def read_summary(lake_uri: str, selection: str) -> dict[str, Any] | None:
    """The summary of a selection; None where it did not end, or where the file is torn or was written by hand."""
    path = path_of(lake_uri) / FOLDER / selection / _SUMMARY
    try:
        found = dict(json.loads(content.content)) if (content := _summary_at(path)) is not None else None
    except (ValueError, TypeError, RecursionError):
        return None
    return found if found and "made_at" in found else None


def _summary_at(path: UPath) -> Whole | None:
    """The file, if it is one; a folder or a pipe of its name is none."""
    return read_whole(path) if is_object(path) or path.is_file() else None


def selections(lake_uri: str) -> list[dict[str, Any]]:
    """Every selection that came to its end, the newest first, as its `selection.json` has it."""
    names = sorted(folder.name for folder in folders_in(path_of(lake_uri) / FOLDER))
    found = [summary for name in names if (summary := read_summary(lake_uri, name)) is not None]
    return sorted(found, key=lambda summary: str(summary["made_at"]), reverse=True)


def csv_file(table: pa.Table) -> bytes:
    """The table as CSV."""
    sink = io.BytesIO()
    pyarrow.csv.write_csv(table, sink)
    return sink.getvalue()


def png_file(figure: Figure) -> bytes:
    """The plot as PNG."""
    sink = io.BytesIO()
    figure.savefig(sink, format="png", dpi=_DPI)
    return sink.getvalue()
