"""Small marts of made-up nights, written and published as a night does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from include.lake import Lake, RunStamp, Table
from include.settings import Settings
from tests.lake.nights import manifest_row

_MONEY, _SUM = pa.decimal128(12, 2), pa.decimal128(18, 2)
_SHOWN = {"shown_district": pa.string(), "shown_region": pa.string()}
_PLACE = {**_SHOWN, "shown_latitude": pa.float64(), "shown_longitude": pa.float64()}
_KEYED = {"run_key": pa.string(), "key_version": pa.int32()}
_ROWS = {
    f"{what}_rows": pa.int64() for what in ("offered", "published", "quarantined", "deduplicated", "unreadable")
}


def _mart(name: str, columns: Mapping[str, pa.DataType]) -> Table:
    fields = {"settlement_date": pa.date32(), **columns}
    return Table(name, pa.schema(list(fields.items())), "settlement_date", ())


_MASKED = (
    _mart(
        "mart_findings_masked",
        {
            "finding_id": pa.string(),
            "rank": pa.int64(),
            "kind": pa.string(),
            "code": pa.string(),
            "account_id": pa.string(),
            **_PLACE,
            "amount": _MONEY,
            "score": pa.float64(),
            "text": pa.string(),
            "review_state": pa.string(),
            "reviewed_on": pa.date32(),
            **_KEYED,
        },
    ),
    _mart(
        "mart_account_days_masked",
        {"account_id": pa.string(), **_SHOWN, "postings": pa.int64(), "credits": _SUM, "net": _SUM, **_KEYED},
    ),
    _mart(
        "mart_district_months_masked",
        {"month": pa.date32(), **_PLACE, "postings": pa.int64(), "findings_per_thousand": pa.float64(), **_KEYED},
    ),
)


def _full(masked: Table) -> Table:
    """The mart that a masked one is made of."""
    fields = {field.name: field.type for field in masked.schema if field.name != "key_version"}
    accounts = {"account_id": pa.int64()} if "account_id" in fields else {}
    return Table(masked.name.removesuffix("_masked"), pa.schema(list((fields | accounts).items())), masked.night_column, ())


MARTS = {
    mart.name: mart
    for mart in (
        *_MASKED,
        *map(_full, _MASKED),
        _mart(
            "mart_nights",
            {**_ROWS, "published_money": _SUM, "findings": pa.int64(), "seconds": pa.float64(), "run_key": pa.string()},
        ),
        _mart(
            "mart_model_performance",
            {"model_version": pa.string(), "scored": pa.int64(), "threshold": pa.float64(), "run_key": pa.string()},
        ),
        _mart("mart_money_days", {"offered_money": _SUM, "is_reconciled": pa.bool_(), "run_key": pa.string()}),
    )
}
"""The marts' tables, with as many of their columns as tests look at."""

KEYS = Table(
    "pseudonym_keys", pa.schema([("current_version", pa.int32()), ("run_key", pa.string())]), "", ("current_version",)
)


class MartsInMemory:
    """What extracts read of a lake, for tests that are not about the lake."""

    def __init__(self, nights: Iterable[date]) -> None:
        self._nights: dict[date, dict[str, pa.Table]] = {}
        self.key_version = 1
        for night in nights:
            self.publish(night)

    def publish(self, night: date, run: str = "a", *, findings: int = 3) -> None:
        """Publish a night under a run's name."""
        tables = marts_of(night, findings, self.key_version)
        self._nights[night] = {
            name: rows.append_column("run_key", pa.repeat(run * 16, rows.num_rows)) for name, rows in tables.items()
        }

    def rotate(self) -> None:
        """Give every night pseudonyms of a new key."""
        self.key_version += 1
        for night in self._nights:
            self.publish(night)

    def read(
        self, name: str, first: date | None = None, last: date | None = None, columns: list[str] | None = None
    ) -> pa.Table:
        """As `Lake.read`."""
        if name == KEYS.name:
            return pa.table({"current_version": [self.key_version]})
        nights = [night for night in self._nights if (first or night) <= night <= (last or night)]
        empty = MARTS[name].schema.empty_table()
        rows = pa.concat_tables([empty, *(self._nights[night][name].select(empty.column_names) for night in nights)])
        return rows if columns is None else rows.select(columns)


