"""Made-up findings, published in a real lake night by night, and a book that follows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from include.cases import CaseBook, Decision, QueueFilter, QueueRow
from include.cases.views import Case
from include.lake import TABLES, Lake, RunStamp, Table
from include.lake.tables import RUN_KEY, VERSION_COLUMN
from include.marts import MART_TABLES, MASKED_MARTS
from include.settings import Settings
from tests.lake.nights import manifest_row

NIGHT = date(1994, 1, 31)
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
ACCOUNT, OTHER = 870000011, 870000012

Row = dict[str, Any]


def settings_of(folder: Path, **values: Any) -> Settings:
    """Settings with a lake and a key of the folder's own."""
    return Settings(lake_uri=f"file:{folder / 'lake'}", key_file=folder / "keys" / "lake.key", **values)


def finding(name: str, account: int | None = ACCOUNT, night: date = NIGHT, **columns: Any) -> Row:
    """A finding: a flagged posting of 100.00 unless said otherwise."""
    number = sum(map(ord, name))
    row = {
        "settlement_date": night,
        "finding_id": name,
        "rank": 1,
        "kind": "score",
        "code": "amount",
        "severity": "error",
        "account_id": account,
        "trans_id": number,
        "amount": 100,
        "score": 0.6,
        "text": f"Account {account} paid out 100.00.",
        "masked_text": "Account … paid out 100.00.",
        "review_state": "open",
        "shown_district": "Benešov",
    }
    return {**row, **columns}


def broken(name: str, account: int | None = ACCOUNT, night: date = NIGHT, **columns: Any) -> Row:
    """A break: a payment of 540.00 that is missing, unless said otherwise."""
    amount = Decimal("-540.00")
    break_of = {"kind": "break", "code": "missed_standing_order", "trans_id": None, "score": None, "amount": amount}
    return finding(name, account, night, **{**break_of, **columns})


INSERT = {"action": "insert", "trans_id": None, "field": "amount", "value": "-540.00"}
"""The correction that the break of `broken` proposes."""


def publish(
    settings: Settings,
    findings: Sequence[Row],
    night: date = NIGHT,
    *,
    run: str = "a",
    corrections: Mapping[str, Row] | None = None,
    postings: Iterable[Row] = (),
    reviews: Iterable[Row] = (),
    masked: Row | None = None,
) -> Lake:
    """Publish a night with findings, the corrections of breaks by finding, postings, and reviews.

    `masked` is what the masked table says otherwise.
    """
    lake, stamp = Lake.open(settings.lake_uri, settings), RunStamp(run * 16, "first", night)
    rows = [{**row, "rank": rank, "amount": Decimal(row["amount"])} for rank, row in enumerate(findings, 1)]
    breaks = [
        {"settlement_date": night, "finding_id": name, "check_code": "balance_chain", "correction": correction}
        for name, correction in (corrections or {}).items()
    ]
    booked = [{"settlement_date": night, "trans_date": night, **row} for row in postings]
    taken = [{"settlement_date": night, **row} for row in reviews]
    for table, content, version in (
        (MART_TABLES["mart_findings"], rows, None),
        (MASKED_MARTS["mart_findings"], [{**_masked(row), **(masked or {})} for row in rows], 1),
        (TABLES["settlement_breaks"], breaks, None),
        (TABLES["fin_transaction"], booked, None),
        (TABLES["reviews"], taken, None),
    ):
        lake.replace(table, night, _table(table, content), stamp, version)
    lake.show_version(1, stamp)
    lake.publish_manifest(manifest_row(stamp), stamp)
    return lake


def _masked(row: Row) -> Row:
    named = {name: f"{row[name]:032x}" if row[name] else None for name in ("account_id", "trans_id")}
    return {**row, **named, "text": row["masked_text"], VERSION_COLUMN: 1}


def _table(table: Table, rows: Sequence[Row]) -> pa.Table:
    schema = pa.schema([field for field in table.schema if field.name != RUN_KEY.name])
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema=schema)


class Desk:
    """A book over a lake, with the time standing still."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.book = CaseBook.open(settings.lake_uri, settings)

    def publish(self, findings: Sequence[Row], night: date = NIGHT, now: datetime = NOW, **rest: Any) -> None:
        """Publish a night, and follow it."""
        self.book.follow(publish(self.settings, findings, night, **rest), now)

    def queue(self, now: datetime = NOW, *, sees_accounts: bool = True, **wanted: Any) -> list[QueueRow]:
        """The first page of the queue."""
        return [*self.book.queue(QueueFilter(**wanted), now, sees_accounts=sees_accounts).rows]

    def case(self, name: str, now: datetime = NOW, *, sees_accounts: bool = True) -> Case:
        """The case of a finding."""
        return self.book.case(self.book.case_of(name), now, sees_accounts=sees_accounts)

    def decision(self, *names: str, outcome: str = "fraud", reason: str = "card_misused", note: str = "") -> Decision:
        """A decision on findings of one case as they are now."""
        case = self.case(names[0])
        seen = {each.finding_id: each.seen for each in case.findings if each.finding_id in names}
        return Decision(case.row.case_id, seen, outcome, reason, note)

    def kinds(self, name: str) -> list[str]:
        """What happened to a finding's case, the oldest first."""
        return [event.kind.value for event in reversed(self.case(name).events)]
