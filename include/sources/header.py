"""Maps the fields of a file to columns: by the header's names, or by position where there is no header."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from include.errors import SourceError
from include.relations import Column, Relation
from include.sources.dialects import Dialect, likely_delimiter


@dataclass(frozen=True)
class Layout:
    """The positions of a relation's columns in a file.

    Attributes
    ----------
    positions
        Position of each column's field, by canonical column name.
    width
        Number of fields of a complete record.
    notes
        Sentences for people about the header.
    """

    positions: dict[str, int]
    width: int
    notes: tuple[str, ...] = ()


def layout_of_header(
    names: Sequence[str], relation: Relation, dialect: Dialect, file: str, given: Collection[str] = ()
) -> Layout:
    """Match a header's names, in any order and letter case, to the relation's columns.

    Columns that the relation does not know are ignored with a note.

    Parameters
    ----------
    given
        Columns that the file need not have, since the names of its folders hold them.

    Raises
    ------
    SourceError
        When a required column is missing, renamed or given twice.
    """
    found = [name.strip().lower() for name in names]
    columns = dialect.columns(relation)
    known = {dialect.header_name(c).lower() for c in columns}
    _refuse_doubled([name for name in found if name in known], names, relation, file)
    needed = [c for c in columns if not c.optional and c.name not in given]
    missing = [c for c in needed if dialect.header_name(c).lower() not in found]
    extra = [name for name, low in zip(names, found, strict=True) if low not in known]
    if missing:
        raise SourceError(
            _missing_columns(missing, extra, names, relation, dialect, file), place=file, relation=relation.name
        )
    positions = {c.name: found.index(dialect.header_name(c).lower()) for c in columns if _held(c, dialect, found)}
    return Layout(positions, len(names), _extra_note(extra, relation, file))


def layout_without_header(width: int, relation: Relation, dialect: Dialect, given: Collection[str] = ()) -> Layout:
    """The relation's columns by position, without the given ones; `width` says how many optional ones follow."""
    columns = _columns(relation, dialect, given)[:width]
    return Layout({c.name: i for i, c in enumerate(columns)}, width)


def allowed_widths(relation: Relation, dialect: Dialect, given: Collection[str] = ()) -> tuple[int, ...]:
    """The allowed numbers of fields in a file without header; optional columns may be left out at the end."""
    columns = _columns(relation, dialect, given)
    return tuple(range(sum(not c.optional for c in columns), len(columns) + 1))


def _columns(relation: Relation, dialect: Dialect, given: Collection[str]) -> list[Column]:
    return [column for column in dialect.columns(relation) if column.name not in given]


def is_header(names: Sequence[str], relation: Relation, dialect: Dialect) -> bool:
    """Whether a first record names the relation's key instead of holding one."""
    return dialect.header_name(relation.column(relation.key)).lower() in [name.strip().lower() for name in names]


def shown_delimiter(delimiter: str) -> str:
    """The delimiter as a message shows it."""
    return {"\t": "a tab", "": "no usual delimiter"}.get(delimiter, f"{delimiter!r}")


def _held(column: Column, dialect: Dialect, found: Sequence[str]) -> bool:
    return dialect.header_name(column).lower() in found


def _refuse_doubled(found: Sequence[str], names: Sequence[str], relation: Relation, file: str) -> None:
    doubled = sorted(name for name, times in Counter(found).items() if times > 1)
    if doubled:
        raise SourceError(
            f"{file} ({relation.name}): the header names {', '.join(doubled)} twice ({', '.join(names)}): keep one",
            place=file,
            relation=relation.name,
        )


def _extra_note(extra: Sequence[str], relation: Relation, file: str) -> tuple[str, ...]:
    if not extra:
        return ()
    return (f"{file}: columns that {relation.name} does not have are ignored: {', '.join(map(repr, extra))}",)


def _missing_columns(
    missing: Sequence[Column],
    extra: Sequence[str],
    names: Sequence[str],
    relation: Relation,
    dialect: Dialect,
    file: str,
) -> str:
    wanted = [dialect.header_name(c) for c in missing]
    message = f"{file} ({relation.name}) lacks the columns {', '.join(wanted)}. {_found(names, relation, dialect)}. "
    expected = ", ".join(dialect.header_name(c) for c in dialect.columns(relation) if not c.optional)
    return message + f"Expected {expected}. " + _remedy(wanted, extra, names, dialect)


def _found(names: Sequence[str], relation: Relation, dialect: Dialect) -> str:
    """The header as it stands; a first record that names no column is a customer's, which no message may quote."""
    written = " ".join(names).lower()
    if any(dialect.header_name(column).lower() in written for column in dialect.columns(relation)):
        return f"Found {', '.join(map(repr, names))}"
    return f"Its first record, of {len(names)} fields, names none of them: the header may be missing"


def _remedy(wanted: Sequence[str], extra: Sequence[str], names: Sequence[str], dialect: Dialect) -> str:
    delimiter = likely_delimiter(names[0]) if len(names) == 1 else dialect.delimiter
    if delimiter not in ("", dialect.delimiter):
        return (
            f"The file seems to be delimited by {shown_delimiter(delimiter)}, the {dialect.name} dialect is by "
            f"{shown_delimiter(dialect.delimiter)}: export it with that delimiter"
        )
    close = {name: difflib.get_close_matches(name, list(extra), n=1) for name in wanted}
    renamed = [f"{hits[0]!r} to {name!r}" for name, hits in close.items() if hits]
    if renamed:
        return f"Was it renamed? Rename {', '.join(renamed)}"
    return "Export the relation with a header and all of its columns"
