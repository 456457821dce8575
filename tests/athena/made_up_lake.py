"""A lake of a few nights, one of which two runs wrote, one that nobody published, and pseudonyms of two keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from include.athena.readable import KEY_VERSION, MANIFEST, PSEUDONYM_KEYS, is_masked
from include.lake import Lake, Table
from include.lake.data_files import data_files, read_data_files
from include.lake.iceberg_catalog import arrow_schema
from include.settings import Settings

MONDAY = date(1994, 1, 3)
NIGHTS = {name: MONDAY + timedelta(days) for name, days in {"mon": 0, "tue": 1, "wed": 2, "thu": 3, "later": 7}.items()}
PUBLISHED = {"mon": "a", "tue": "b", "thu": "a", "later": "a"}
"""The run that readers see, by night; Wednesday has none."""
WRITTEN = [("mon", "a"), ("tue", "b"), ("tue", "c"), ("wed", "a"), ("thu", "a"), ("later", "a")]
"""Every run whose rows lie in the tables: on Tuesday one that was never published stands beside the published one."""
VERSIONS = (1, 2)
CURRENT = 2

Rows = list[dict[str, Any]]


def _finding(night: str, number: int, kind: str, code: str, **more: Any) -> dict[str, Any]:
    row = {"rank": number, "finding_id": f"{night}-{number}", "kind": kind, "code": code, "review_state": "open"}
    return {**row, "text": f"{code} on {night}", **more}


def _money(rows: tuple[int, ...], cents: tuple[int, ...], *, is_reconciled: bool = True) -> dict[str, Any]:
    counted = ("offered", "published", "quarantined", "deduplicated", "unreadable")
    summed = {f"{what}_money": Decimal(each) / 100 for what, each in zip(counted, cents, strict=False)}
    counts = {f"{what}_rows": each for what, each in zip(counted, rows, strict=True)}
    credits, debits = Decimal(cents[1] - 100) / 100, Decimal(1)
    return {**counts, **summed, "credits": credits, "debits": debits, "is_reconciled": is_reconciled}


_PRAGUE = {"shown_region": "Prague", "shown_district": "Hl.m. Praha"}
_BOHEMIA = {"shown_region": "south Bohemia", "shown_district": None}

CONTENT: dict[tuple[str, str, str], Rows] = {
    ("mart_findings", "mon", "a"): [
        _finding("mon", 1, "break", "balance_chain", account_id=11, trans_id=101, amount=Decimal("-40.00"), **_PRAGUE),
        _finding(
            "mon",
            2,
            "score",
            "amount",
            account_id=12,
            trans_id=102,
            amount=Decimal("900.50"),
            score=0.8,
            feature="amount_rarity",
            review_state="dismissed",
            reviewed_on=NIGHTS["tue"],
            **_PRAGUE,
        ),
        _finding("mon", 3, "drift", "amount"),
    ],
    ("mart_findings", "tue", "b"): [
        _finding(
            "tue",
            1,
            "score",
            "amount",
            account_id=12,
            trans_id=112,
            amount=Decimal("100.00"),
            score=0.7,
            feature="amount_rarity",
            review_state="confirmed",
            **_PRAGUE,
        ),
        _finding(
            "tue", 2, "break", "fee_amount", account_id=13, amount=Decimal("5.00"), review_state="dismissed", **_BOHEMIA
        ),
    ],
    ("mart_findings", "tue", "c"): [
        _finding(
            "tue",
            1,
            "score",
            "timing",
            account_id=12,
            trans_id=112,
            amount=Decimal("7777.00"),
            score=0.99,
            feature="hour_rarity",
            review_state="dismissed",
            **_BOHEMIA,
        ),
    ],
    ("mart_findings", "wed", "a"): [
        _finding(
            "wed",
            1,
            "score",
            "timing",
            account_id=11,
            trans_id=121,
            amount=Decimal("8888.00"),
            score=0.99,
            review_state="dismissed",
            **_PRAGUE,
        ),
    ],
    ("mart_findings", "thu", "a"): [
        _finding(
            "thu",
            1,
            "score",
            "timing",
            account_id=11,
            trans_id=131,
            amount=Decimal("60.25"),
            score=0.6,
            feature="hour_rarity",
            review_state="unsure",
            **_PRAGUE,
        ),
        _finding(
            "thu",
            2,
            "score",
            "amount",
            account_id=13,
            trans_id=132,
            amount=Decimal("20.00"),
            score=0.65,
            feature="amount_rarity",
            review_state="dismissed",
            **_BOHEMIA,
        ),
    ],
    ("mart_findings", "later", "a"): [
        _finding(
            "later",
            1,
            "break",
            "balance_chain",
            account_id=11,
            trans_id=141,
            amount=Decimal("1.00"),
            review_state="dismissed",
            **_PRAGUE,
        ),
    ],
    ("mart_money_days", "mon", "a"): [_money((10, 8, 1, 1, 0), (100_00, 80_00, 15_00, 5_00))],
    ("mart_money_days", "tue", "b"): [_money((5, 4, 0, 0, 0), (50_00, 42_50, 0, 0), is_reconciled=False)],
    ("mart_money_days", "tue", "c"): [_money((5, 5, 0, 0, 0), (50_00, 50_00, 0, 0))],
    ("mart_money_days", "wed", "a"): [_money((1, 1, 0, 0, 0), (1_00, 1_00, 0, 0))],
    ("mart_money_days", "thu", "a"): [_money((3, 2, 0, 0, 1), (30_00, 30_00, 0, 0))],
    ("mart_money_days", "later", "a"): [_money((2, 2, 0, 0, 0), (20_00, 20_00, 0, 0))],
    ("fin_transaction", "mon", "a"): [
        {
            "trans_id": 101,
            "account_id": 11,
            "trans_type": "D",
            "operation": "cash",
            "amount": Decimal("40.00"),
            "balance": Decimal("60.00"),
            "category": "fee",
        },
        {
            "trans_id": 102,
            "account_id": 12,
            "trans_type": "D",
            "operation": "card",
            "amount": Decimal("900.50"),
            "balance": Decimal("1.50"),
        },
    ],
    ("fin_transaction", "tue", "b"): [
        {
            "trans_id": 112,
            "account_id": 12,
            "trans_type": "C",
            "operation": "cash",
            "amount": Decimal("100.00"),
            "balance": Decimal("101.50"),
        },
        {
            "trans_id": 111,
            "account_id": 11,
            "trans_type": "C",
            "operation": "transfer",
            "amount": Decimal("25.00"),
            "balance": Decimal("85.00"),
            "counterparty": "payee 7",
        },
    ],
    ("fin_transaction", "tue", "c"): [
        {"trans_id": 111, "account_id": 11, "trans_type": "C", "amount": Decimal("2500.00")},
    ],
    ("fin_transaction", "wed", "a"): [{"trans_id": 121, "account_id": 11, "amount": Decimal("8888.00")}],
    ("fin_transaction", "thu", "a"): [
        {"trans_id": 131, "account_id": 11, "trans_type": "D", "amount": Decimal("60.25"), "balance": Decimal("24.75")},
        {"trans_id": 132, "account_id": 13, "trans_type": "D", "amount": Decimal("20.00")},
    ],
    ("fin_transaction", "later", "a"): [{"trans_id": 141, "account_id": 11, "amount": Decimal("1.00")}],
}
"""Rows by table, night and run; tables that are not here have one row of each night and run."""

_PSEUDONYMOUS = ("account_id", "trans_id")


def pseudonym(value: int, version: int = CURRENT) -> str:
    """What stands for an identifier here."""
    return f"{value}-of-key-{version}"


def made_up(folder: Path, tables: Mapping[str, Table]) -> Lake:
    """The lake in a folder: every table as the product makes it, with one snapshot that holds all of its rows."""
    lake = Lake.open(str(folder), Settings(), extra_tables=tables.values())
    for table in tables.values():
        lake._catalog.ensure(table).append(_rows(table))
    return lake


def _rows(table: Table) -> pa.Table:
    columns = table.schema.names
    return pa.Table.from_pylist([{name: row.get(name) for name in columns} for row in _content(table)], table.schema)


def _content(table: Table) -> Rows:
    if table.name == PSEUDONYM_KEYS:
        return [{"current_version": CURRENT}]
    if table.name == MANIFEST:
        return [{table.night_column: NIGHTS[night], "run_key": run_key(night, run)} for night, run in PUBLISHED.items()]
    if not table.night_column:
        return list(
            _versions(table, [{table.order_by[0]: number, "run_key": run_key("later", "a")} for number in (1, 2)])
        )
    return [row for night, run in WRITTEN for row in _of_night(table, night, run)]


def run_key(night: str, run: str) -> str:
    """The key of a run of a night."""
    return f"{night}-{run}"


def _of_night(table: Table, night: str, run: str) -> Rows:
    content = CONTENT.get((table.name.removesuffix("_masked"), night, run), [{}])
    key = {table.night_column: NIGHTS[night], "run_key": run_key(night, run)}
    return [{**row, **key} for row in _versions(table, content)]


def _versions(table: Table, rows: Rows) -> Iterable[dict[str, Any]]:
    """The rows as they are or, in a masked table, once for each key."""
    for row in rows:
        if not is_masked(table):
            yield row
            continue
        for version in VERSIONS:
            named = {
                name: value if value is None else pseudonym(value, version)
                for name, value in row.items()
                if name in table.schema.names
                and pa.types.is_string(table.schema.field(name).type)
                and isinstance(value, int)
            }
            yield {**row, **named, KEY_VERSION: version}


def stored(lake: Lake, name: str) -> pa.Table:
    """Everything that lies in a table, whoever wrote it: what Athena finds there."""
    table = lake._catalog.load(name)
    return read_data_files(table, data_files(table), arrow_schema(table))
