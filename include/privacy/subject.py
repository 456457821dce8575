"""The client that a request is about: the numbers by which the bank's records name them and what is theirs alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from include.lake import Lake
from include.lake.data_files import data_files, read_paths
from include.lake.erasing import older_files, read_older
from include.lake.iceberg_catalog import arrow_schema
from include.lake.tables import TABLES
from include.relations import FIN_TRANSACTION

IDENTIFIERS = ("client_id", "disp_id", "card_id", "account_id", "order_id", "loan_id", "trans_id")
"""Columns that name something of a client's, in every table of the lake."""
NAMES = ("finding_id", "line")
"""What joins rows that name no number to those that do: the id of a finding, and file and line of a record."""
_LEFT = "left"
_OWNER = "O"
_DAY_OF = {
    FIN_TRANSACTION.name: "trans_date",
    "state_lookback": "trans_date",
    "anomaly_scores": "settlement_date",
    "settlement_breaks": "settlement_date",
    "alerts": "settlement_date",
    "transaction_features": "settlement_date",
    "mart_findings": "settlement_date",
}
"""The day of a posting in each table that says which account it is of: retention may have removed it from some."""


@dataclass(frozen=True)
class Subject:
    """The client and everything that belongs to nobody else.

    Attributes
    ----------
    numbers
        Numbers to be erased, by the column that holds them. Accounts are those that no other client may use, and
        orders, loans and postings are those of these accounts.
    shared
        Accounts that another client may use too; they stay with that client.
    left
        Those of them that the client owned, whose rows described the client.
    names
        `NAMES` of rows that are the client's, by kind.
    """

    numbers: Mapping[str, frozenset[int]]
    shared: frozenset[int] = frozenset()
    left: frozenset[int] = frozenset()
    names: Mapping[str, frozenset[str]] = field(default_factory=lambda: dict.fromkeys(NAMES, frozenset[str]()))

    @classmethod
    def find(cls, lake: Lake, client: int) -> Self | None:
        """The client as any version of the bank's relations in the lake knows them; None where none does."""
        rights = _rows(lake, "fin_disposition", ("disp_id", "account_id", "disp_type"), "client_id", {client})
        if not rights.num_rows and not _rows(lake, "fin_client", ("client_id",), "client_id", {client}).num_rows:
            return None
        used, dispositions = _numbers(rights, "account_id"), _numbers(rights, "disp_id")
        users = _rows(lake, "fin_disposition", ("client_id", "account_id"), "account_id", used)
        shared = _numbers(users.filter(pc.not_equal(users["client_id"], client)), "account_id")
        owned = _numbers(rights.filter(pc.equal(rights["disp_type"], _OWNER)), "account_id")
        return cls(_numbers_of(lake, client, dispositions, used - shared), shared, shared & owned)

    @classmethod
    def of_returned(cls, lake: Lake, numbers: Mapping[str, frozenset[int]]) -> Self:
        """The client who was erased, by those of their numbers that a night that was played again has brought back.

        An older night brings postings back and leaves the relations as the newest night took them in, so that none of
        them says whose the postings are.
        """
        accounts = numbers["account_id"]
        return cls({**numbers, "trans_id": _postings_of(lake, accounts)})

    @property
    def accounts(self) -> frozenset[int]:
        """Accounts that are the client's alone."""
        return self.numbers["account_id"]

    @property
    def used(self) -> frozenset[int]:
        """Accounts that the client may use, alone or with others."""
        return self.accounts | self.shared

    @classmethod
    def of_pending(cls, pending: Mapping[str, Sequence[Any]]) -> Self:
        """The subject of an unfinished erasure, as `as_pending` gave it."""
        numbers = {name: frozenset(pending[name]) for name in IDENTIFIERS}
        return cls(numbers, left=frozenset(pending[_LEFT]), names={name: frozenset(pending[name]) for name in NAMES})

    def as_pending(self) -> dict[str, list[Any]]:
        """The subject as JSON has it."""
        sets: dict[str, frozenset[Any]] = {**self.numbers, **self.names, _LEFT: self.left}
        return {name: sorted(found) for name, found in sets.items()}


