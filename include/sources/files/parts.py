"""Reads a relation from several files: each is unpacked and read by itself; every record keeps its file and line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from include.errors import SourceError
from include.relations import TEXT, Relation
from include.sources.base import UNREADABLE
from include.sources.counting import nights_between
from include.sources.dialects import Dialect
from include.sources.files.packing import LARGEST_BYTES, Unpacked, unpack
from include.sources.files.parquet import read_parquet
from include.sources.text.reading import FileRecords, no_records, read_text

_PARQUET = b"PAR1"
# Of hundreds of parts that all say the same, a few are enough to know.
_MOST_NOTES = 10


@dataclass(frozen=True)
class Content:
    """One file as it was delivered.

    Attributes
    ----------
    data
        Bytes of the file, packed or not.
    uri
        Address of the file.
    values
        Texts of the columns that the names of its folders hold, by column.
    """

    data: bytes
    uri: str
    values: Mapping[str, str] = field(default_factory=dict)


def read_parts(contents: Iterable[Content], relation: Relation, dialect: Dialect, uri: str) -> list[FileRecords]:
    """The records of a relation's files, one after the other.

    A file that holds nothing is left out where another holds something: Spark writes such parts by the dozen.

    Parameters
    ----------
    uri
        Address of the file, or of the folder of all of them.

    Raises
    ------
    SourceError
        When one cannot be read, hardly any record can, all together are more than is read of one relation, or a
        required one holds nothing.
    """
    read: list[FileRecords] = []
    notes: list[str] = []
    size = 0
    for content in contents:
        unpacked = unpack(content.data, f"{content.uri} ({relation.name})")
        size += len(unpacked.data)
        require_bounded(size, f"{content.uri} ({relation.name})")
        if unpacked.data and not unpacked.data.isspace():
            read.append(_read(unpacked, content, relation, dialect))
        else:
            notes.extend(_cut_notes(unpacked, content))
    _refuse_misfits(read)
    return read or [_of_nothing(relation, dialect, uri, notes)]


def _of_nothing(relation: Relation, dialect: Dialect, uri: str, notes: Sequence[str]) -> FileRecords:
    records = no_records(relation, dialect, uri)
    return replace(records, notes=(*records.notes, *notes), uri=uri)


def _refuse_misfits(parts: Sequence[FileRecords]) -> None:
    """A small part may be wrong as a whole; what stops is a relation of which hardly any record could be split."""
    misfits = [part.misfits for part in parts if part.misfits]
    unreadable = sum(len(part.unreadable) for part in parts)
    if misfits and unreadable > 9 * sum(len(part.lines) for part in parts):
        raise SourceError(misfits[0])


def require_bounded(size: int, place: str) -> None:
    """Refuse what brings a relation to more bytes than are read of one.

    Raises
    ------
    SourceError
        When it does.
    """
    if size > LARGEST_BYTES:
        raise SourceError(
            f"{place} brings the relation to more than {LARGEST_BYTES:,} bytes, which are not read from files: load a "
            "bank of this size into a database (include.sources.database.load), which is read by night",
            place=place,
        )


def _read(unpacked: Unpacked, content: Content, relation: Relation, dialect: Dialect) -> FileRecords:
    is_parquet = unpacked.data.startswith(_PARQUET) or content.uri.lower().endswith(".parquet")
    reader = read_parquet if is_parquet else read_text
    given = [name for name in content.values if name in relation.schema.names]
    records = reader(unpacked.data, relation, dialect, content.uri, given)
    texts = {**{name: _repeated(content.values[name], len(records.lines)) for name in given}, **records.texts}
    return replace(records, texts=texts, notes=(*records.notes, *_cut_notes(unpacked, content)), uri=content.uri)


def _cut_notes(unpacked: Unpacked, content: Content) -> tuple[str, ...]:
    cut = f"{content.uri} is truncated: its packed data ends early; what could be unpacked was read"
    return (cut,) if unpacked.is_cut else ()


def _repeated(text: str, times: int) -> pa.Array:
    return pa.repeat(pa.scalar(text, TEXT), times)


def texts_of(parts: Sequence[FileRecords]) -> dict[str, pa.Array]:
    """Text of every column that any part holds, null in the parts that do not."""
    if len(parts) == 1:
        return parts[0].texts
    names = dict.fromkeys(name for part in parts for name in part.texts)
    return {name: pa.concat_arrays([_text(part, name) for part in parts]) for name in names}


def _text(part: FileRecords, name: str) -> pa.Array:
    return part.texts[name] if name in part.texts else pa.nulls(len(part.lines), TEXT)


def notes_of(parts: Sequence[FileRecords]) -> tuple[str, ...]:
    """Notes for people about the parts; of many similar notes only the first ones."""
    notes = list(dict.fromkeys(note for part in parts for note in part.notes))
    more = len(notes) - _MOST_NOTES
    return (*notes[:_MOST_NOTES], *([f"and {more} notes more on the other parts"] if more > 0 else []))


def lineage_of(parts: Sequence[FileRecords]) -> dict[str, pa.Array]:
    """Where each record comes from, and the record as it stands there."""
    return {
        "source_uri": pa.concat_arrays([_repeated(part.uri, len(part.lines)) for part in parts]),
        "source_line": pa.array(np.concatenate([part.lines for part in parts]), pa.int64()),
        "raw": parts[0].raw if len(parts) == 1 else pa.concat_arrays([part.raw for part in parts]),
    }


def unreadable_of(parts: Sequence[FileRecords], nights: pa.Array) -> pa.Table:
    """`UNREADABLE` of all parts, each record on the night of those near it.

    Parameters
    ----------
    nights
        The nights of the records that could be read, of all parts in their order.
    """
    return pa.concat_tables(_unreadable(part, own) for part, own in zip(parts, _shares(parts, nights), strict=True))


def _shares(parts: Sequence[FileRecords], nights: pa.Array) -> Iterator[FileRecords]:
    """Each part's own nights; where none of its records could be read, that of the record before it."""
    begin = 0
    for part in parts:
        size = len(part.lines)
        yield nights.slice(begin, size) if size else nights.slice(max(begin - 1, 0), 1)
        begin += size


def _unreadable(part: FileRecords, nights: pa.Array) -> pa.Table:
    lines = np.array([u.line + 1 for u in part.unreadable], np.int64)
    known = part.lines if len(part.lines) else np.zeros(len(nights), np.int64)
    columns = {
        "source_uri": _repeated(part.uri, len(lines)),
        "source_line": pa.array(lines, pa.int64()),
        "raw": pa.array([u.raw for u in part.unreadable], TEXT),
        "reason_codes": pa.array([u.code for u in part.unreadable], TEXT),
        "night": nights_between(known, nights, lines),
    }
    return pa.table([columns[name] for name in UNREADABLE.names], schema=UNREADABLE)
