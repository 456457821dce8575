"""The masked table beside each published one: its declaration, and its rows, derived row by row."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.features.catalog import MODEL_FEATURES
from include.lake.tables import CORRECTION, RUN_KEY, TABLES, VERSION_COLUMN, Table, commented
from include.masking.columns import (
    AGE_BAND,
    BIRTH,
    CLOSED,
    DROPPED,
    HOMES,
    LINE_ID,
    LINES,
    PSEUDONYMS,
    RENAMED,
    require_rule,
)
from include.masking.keys import NameKeys, Namer
from include.masking.pseudonyms import Pseudonyms
from include.masking.rounding import rounded_cents, rounded_money
from include.relations import TEXT

SUFFIX = "_masked"
"""Ending of a masked table's name."""

MASKED_CORRECTION = pa.struct([field.with_type(TEXT) for field in CORRECTION])
"""A proposed correction, with a pseudonym for its posting."""

_OF_MONEY = frozenset(
    {
        *(f.name for f in MODEL_FEATURES if f.code in ("amount", "spending_limit", "balance")),
        "stranger_amount",
        "stranger_share",
    }
)
"""Features that are ratios of exact sums: several of them give the sums that rounding hides."""

_SHOWN = [
    commented("shown_district", TEXT, "home district where five clients share it, age band and gender; else null"),
    commented("shown_region", TEXT, "region where five clients share it, age band and gender; else null"),
]


def masked_name(name: str) -> str:
    """The name of the masked table beside a table.

    >>> masked_name("alerts")
    'alerts_masked'
    """
    return f"{name}{SUFFIX}"


def masked_of(table: Table, hidden: frozenset[str] = frozenset()) -> Table:
    """The declaration of the masked table beside a published one.

    Parameters
    ----------
    hidden
        Further columns that masked readers do not see, as they tell where somebody lives or was.

    Raises
    ------
    TerminalError
        When a column has no rule.
    """
    fields = [field for column in table.schema for field in _masked_fields(table.name, column, hidden)]
    added = [field for field in _SHOWN if table.name in (*HOMES, "fin_district")]
    version = commented(VERSION_COLUMN, pa.int32(), "version of the keys that made the row's pseudonyms")
    order = tuple(name for name in table.order_by if name in {field.name for field in fields})
    return Table(
        masked_name(table.name),
        pa.schema([*fields, *added, version]),
        table.night_column,
        order or (RUN_KEY.name,),
        f"{table.comment}, for those who may not see whom",
    )


def _masked_fields(table: str, column: pa.Field, hidden: frozenset[str]) -> list[pa.Field]:
    name, doc = column.name, (column.metadata or {}).get(b"doc", b"").decode()
    if name in hidden:
        return []
    require_rule(table, name, column.type)
    if name in RENAMED:
        return [commented(RENAMED[name], column.type, doc)]
    if name in DROPPED or (name == "district_id" and table != "fin_district"):
        return []
    if name in PSEUDONYMS:
        return [commented(name, TEXT, f"{doc}, as a pseudonym")]
    if name in LINES:
        return [commented(LINE_ID, TEXT, "file and line of the record, as a pseudonym")]
    if name == BIRTH:
        return [commented(AGE_BAND, TEXT, "age in years that is reached in the night's year, as 30-39")]
    return [commented(name, MASKED_CORRECTION if name == "correction" else column.type, doc)]


MASKED_TABLES: dict[str, Table] = {name: masked_of(table) for name, table in TABLES.items()}
"""The masked table beside each table of `TABLES`, by the name of the full one."""