def _numbers_of(
    lake: Lake, client: int, dispositions: frozenset[int], accounts: frozenset[int]
) -> dict[str, frozenset[int]]:
    def belonging(table: str, column: str, to: str, numbers: frozenset[int]) -> frozenset[int]:
        return _numbers(_rows(lake, table, (column,), to, numbers), column)

    return {
        "client_id": frozenset({client}),
        "disp_id": dispositions,
        "card_id": belonging("fin_card", "card_id", "disp_id", dispositions),
        "account_id": accounts,
        "order_id": belonging("fin_order", "order_id", "account_id", accounts),
        "loan_id": belonging("fin_loan", "loan_id", "account_id", accounts),
        "trans_id": _postings_of(lake, accounts),
    }


def _postings_of(lake: Lake, accounts: Collection[int]) -> frozenset[int]:
    found = (_numbers(_rows(lake, table, ("trans_id",), "account_id", accounts), "trans_id") for table in _DAY_OF)
    return frozenset[int]().union(*found)


def posting_days(lake: Lake, accounts: Collection[int]) -> tuple[date, date] | None:
    """The first and the last day on which something was posted to these accounts; None where nothing was."""
    found = [_rows(lake, table, (day,), "account_id", accounts)[day] for table, day in _DAY_OF.items()]
    days = pa.chunked_array([chunk for each in found for chunk in each.chunks], pa.date32())
    return (pc.min(days).as_py(), pc.max(days).as_py()) if len(days) > days.null_count else None


def last_dates(lake: Lake, subject: Subject) -> list[date]:
    """The latest dates of the client's records that are not postings: accounts opened, cards issued, loans repaid."""
    opened = _rows(lake, "fin_account", ("create_date",), "account_id", subject.used)["create_date"].to_pylist()
    issued = _rows(lake, "fin_card", ("issued_date",), "disp_id", subject.numbers["disp_id"])["issued_date"].to_pylist()
    loans = _rows(lake, "fin_loan", ("granted_date", "duration"), "account_id", subject.used).to_pylist()
    repaid = [_months_later(row["granted_date"], row["duration"]) for row in loans if row["granted_date"]]
    return [day for day in (*opened, *issued, *repaid) if day is not None]


def _months_later(day: date, months: float | None) -> date:
    """The first day of the month after a number of months, which is no earlier than the same day of the month.

    >>> _months_later(date(1996, 4, 29), 12.0)
    datetime.date(1997, 5, 1)
    """
    count = day.year * 12 + day.month + int(months or 0)
    return date(count // 12, count % 12 + 1, 1)


def _rows(lake: Lake, name: str, columns: Sequence[str], key: str, numbers: Collection[int]) -> pa.Table:
    """Rows of any version of a table, those of expired snapshots among them, whose key is one of the numbers."""
    table = lake.catalog.find(name)
    if table is None:
        declared = TABLES.get(name, TABLES[FIN_TRANSACTION.name]).schema
        return pa.schema([declared.field(column) for column in columns]).empty_table()
    schema = arrow_schema(table)
    wanted = pa.schema([schema.field(column) for column in columns])
    condition = ds.field(key).isin(pa.array(sorted(numbers), schema.field(key).type))
    asked = pa.schema([*wanted, *_besides(schema, key, columns)])
    current = read_paths(table, [file.file_path for file in data_files(table)], asked, condition)
    older = [read_older(table, path, asked, condition) for path in older_files(table)]
    return pa.concat_tables([current, *(rows for rows in older if rows is not None)]).select(columns)


def _besides(schema: pa.Schema, key: str, columns: Sequence[str]) -> list[pa.Field]:
    return [] if key in columns else [schema.field(key)]


def _numbers(rows: pa.Table, column: str) -> frozenset[int]:
    return frozenset(rows[column].drop_null().to_pylist())
