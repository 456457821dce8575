"""Made-up marts of a few nights: in memory, or written and published in a lake as a night does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from include.lake import Lake, RunStamp, Table
from include.lake.listing import Listing, NightFiles
from include.lake.tables import RUN_KEY, VERSION_COLUMN
from include.settings import Settings
from include.tableau.contents import MARTS, table_of
from tests.lake.nights import manifest_row

ACCOUNT = 4711
"""The account before the first of the full marts, which no masked reader may see."""
_AMOUNT = Decimal("12.50")


class MartsInMemory:
    """What extracts read of a lake, for tests that are not about the lake."""

    def __init__(self, nights: Iterable[date]) -> None:
        self._version = 1
        self._nights: dict[date, dict[str, pa.Table]] = {}
        for night in nights:
            self.publish(night)

    def publish(self, night: date, run: str = "a", *, findings: int = 3, state: str = "open") -> None:
        """Publish a night under a run's name."""
        self._nights[night] = {
            table.name: _keyed(rows, table, run) for table, rows in marts_of(night, findings, self._version, state)
        }

    def rotate(self) -> None:
        """Give every night pseudonyms of a new key."""
        self._version += 1
        for night in self._nights:
            self.publish(night)

    def key_version(self) -> int:
        """As `Lake.key_version`."""
        return self._version

    def listing(self, table: Table, first: date | None = None, last: date | None = None) -> Listing:
        """As `Lake.listing`."""
        rows = {n: self._nights[n][table.name] for n in sorted(self._nights) if (first or n) <= n <= (last or n)}
        return ListingInMemory(table.schema, {night: _files(rows[night]) for night in rows}, None, rows)


@dataclass(frozen=True)
class ListingInMemory(Listing):
    """A listing whose rows are there."""

    rows: Mapping[date, pa.Table]

    def read(self, nights: Iterable[date]) -> pa.Table:
        """As `Listing.read`."""
        return pa.concat_tables([self.schema.empty_table(), *(self.rows[night] for night in nights)])


def _files(rows: pa.Table) -> NightFiles:
    """One file, under a name that changes with its content."""
    content = hashlib.sha256(str(rows.to_pylist()).encode()).hexdigest()
    return NightFiles(rows[RUN_KEY.name][0].as_py(), (content,), rows.num_rows)


def publish_marts(folder: Path, night: date, findings: int = 3) -> Lake:
    """Publish a night with marts in a real lake."""
    lake, stamp = Lake.open(str(folder), Settings()), RunStamp("a" * 16, "first", night)
    for table, rows in marts_of(night, findings, 1, "open"):
        lake.replace(table, night, rows, stamp, 1 if table.has_versions else None)
    lake.show_version(1, stamp)
    lake.publish_manifest(manifest_row(stamp), stamp)
    return lake


def marts_of(night: date, findings: int, version: int, state: str) -> list[tuple[Table, pa.Table]]:
    """The marts of a made-up night, masked and in full, without the key of a run."""
    found = []
    for is_masked in (True, False):
        rows = _rows(night, findings, version if is_masked else None, state)
        for mart in MARTS:
            table = table_of(mart, is_masked=is_masked)
            fields = [field for field in table.schema if field.name != RUN_KEY.name]
            found.append((table, pa.Table.from_pylist(rows[mart], schema=pa.schema(fields))))
    return found


def _keyed(rows: pa.Table, table: Table, run: str) -> pa.Table:
    return rows.append_column(RUN_KEY, pa.repeat(run * 16, rows.num_rows)).select(table.schema.names)


def _rows(night: date, findings: int, version: int | None, state: str) -> dict[str, list[dict[str, Any]]]:
    """Rows of each mart; with a version those of masked readers, whose accounts are hex digits."""
    always: dict[str, Any] = {"settlement_date": night, VERSION_COLUMN: version}
    numbers = range(1, findings + 1)
    accounts = [{**always, "account_id": f"{version}{n:031x}" if version else ACCOUNT + n} for n in numbers]
    place = {"shown_district": "Benešov", "shown_region": "central Bohemia"}
    town = {**place, "shown_latitude": 49.78, "shown_longitude": 14.69}
    found = [
        {
            **accounts[n - 1],
            **town,
            "finding_id": f"{night}-{n}",
            "rank": n,
            "kind": "score" if n % 2 else "break",
            "code": "amount",
            "amount": _AMOUNT * n,
            "score": n / 7 if n % 2 else None,
            "text": "Paid out … – „nothing“" if version else f"account {ACCOUNT + n}",
            "review_state": state,
        }
        for n in numbers
    ]
    counts = {"offered_rows": 10, "published_rows": 9, "published_money": _AMOUNT * 9}
    month = {"month": night.replace(day=1), "postings": 9, "findings_per_thousand": 1000 * findings / 9}
    return {
        "mart_findings": found,
        "mart_nights": [{**always, **counts, "findings": findings, "seconds": 1.5}],
        "mart_account_days": [{**accounts[n - 1], **place, "postings": n, "net": -_AMOUNT * n} for n in numbers],
        "mart_district_months": [{**always, **town, **month}],
        "mart_model_performance": [{**always, "model_version": "ensemble-1", "scored": 9, "threshold": 0.5}],
        "mart_money_days": [{**always, "offered_money": _AMOUNT * 10, "is_reconciled": True}],
    }
