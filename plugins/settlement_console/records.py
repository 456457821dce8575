"""The lake's published rows as a visitor may see them: the full tables, or the masked ones beside them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

from include.errors import LakeConflictError
from include.settings import Settings
from plugins.settlement_console.lake_reader import opened_lake

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds

    from include.lake import Lake
    from include.lake.tables import Table

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Records:
    """The published rows of one lake in one of two views.

    Attributes
    ----------
    lake
        The lake.
    is_masked
        Whether every table is read in its masked form; its rows then hold pseudonyms.
    """

    lake: Lake
    is_masked: bool

    @classmethod
    def open(cls, settings: Settings, *, sees_accounts: bool) -> Records | None:
        """The records of the installation's lake; None where there is no lake yet."""
        lake = opened_lake(settings)
        return None if lake is None else cls(lake, not sees_accounts)

    def table(
        self,
        name: str,
        first: date | None = None,
        last: date | None = None,
        columns: Iterable[str] | None = None,
        **wanted: object,
    ) -> pa.Table:
        """The rows of a table that have the wanted values.

        Parameters
        ----------
        name
            Name of the full table; the masked one beside it is read in the masked view.
        first, last
            First and last night, both included; without a bound where None.
        columns
            Names of the columns that are read, besides those of `wanted`; all that the table has when None. Columns
            that the view's table does not have are left out.
        **wanted
            Value by column, or a list of values of which a row has one.

        Raises
        ------
        LakeConflictError
            When the nights were published again while they were read.
        """
        declared = _declared(name, is_masked=self.is_masked)
        held = _held(declared, columns, wanted)
        return _read(declared, lambda: self.lake.read(declared, first, last, held, _condition(wanted)))

    def rows(
        self,
        name: str,
        first: date | None = None,
        last: date | None = None,
        columns: Iterable[str] | None = None,
        **wanted: object,
    ) -> list[dict[str, Any]]:
        """The same as dictionaries."""
        found: list[dict[str, Any]] = self.table(name, first, last, columns, **wanted).to_pylist()
        return found

    def rows_of(
        self, name: str, nights: Collection[date], columns: Iterable[str] | None = None, **wanted: object
    ) -> list[dict[str, Any]]:
        """The same of some nights alone, whose files are the only ones that are opened.

        Raises
        ------
        LakeConflictError
            As for `rows`.
        """
        if not nights:
            return []
        declared = _declared(name, is_masked=self.is_masked)
        held = _held(declared, columns, wanted)
        listing = self.lake.listing(declared, min(nights), max(nights))
        found: list[dict[str, Any]]
        found = _read(declared, lambda: listing.read(nights, held, _condition(wanted))).to_pylist()
        return found

    def newest(self) -> date | None:
        """The newest published night; None where there is none."""
        span = self.lake.span()
        return None if span is None else span[1]


def _declared(name: str, *, is_masked: bool) -> Table:
    from include.lake.tables import TABLES
    from include.marts import MART_TABLES, MASKED_MARTS
    from include.masking.tables import MASKED_TABLES

    return ({**MASKED_TABLES, **MASKED_MARTS} if is_masked else {**TABLES, **MART_TABLES})[name]


def _held(declared: Table, columns: Iterable[str] | None, wanted: Mapping[str, object]) -> list[str] | None:
    """The columns to read, of those that the table has."""
    asked = None if columns is None else dict.fromkeys([*columns, *wanted])
    return None if asked is None else [column for column in asked if column in declared.schema.names]


def _read(declared: Table, read: Callable[[], pa.Table]) -> pa.Table:
    try:
        return read()
    except FileNotFoundError as error:
        raise LakeConflictError(
            f"a file of {declared.name} was removed while it was read: load the page again", table=declared.name
        ) from error


def _condition(wanted: Mapping[str, object]) -> ds.Expression | None:
    import pyarrow.compute as pc

    if not wanted:
        return None
    return reduce(
        and_,
        (
            pc.field(column).isin(value) if isinstance(value, list) else pc.field(column) == value
            for column, value in wanted.items()
        ),
    )
