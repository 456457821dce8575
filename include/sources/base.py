"""The interface of every source: typed records with their origin, unreadable records, and control totals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import TracebackType
from typing import Protocol, Self

import pyarrow as pa

from include.relations import Relation

LINEAGE = pa.schema(
    [
        pa.field("source_uri", pa.string()),  # the file, or the database's table without credentials
        pa.field(
            "source_line", pa.int64()
        ),  # line the record starts on, from 1 (the header counts); null in a database
        pa.field("raw", pa.string()),  # the record as the source gave it; JSON for a database row
        pa.field(
            "reader_codes", pa.string()
        ),  # comma-joined reason codes of what could not be typed; null when all could
        pa.field("night", pa.date32()),  # transactions: the settlement date the record is counted on; null elsewhere
    ]
)
"""Columns that follow a relation's own in `Extract.rows`."""

UNREADABLE = pa.schema(
    [
        pa.field("source_uri", pa.string()),
        pa.field("source_line", pa.int64()),
        pa.field("raw", pa.string()),
        pa.field("reason_codes", pa.string()),
        pa.field("night", pa.date32()),
    ]
)
"""Records that could not even be split into the relation's columns: torn, too few or too many fields."""


@dataclass(frozen=True)
class Extract:
    """One relation, or its records of one night, as read.

    Attributes
    ----------
    relation
        Relation that was read.
    rows
        Records with the relation's schema followed by `LINEAGE`; a value that could not be typed is null and named in
        `reader_codes`. Optional columns that the source lacks are all null and listed in `absent_columns`.
    unreadable
        Records that could not be split (`UNREADABLE`).
    notes
        Sentences for people: "trans.asc ends inside an open quote on line 37345".
    explanations
        Explanation of each reason code for people: column, form of the values, allowed values and remedy.
    """

    relation: Relation
    rows: pa.Table
    unreadable: pa.Table
    notes: tuple[str, ...] = ()
    absent_columns: frozenset[str] = field(default_factory=frozenset)
    explanations: Mapping[str, str] = field(default_factory=dict)

    @property
    def offered(self) -> int:
        """The number of records that the source offered, readable or not."""
        return int(self.rows.num_rows + self.unreadable.num_rows)


TOTALS = pa.schema(
    [
        pa.field("settlement_date", pa.date32()),
        pa.field("row_count", pa.int64()),
        pa.field("amount_cents", pa.int64()),
        pa.field("digest", pa.string()),  # changes when any record of the day does; comparable within one source only
    ]
)
"""Control totals of the transactions, one row per settlement date that has any."""


class Source(Protocol):
    """One bank, seen at one moment: all calls between `__enter__` and `__exit__` see the same snapshot."""

    uri: str
    """The URI without credentials."""

    @property
    def holidays(self) -> str | None:
        """Code of the calendar of bank holidays, such as `CZ`; None where the address declares none."""

    @property
    def rounding_cents(self) -> int:
        """The source's rounding in cents: declared, else the dialect's, else one unit of its last money digit."""

    def static(self, name: str) -> Extract | None:
        """The snapshot of one static relation, or None when the source has none of it."""

    def night(self, night: date) -> Extract:
        """The transactions counted on one settlement date (an empty extract when there are none)."""

    def history(self, before: date, since: date | None = None) -> Extract:
        """All transactions counted on dates in [since, before), in any order."""

    def totals(self, before: date) -> pa.Table:
        """`TOTALS` of every settlement date before `before`."""

    def span(self) -> tuple[date, date] | None:
        """First and last settlement date, or None when there are no transactions."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
