"""Reads one relation from one text file: encoding, header, records, and notes for people about the file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from include.errors import SourceError
from include.relations import Relation
from include.sources.dialects import Dialect, likely_delimiter
from include.sources.header import (
    Layout,
    allowed_widths,
    is_header,
    layout_of_header,
    layout_without_header,
    shown_delimiter,
)
from include.sources.text.encoding import Text, decode
from include.sources.text.lines import Lines, scan
from include.sources.text.records import MOST_LINES, Records, Unreadable, parse, split


@dataclass(frozen=True)
class FileRecords:
    """The records of one file, not yet typed.

    Attributes
    ----------
    texts
        Text of every column the file holds.
    lines
        Line (of a Parquet file: row) each record starts on, from 1.
    raw
        Each record as the file gave it.
    unreadable
        Records that could not be split; their lines count from 0.
    notes
        Sentences for people.
    misfits
        Why the file is not what it should be, where hardly any of its records could be split; empty otherwise.
    uri
        Address of the file.
    """

    texts: dict[str, pa.Array]
    lines: npt.NDArray[np.int64]
    raw: pa.Array
    unreadable: tuple[Unreadable, ...] = ()
    notes: tuple[str, ...] = ()
    misfits: str = ""
    uri: str = ""


def read_text(data: bytes, relation: Relation, dialect: Dialect, file: str, given: Collection[str] = ()) -> FileRecords:
    """The records of a text file.

    Parameters
    ----------
    given
        Columns that the file need not have, since the names of its folders hold them.

    Raises
    ------
    SourceError
        When the file of a required relation is empty, or its header lacks a column.
    """
    text = decode(data)
    if not text.data.strip():
        return no_records(relation, dialect, file)
    lines = scan(text.data, dialect.delimiter, text.spoilt)
    layout, first = _layout(lines, relation, dialect, file, given)
    wanted = list(layout.positions.values())
    records = split(lines, first, layout.width, wanted, layout.positions[relation.key])
    misfits = _misfits(lines, records, layout, relation, dialect, file) if records.has_misfits else ""
    texts = dict(zip(layout.positions, records.columns, strict=True))
    notes = (*_encoding_notes(text, file), *layout.notes, *_end_notes(lines, records, file))
    return FileRecords(texts, records.lines + 1, records.raw, records.unreadable, notes, misfits)


def no_records(relation: Relation, dialect: Dialect, file: str) -> FileRecords:
    """The records of a file that holds nothing, not even a header.

    Raises
    ------
    SourceError
        When the relation is required.
    """
    if relation.required:
        raise SourceError(
            f"{file} ({relation.name}) is empty: deliver it again, the relation is required",
            place=file,
            relation=relation.name,
        )
    texts = {c.name: pa.array([], pa.string()) for c in dialect.columns(relation)}
    return FileRecords(texts, np.empty(0, np.int64), pa.array([], pa.string()), (), (f"{file} is empty",))


def _layout(
    lines: Lines, relation: Relation, dialect: Dialect, file: str, given: Collection[str]
) -> tuple[Layout, int]:
    """Where the columns are, and the first line of the records."""
    top = next(line for line in range(len(lines)) if not lines.is_blank(line))
    names, last = _first_record(lines, top)
    if dialect.has_header or is_header(names, relation, dialect):
        return layout_of_header(names, relation, dialect, file, given), last + 1
    width = _usual_width(lines, allowed_widths(relation, dialect, given))
    return layout_without_header(width, relation, dialect, given), top


def _first_record(lines: Lines, top: int) -> tuple[list[str], int]:
    """The fields of the header, which may run over several lines inside quotes, and its last line."""
    for last in range(top, min(top + MOST_LINES, len(lines))):
        names, state = parse(lines.text(top, last), lines.delimiter)
        if state == "whole":
            return names, last
    return [lines.text(top)], top


def _usual_width(lines: Lines, widths: tuple[int, ...]) -> int:
    """The allowed number of fields that most lines have."""
    counts = np.bincount(lines.fields[lines.sound], minlength=max(widths) + 1)
    return max(widths, key=lambda width: counts[width])


def _misfits(lines: Lines, records: Records, layout: Layout, relation: Relation, dialect: Dialect, file: str) -> str:
    misfit = next(u for u in records.unreadable if u.line != records.torn_line)
    found = parse(misfit.raw, dialect.delimiter)[0]
    seems = likely_delimiter(misfit.raw)
    expected = ", ".join(layout.positions)
    return (
        f"{file} ({relation.name}): {len(records.unreadable)} of {len(records.unreadable) + len(records.lines)} "
        f"records cannot be read, the first on line {misfit.line + 1} ({misfit.code}, {len(found)} fields, "
        f"{shown_delimiter(seems)} as its delimiter). Expected {layout.width} fields delimited by "
        f"{shown_delimiter(dialect.delimiter)}: {expected}. Export the relation again with these columns "
        "and this delimiter, in UTF-8"
    )


def _encoding_notes(text: Text, file: str) -> tuple[str, ...]:
    return () if text.encoding == "utf-8" else (f"{file} was read as {text.encoding}, it is not UTF-8",)


def _end_notes(lines: Lines, records: Records, file: str) -> tuple[str, ...]:
    if records.torn_line is not None:
        where = "an open quote" if records.cut_in_quote else "a record"
        return (f"{file} is truncated: it ends inside {where} on line {records.torn_line + 1}; the rest was read",)
    if lines.ends_whole or not len(records.lines):
        return ()
    return (
        f"{file} has no line end after line {len(lines)}: if it was cut off there, that record's last field is short",
    )
