"""What an extract holds: the marts, as masked readers see them or in full, and their rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Self

import pyarrow as pa

from include.errors import ExtractError, TerminalError
from include.lake import Lake, Table
from include.lake.listing import Listing, NightFiles
from include.lake.tables import RUN_KEY, VERSION_COLUMN
from include.marts import MART_TABLES, MASKED_MARTS
from include.publish.digest import combined_digest
from include.tableau.hyper_file import TableRows

FINDINGS, NIGHTS, DISTRICT_MONTHS = "mart_findings", "mart_nights", "mart_district_months"
MARTS = (
    FINDINGS,
    NIGHTS,
    "mart_account_days",
    DISTRICT_MONTHS,
    "mart_model_performance",
    "mart_money_days",
)
"""The marts of an extract. The features of each posting are not among them: they are for looking up, in the lake."""

# Which run and key wrote a row is the lake's own business; an extract holds what readers see.
_BOOKKEEPING = (RUN_KEY.name, VERSION_COLUMN)
# Version 2 of Hyper's files, which pantab writes, holds numbers of up to as many digits.
_MOST_DIGITS = 18
# Rows that are in memory at once, unless a night has more.
_ROWS_AT_ONCE = 100_000

Runs = Mapping[date, str]
"""Key of the published run of each night."""
Schemas = Mapping[str, pa.Schema]
"""Columns of an extract's tables, by the table's name."""


def table_of(mart: str, *, is_masked: bool) -> Table:
    """The table of a mart that readers of one kind see.

    Masked readers see the masked table of every mart, also of those that are about no one: where money is rounded for
    them, an exact sum would tell what the rounding hides.
    """
    return (MASKED_MARTS if is_masked else MART_TABLES)[mart]


def table_names(*, is_masked: bool) -> tuple[str, ...]:
    """Names of the tables of an extract."""
    return tuple(table_of(mart, is_masked=is_masked).name for mart in MARTS)


def nights_with_marts(lake: Lake, *, is_masked: bool) -> dict[date, str]:
    """Published nights that have marts, in order, each with the key of its run."""
    listing = lake.listing(table_of(NIGHTS, is_masked=is_masked))
    return {night: files.run_key for night, files in listing.nights.items()}


@dataclass(frozen=True)
class Contents:
    """What an extract may hold: the rows of some nights, which are read a few nights at a time.

    Attributes
    ----------
    listings
        Files of each table, by its name; taken at one moment, so that the tables belong together.
    """

    listings: Mapping[str, Listing]

    @classmethod
    def of(cls, lake: Lake, runs: Runs, *, is_masked: bool) -> Self:
        """What readers of one kind see of some nights; no row is read.

        Parameters
        ----------
        lake
            Lake that holds the marts.
        runs
            Nights that are wanted, and the published run of each.
        is_masked
            Whether masked readers are to see the rows.

        Raises
        ------
        ExtractError
            When a night was published again or the key of the pseudonyms rotated meanwhile, so that the tables would
            not belong together.
        TerminalError
            When a table has a column that an extract cannot hold.
        """
        version = lake.key_version()
        tables = [table_of(mart, is_masked=is_masked) for mart in MARTS]
        found = cls({table.name: lake.listing(table, min(runs), max(runs)) for table in tables})
        if lake.key_version() != version:
            raise ExtractError(
                f"the key of the pseudonyms was rotated from version {version} while the marts were listed, so that "
                "their pseudonyms would differ: write the extracts again"
            )
        for name, listing in found.listings.items():
            _require_runs(name, listing, runs)
            require_plain(name, found.schemas[name])
        return found

    @property
    def schemas(self) -> Schemas:
        """Columns of the tables as an extract has them."""
        return {name: _shown(listing.schema) for name, listing in self.listings.items()}

    def row_counts(self, nights: Iterable[date]) -> dict[str, int]:
        """Number of rows of some nights, by table, as the lake's metadata gives it."""
        wanted = list(nights)
        return {
            name: sum(files.row_count for files in _files(listing, wanted)) for name, listing in self.listings.items()
        }

    def digest(self, nights: Iterable[date]) -> str:
        """Hex digest by which an extract that no longer holds what readers see is found.

        It is taken over columns and names of files, which never change. A night's files may change without another
        run: by a review, a rotation of the key, an erasure.
        """
        wanted = list(nights)
        return combined_digest(
            json.dumps([name, self.schemas[name].names, [files.names for files in _files(listing, wanted)]])
            for name, listing in self.listings.items()
        )

    def rows(self, nights: Iterable[date]) -> dict[str, TableRows]:
        """The rows of some nights, by table, which can be read once."""
        wanted = list(nights)
        counts, schemas = self.row_counts(wanted), self.schemas
        return {
            name: TableRows(schemas[name], counts[name], _batches(name, listing, wanted, schemas[name]))
            for name, listing in self.listings.items()
        }


def _shown(schema: pa.Schema) -> pa.Schema:
    return pa.schema([field for field in schema if field.name not in _BOOKKEEPING])


def _files(listing: Listing, nights: Iterable[date]) -> list[NightFiles]:
    return [listing.nights[night] for night in nights if night in listing.nights]


def _batches(name: str, listing: Listing, nights: list[date], shown: pa.Schema) -> Iterator[pa.RecordBatch]:
    for group in _groups(listing, nights):
        try:
            rows = listing.read(group)
        except OSError as error:
            raise ExtractError(
                f"rows of {name} could not be read ({error}): a night was published again or its rows were erased "
                "meanwhile, or the lake does not answer; write the extracts again (python -m include extract)",
                table=name,
            ) from error
        yield from rows.select(shown.names).cast(shown).to_batches()


def _groups(listing: Listing, nights: list[date]) -> Iterator[list[date]]:
    """Nights that are read at once: together they have few rows, unless one alone has many."""
    group: list[date] = []
    row_count = 0
    for night in nights:
        coming = sum(files.row_count for files in _files(listing, [night]))
        if group and row_count + coming > _ROWS_AT_ONCE:
            yield group
            group, row_count = [], 0
        group.append(night)
        row_count += coming
    if group:
        yield group


def _require_runs(name: str, listing: Listing, runs: Runs) -> None:
    held = listing.nights
    again = [str(night) for night, run_key in runs.items() if night in held and held[night].run_key != run_key]
    if again:
        raise ExtractError(
            f"{', '.join(again)} was published again while {name} was listed, so that the extract's tables would not "
            "belong together: write the extracts again",
            table=name,
        )


def require_plain(name: str, schema: pa.Schema) -> None:
    """Refuse columns that Hyper has no type for.

    Raises
    ------
    TerminalError
        Naming every such column.
    """
    unfit = [f"{field.name} ({field.type})" for field in schema if not _is_plain(field.type)]
    if unfit:
        raise TerminalError(
            f"the table {name} has columns that a Tableau extract cannot hold: {', '.join(unfit)}; allowed are texts, "
            f"whole numbers, doubles, decimals of up to {_MOST_DIGITS} digits, dates, times and truth values",
            table=name,
        )


def _is_plain(kind: pa.DataType) -> bool:
    if pa.types.is_decimal(kind):
        return bool(kind.precision <= _MOST_DIGITS)
    kinds = (
        pa.types.is_string,
        pa.types.is_signed_integer,
        pa.types.is_float64,
        pa.types.is_boolean,
        pa.types.is_date32,
        pa.types.is_timestamp,
    )
    return any(is_kind(kind) for is_kind in kinds)
