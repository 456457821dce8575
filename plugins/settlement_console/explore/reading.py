"""What the page reads of the lake, within bounds that it tells: masked tables, and full ones for who may see whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from include.lake import Lake, Table


@dataclass(frozen=True)
class Bounded:
    """Rows of the newest nights of a span, as many as may be read.

    Attributes
    ----------
    rows
        The rows.
    nights
        Nights that were read, oldest first.
    left_out
        Number of published nights of the span that were not read.
    is_cut
        Whether the one night that was read has more rows than may be read.
    """

    rows: pa.Table
    nights: Sequence[date]
    left_out: int
    is_cut: bool


@dataclass(frozen=True)
class Reader:
    """Reads a lake for one visitor.

    Attributes
    ----------
    lake
        The lake.
    sees_accounts
        Whether the visitor may see whom a finding is about; others get the masked tables.
    """

    lake: Lake
    sees_accounts: bool

    @property
    def district(self) -> str:
        """Column with the name of the district that the visitor sees of an account's owner."""
        return "district_name" if self.sees_accounts else "shown_district"

    def mart(self, name: str) -> Table:
        """The mart of a name, masked unless the visitor sees whom it is about."""
        from include.marts import MART_TABLES, MASKED_MARTS

        return (MART_TABLES if self.sees_accounts else MASKED_MARTS)[name]

    def table(self, name: str) -> Table:
        """The published table of a name, masked unless the visitor sees whom it is about."""
        from include.lake.tables import TABLES
        from include.masking.tables import MASKED_TABLES

        return (TABLES if self.sees_accounts else MASKED_TABLES)[name]

    def bounded(self, table: Table, first: date, last: date, columns: Iterable[str], most_rows: int) -> Bounded:
        """The rows of the newest nights from `first` to `last` that have no more than `most_rows` together."""
        listing = self.lake.listing(table, first, last)
        nights = listing.fitting(most_rows)
        there = sum(listing.nights[night].row_count for night in nights)
        rows = listing.read(nights, columns, most_rows=most_rows if there > most_rows else None)
        return Bounded(rows, nights, len(listing.nights) - len(nights), there > most_rows)

    def of_nights(self, table: Table, nights: Sequence[date], columns: Iterable[str], most_rows: int) -> pa.Table:
        """The rows of some nights, at most so many."""
        if not nights:
            return self.lake.read(table, date.max, date.max, columns)
        return self.lake.listing(table, nights[0], nights[-1]).read(nights, columns, most_rows=most_rows)