def open_lake(folder: Path) -> Lake:
    """A lake that knows the marts."""
    return Lake.open(str(folder), Settings(), extra_tables=[*MARTS.values(), KEYS])


def publish_marts(folder: Path, night: date, key_version: int = 1) -> None:
    """Publish a night with marts in a real lake."""
    lake, stamp = open_lake(folder), RunStamp("a" * 16, "first", night)
    for name, rows in marts_of(night, 3, key_version).items():
        lake.replace(MARTS[name], night, rows, stamp)
    lake.replace_static(KEYS.name, pa.table({"current_version": pa.array([key_version], pa.int32())}), stamp)
    lake.publish_manifest(manifest_row(stamp), stamp)


def marts_of(night: date, findings: int, key_version: int) -> dict[str, pa.Table]:
    """The marts of a made-up night, without the key of a run."""
    rows = _rows(night, findings, key_version, Decimal("12.50"))
    schemas = {name: [field for field in mart.schema if field.name != "run_key"] for name, mart in MARTS.items()}
    return {name: pa.Table.from_pylist(rows[name], schema=pa.schema(fields)) for name, fields in schemas.items()}


ACCOUNT = 4711
"""The first account of the full marts, which no masked reader may see."""


def _rows(night: date, findings: int, key_version: int, amount: Decimal) -> dict[str, list[dict[str, Any]]]:
    """Rows of each mart; accounts of full marts are numbers, those of masked ones hex digits."""
    numbers = range(1, findings + 1)
    whole, masked = {"settlement_date": night}, {"settlement_date": night, "key_version": key_version}
    place = {"shown_district": "Benešov", "shown_region": "central Bohemia"}
    town = {**place, "shown_latitude": 49.78, "shown_longitude": 14.69}
    found = [
        {
            **town,
            "finding_id": f"{night}-{number}",
            "rank": number,
            "kind": "score" if number % 2 else "break",
            "code": "amount",
            "amount": amount * number,
            "score": number / 7 if number % 2 else None,
            "review_state": "open",
        }
        for number in numbers
    ]
    days = [{**place, "postings": number, "net": -amount * number} for number in numbers]
    month = {**town, "month": night.replace(day=1), "postings": 9, "findings_per_thousand": 1000 * findings / 9}
    pseudonyms = [{**masked, "account_id": f"{key_version}{number:031x}"} for number in numbers]
    accounts = [{**whole, "account_id": ACCOUNT + number} for number in numbers]
    counts = {"offered_rows": 10, "published_rows": 9, "published_money": amount * 9}
    return {
        "mart_findings_masked": [
            {**row, **who, "text": "Paid out … – „nothing“"} for row, who in zip(found, pseudonyms, strict=True)
        ],
        "mart_findings": [
            {**row, **who, "text": f"account {who['account_id']}"} for row, who in zip(found, accounts, strict=True)
        ],
        "mart_account_days_masked": [{**row, **who} for row, who in zip(days, pseudonyms, strict=True)],
        "mart_account_days": [{**row, **who} for row, who in zip(days, accounts, strict=True)],
        "mart_district_months_masked": [{**month, **masked}],
        "mart_district_months": [{**month, **whole}],
        "mart_nights": [{**whole, **counts, "findings": findings, "seconds": 1.5}],
        "mart_model_performance": [{**whole, "model_version": "ensemble-1", "scored": 9, "threshold": 0.5}],
        "mart_money_days": [{**whole, "offered_money": amount * 10, "is_reconciled": True}],
    }