@dataclass(frozen=True)
class Masker:
    """Derives masked rows in one version of the keys.

    Attributes
    ----------
    keys, version
        Keys of the lake, and the version to use.
    places
        Age band and shown home of each client (`PLACES_SCHEMA`), for the client and account relations.
    owners
        Owner of each account, by account.
    amount_step
        Step to which money is rounded, in the source's money; 0 for money as it is. With a step, sentences, features
        of money and values of corrections are left out, as they tell the amounts.
    pseudonyms
        Names that were given so far, by the kind of identifier.
    """

    keys: NameKeys
    version: int
    places: Mapping[int, Mapping[str, Any]]
    owners: Mapping[int, int]
    amount_step: int = 0
    pseudonyms: dict[str, Pseudonyms] = field(default_factory=dict, repr=False, compare=False)

    def masked(self, table: Table, full: pa.Table, into: Table) -> pa.Table:
        """The masked rows of a published table, without `run_key`, which the lake adds.

        They are sorted by their pseudonyms: in the source's order a row's place would tell whose it is.

        Parameters
        ----------
        table, full
            Published table, and its rows.
        into
            Declaration of the masked table, as `masked_of` gives it.
        """
        rows = self._with_homes(table.name, full)
        wanted = [field for field in into.schema if field.name != RUN_KEY.name]
        columns = [self._column(field, rows, table.name).cast(field.type) for field in wanted]
        found = pa.table(columns, schema=pa.schema(wanted))
        named = [field.name for field in wanted if field.name in PSEUDONYMS or field.name == LINE_ID]
        return found.sort_by([(name, "ascending") for name in named]) if named else found

    def _column(self, field: pa.Field, rows: pa.Table, table: str) -> pa.ChunkedArray:
        name, rows_count = field.name, rows.num_rows
        if name == VERSION_COLUMN:
            return pa.chunked_array([pa.repeat(pa.scalar(self.version, pa.int32()), rows_count)])
        if name in PSEUDONYMS:
            return self._pseudonyms(name, rows[name])
        if name == LINE_ID:
            return self._lines(rows)
        if name in CLOSED:
            return _known(rows[name], CLOSED[name])
        if name == "correction":
            return self._corrections(rows[name])
        origin = next((full for full, shown in RENAMED.items() if shown == name and full in rows.column_names), name)
        return self._shown(name, rows[origin], is_sentence=origin in RENAMED)

    def _shown(self, name: str, column: pa.ChunkedArray, *, is_sentence: bool) -> pa.ChunkedArray:
        if not self.amount_step:
            return column
        if is_sentence or name in _OF_MONEY:
            return pa.chunked_array([pa.nulls(len(column), column.type)])
        if name.endswith("_cents"):
            return rounded_cents(column, self.amount_step * 100)
        return rounded_money(column, self.amount_step) if pa.types.is_decimal(column.type) else column

    def _pseudonyms(self, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
        purpose = PSEUDONYMS[name]
        if purpose not in self.pseudonyms:
            self.pseudonyms[purpose] = Pseudonyms(self.keys.namer(purpose, self.version).name)
        return self.pseudonyms[purpose].of(column)

    def _lines(self, rows: pa.Table) -> pa.ChunkedArray:
        line = next(name for name in LINES if name in rows.column_names)
        places = pc.binary_join_element_wise(rows["source_uri"], rows[line].cast(TEXT), ":")
        return Pseudonyms(self.keys.namer("source line", self.version).name).of(places)

    def _corrections(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        namer = self.keys.namer("transaction", self.version)
        return pa.chunked_array(
            [pa.array([self._correction(value, namer) for value in column.to_pylist()], MASKED_CORRECTION)]
        )

    def _correction(self, value: Mapping[str, Any] | None, namer: Namer) -> dict[str, Any] | None:
        """A proposed correction with a pseudonym; without its value, which may be an amount, where money is rounded."""
        if value is None:
            return None
        posting = value["trans_id"]
        told = {**value, "trans_id": None if posting is None else namer.name(str(posting))}
        return {**told, "value": None} if self.amount_step else told

    def _with_homes(self, table: str, rows: pa.Table) -> pa.Table:
        """The rows with age band and shown home, for the relations whose district is a person's home or tells it."""
        if table not in (*HOMES, "fin_district"):
            return rows
        if table == "fin_district":
            found = [self._of_district(name) for name in rows["district_name"].to_pylist()]
        else:
            clients = rows["client_id"].to_pylist() if table == "fin_client" else self._owners_of(rows)
            found = [self.places.get(client, {}) if client is not None else {} for client in clients]
        for name in (AGE_BAND, "shown_district", "shown_region"):
            rows = rows.append_column(name, pa.array([place.get(name) for place in found], TEXT))
        return rows

    def _owners_of(self, accounts: pa.Table) -> list[int | None]:
        return [self.owners.get(account) for account in accounts["account_id"].to_pylist()]

    def _of_district(self, name: str | None) -> Mapping[str, Any]:
        """A district's name and region, where they are shown with some client."""
        return self._shown_districts.get(name, {})

    @cached_property
    def _shown_districts(self) -> Mapping[str | None, Mapping[str, Any]]:
        return {
            place["shown_district"]: {**place, AGE_BAND: None}
            for place in self.places.values()
            if place["shown_district"] is not None
        }


def _known(column: pa.ChunkedArray, values: Collection[str]) -> pa.ChunkedArray:
    """The column without values that are not known."""
    is_known = pc.is_in(column, value_set=pa.array(values, TEXT))
    return pc.if_else(is_known, column, pa.scalar(None, column.type))
