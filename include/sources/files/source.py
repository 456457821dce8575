"""A source of files: a folder or object prefix with the bank's relations in one of the three dialects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from include.errors import SourceError
from include.relations import (
    DATE,
    FIN_ACCOUNT,
    FIN_CLIENT,
    FIN_DISPOSITION,
    FIN_TRANSACTION,
    RELATIONS,
    STATIC_RELATIONS,
    Relation,
)
from include.sources.address import NOTHING_DECLARED, Declared
from include.sources.base import LINEAGE, Extract
from include.sources.births import openings, place_births
from include.sources.counting import (
    OTHER_DATE,
    add_code,
    last_digit_cents,
    money_digits,
    nights_of,
    on_other_dates,
    repeated_keys,
    totals,
)
from include.sources.dialects import PKDD, Dialect
from include.sources.files.entries import FILE, Entry
from include.sources.files.folder import Folder
from include.sources.files.parts import Content, lineage_of, notes_of, read_parts, texts_of, unreadable_of
from include.sources.files.recognition import Part, Recognised, parts_of, recognise
from include.sources.forms import form_of
from include.sources.text.reading import FileRecords
from include.sources.text.records import MENDS
from include.sources.values import type_columns
from include.sources.zones import require_zone


class FileSource:
    """The bank's relations as files.

    Each file is read once, at its first use within `with`; all of them must still be what they were when the `with`
    began, else the read raises `SourceChangedError`.

    Attributes
    ----------
    uri
        The folder's address.
    """

    def __init__(self, folder: Folder, declared: Declared = NOTHING_DECLARED) -> None:
        self.uri = folder.uri
        self._folder = folder
        self._declared = declared
        self._extracts: dict[str, Extract] = {}
        self._take_stock()

    def _take_stock(self) -> None:
        entries = self._folder.entries()
        self._recognised: Recognised = recognise(entries, self.uri)
        self._dialect = self._recognised.dialect.in_zone(self._declared.zone)
        self._parts = {name: self._parts_in(name, entries[file]) for name, file in self._recognised.files.items()}
        self._extracts.clear()
        self._last_digit_cents: int | None = None

    def _parts_in(self, relation: str, entry: Entry) -> list[Part]:
        if entry.kind == FILE:
            return [Part(entry, {})]
        return parts_of(RELATIONS[relation], entry.name, self._folder.entries_below(entry.name), self.uri)

    @property
    def rounding_cents(self) -> int:
        """Declared by the address, else the dialect's, else one unit of the last money digit of all transactions."""
        known = self._declared.rounding_cents or self._dialect.rounding_cents or self._last_digit_cents
        if known is None:
            rows = self._extract(FIN_TRANSACTION).rows
            known = self._last_digit_cents = last_digit_cents(*money_digits(rows))
        return known

    @property
    def holidays(self) -> str | None:
        """Code of the calendar of bank holidays that the address declares."""
        return self._declared.holidays

    def static(self, name: str) -> Extract | None:
        """The snapshot of one static relation, or None when the folder has no file of it."""
        if name not in STATIC_RELATIONS:
            raise KeyError(f"{name!r} is not a static relation: choose one of {', '.join(STATIC_RELATIONS)}")
        return self._extract(RELATIONS[name]) if name in self._recognised.files else None

    def night(self, night: date) -> Extract:
        """The transactions counted on one settlement date."""
        return self._filtered(pc.field("night") == pa.scalar(night, DATE))

    def history(self, before: date, since: date | None = None) -> Extract:
        """All transactions counted on dates in [since, before)."""
        bound = pc.field("night") < pa.scalar(before, DATE)
        return self._filtered(bound if since is None else bound & (pc.field("night") >= pa.scalar(since, DATE)))

    def totals(self, before: date) -> pa.Table:
        """`TOTALS` of every settlement date before `before`."""
        whole = self._extract(FIN_TRANSACTION)
        return totals(whole.rows, whole.unreadable, before)

    def span(self) -> tuple[date, date] | None:
        """First and last settlement date, or None when there are no transactions."""
        bounds = pc.min_max(self._extract(FIN_TRANSACTION).rows["night"]).as_py()
        return None if bounds["min"] is None else (bounds["min"], bounds["max"])

    def __enter__(self) -> Self:
        self._take_stock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._extracts.clear()

    def _filtered(self, condition: pc.Expression) -> Extract:
        whole = self._extract(FIN_TRANSACTION)
        rows, unreadable = whole.rows.filter(condition), whole.unreadable.filter(condition)
        return replace(whole, rows=rows, unreadable=unreadable)

    def _extract(self, relation: Relation) -> Extract:
        if relation.name not in self._extracts:
            file = self._folder.file_uri(self._recognised.files[relation.name])
            parts = read_parts(self._contents(relation), relation, self._dialect, file)
            extract = _typed(parts, relation, self._dialect, file)
            if relation is FIN_CLIENT and self._dialect.name == PKDD.name:
                extract = place_births(extract, texts_of(parts)["birth_date"], self._openings())
            left_out = self._recognised.notes if relation is FIN_TRANSACTION else ()
            self._extracts[relation.name] = replace(extract, notes=(*extract.notes, *left_out))
        return self._extracts[relation.name]

    def _openings(self) -> dict[int | None, date]:
        return openings(self._extract(FIN_DISPOSITION), self._extract(FIN_ACCOUNT))

    def _contents(self, relation: Relation) -> Iterator[Content]:
        for part in self._parts[relation.name]:
            name, stamp = part.entry.name, part.entry.stamp
            yield Content(self._folder.read(name, stamp), self._folder.file_uri(name), part.values)


def read_relation(data: bytes, relation: Relation, dialect: Dialect, file_uri: str) -> Extract:
    """One relation out of the bytes of its file.

    Raises
    ------
    SourceError
        When the file as a whole is not what it should be; see `read_text` and `read_parquet`. For transactions also
        when no record has a date that can be read, so that none could be counted on a night.
    """
    return _typed(read_parts([Content(data, file_uri)], relation, dialect, file_uri), relation, dialect, file_uri)


def _typed(parts: Sequence[FileRecords], relation: Relation, dialect: Dialect, file_uri: str) -> Extract:
    texts = texts_of(parts)
    require_zone(relation, dialect, texts, file_uri)
    typed, codes, remarks = type_columns(relation, dialect, texts)
    nights = pa.nulls(typed.num_rows, DATE)
    told = {**MENDS, **remarks.explanations(relation, dialect)}
    if relation is FIN_TRANSACTION:
        nights = _counted_nights(typed, texts, sum(len(part.unreadable) for part in parts), dialect, file_uri)
        repeated = on_other_dates(typed[relation.key].combine_chunks(), nights)
        codes = add_code(codes, repeated, OTHER_DATE)
        told |= repeated_keys(nights.filter(repeated))
    rows = _with_lineage(typed, {**lineage_of(parts), "reader_codes": codes, "night": nights})
    absent = _optional(relation, frozenset(relation.schema.names) - set(texts))
    notes = (*notes_of(parts), *remarks.notes(file_uri))
    return Extract(relation, rows, unreadable_of(parts, nights), notes, absent, told)


def _optional(relation: Relation, names: frozenset[str]) -> frozenset[str]:
    return frozenset(name for name in names if relation.column(name).optional)


def _counted_nights(
    typed: pa.Table, texts: Mapping[str, pa.Array], unreadable: int, dialect: Dialect, file_uri: str
) -> pa.Array:
    dates = typed[FIN_TRANSACTION.valid_from].combine_chunks()
    offered = typed.num_rows + unreadable
    if offered and dates.null_count == len(dates):
        first = texts[FIN_TRANSACTION.valid_from].slice(0, 3).to_pylist()
        found = f" (found the form {', '.join(repr(form_of(text)) for text in first)})" if first else ""
        raise SourceError(
            f"{file_uri} ({FIN_TRANSACTION.name}): none of its {offered} records has a settlement date that can be "
            f"read{found}, so that no night could count them. Deliver it whole, with dates as {dialect.date_form}",
            place=file_uri,
            relation=FIN_TRANSACTION.name,
        )
    return nights_of(dates)


def _with_lineage(typed: pa.Table, lineage: Mapping[str, pa.Array]) -> pa.Table:
    columns = [*typed.columns, *(lineage[name] for name in LINEAGE.names)]
    return pa.Table.from_arrays(columns, schema=pa.schema([*typed.schema, *LINEAGE]))
