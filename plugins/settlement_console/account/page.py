"""Gathers an account's years at a glance: its people and products, its months and balance, and what was found on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from include.settings import Settings
from plugins.settlement_console.account_rows import account_days, account_findings, found_on
from plugins.settlement_console.finding.page import NoSuchFindingError, find
from plugins.settlement_console.records import Records, Row

SHOWN_DAYS = 1096
"""Days that are read at once, three years: each night is a file to be opened. A thousand took 1.4 seconds of a core."""
MOST_FINDINGS = 200
"""Largest number of findings that are listed, the newest first."""


@dataclass(frozen=True)
class Period:
    """The account over a month or a year.

    Attributes
    ----------
    first
        First day of the month or year.
    postings, findings
        Numbers of postings and of findings.
    came_in, went_out
        Sums of their money.
    lowest, highest, last
        Balances at the ends of its days; None where the bank records none.
    """

    first: date
    postings: int
    findings: int
    came_in: Decimal
    went_out: Decimal
    lowest: Decimal | None
    highest: Decimal | None
    last: Decimal | None

    @classmethod
    def of(cls, first: date, days: Sequence[Row]) -> Period:
        """The period of some days of `mart_account_days`, oldest first."""
        balances = [row["closing_balance"] for row in days if row["closing_balance"] is not None]
        return cls(
            first=first,
            postings=sum(row["postings"] or 0 for row in days),
            findings=sum(map(found_on, days)),
            came_in=_sum(row["credits"] for row in days),
            went_out=_sum(row["debits"] for row in days),
            lowest=min(balances, default=None),
            highest=max(balances, default=None),
            last=balances[-1] if balances else None,
        )


@dataclass(frozen=True)
class AccountPage:
    """An account between two days.

    Attributes
    ----------
    finding
        The finding through which it was reached, a row of `mart_findings`.
    is_masked
        Whether the page is made from the masked tables.
    first, last
        The days, both included.
    earlier
        Last day of the stretch before; None where the lake holds no earlier night.
    later
        Last day of the stretch after; None where the newest night is shown.
    account
        Its row of `fin_account`; None where the bank does not have it.
    people
        Its clients, rows of `fin_client` with `disp_type` and `home`.
    orders, loans, cards
        Its rows of `fin_order`, and of `fin_loan` and `fin_card` those that had begun by the last day.
    days
        Its days with postings or breaks, rows of `mart_account_days`, oldest first.
    months, years
        The same by month, oldest first, and by year, newest first.
    findings
        What was found on it, newest first.
    """

    finding: Row
    is_masked: bool
    first: date
    last: date
    earlier: date | None
    later: date | None
    account: Row | None
    people: list[Row]
    orders: list[Row]
    loans: list[Row]
    cards: list[Row]
    days: list[Row]
    months: list[Period]
    years: list[Period]
    findings: list[Row]


def account_page(settings: Settings, finding_id: str, until: date | None, *, sees_accounts: bool) -> AccountPage:
    """The page of the account that a finding is about.

    Parameters
    ----------
    settings
        The installation's settings.
    finding_id
        Opaque name of a finding of the last nights.
    until
        Last day that is shown; the newest night when None or when it is later, the oldest one when it is earlier.
    sees_accounts
        Whether the visitor may see accounts and clients; the page is made from the masked tables otherwise.

    Raises
    ------
    NoSuchFindingError
        When none of the last nights has the finding, or when it is about the bank as a whole.
    """
    records = Records.open(settings, sees_accounts=sees_accounts)
    span = None if records is None else records.lake.span()
    if records is None or span is None:
        raise NoSuchFindingError("no night is published yet, so that there are no accounts to show")
    finding = find(records, finding_id, span[1])
    if finding["account_id"] is None:
        raise NoSuchFindingError("this finding is about the bank as a whole, so that there is no account to show")
    return _page(records, finding, span, until)


def _page(records: Records, finding: Row, span: tuple[date, date], until: date | None) -> AccountPage:
    account, (oldest, newest) = finding["account_id"], span
    last = max(min(until or newest, newest), oldest)
    first = last - timedelta(SHOWN_DAYS - 1)
    days = account_days(records, account, first, last)
    rights = records.rows("fin_disposition", account_id=account)
    accounts = records.rows("fin_account", account_id=account)
    return AccountPage(
        finding=finding,
        is_masked=records.is_masked,
        first=max(first, oldest),
        last=last,
        earlier=first - timedelta(1) if oldest < first else None,
        later=min(last + timedelta(SHOWN_DAYS), newest) if last < newest else None,
        account=accounts[0] if accounts else None,
        people=_people(records, rights),
        orders=sorted(records.rows("fin_order", account_id=account), key=lambda row: str(row["order_id"])),
        loans=_begun(records.rows("fin_loan", account_id=account), "granted_date", last),
        cards=_begun(_cards(records, rights), "issued_date", last),
        days=days,
        months=_periods(days, lambda day: day.replace(day=1)),
        years=_periods(days, lambda day: day.replace(month=1, day=1))[::-1],
        findings=account_findings(records, account, days)[:MOST_FINDINGS],
    )


def _people(records: Records, rights: Sequence[Row]) -> list[Row]:
    """The clients with a right on the account, owners first."""
    kinds = {row["client_id"]: row["disp_type"] for row in rights}
    clients = records.rows("fin_client", client_id=list(kinds)) if kinds else []
    homes = _homes(records, clients)
    people = [{**row, "disp_type": kinds[row["client_id"]], "home": homes[row["client_id"]]} for row in clients]
    return sorted(people, key=lambda row: (row["disp_type"] != "O", str(row["client_id"])))


def _homes(records: Records, clients: Sequence[Row]) -> dict[Any, str | None]:
    """What the view shows of where each client lives."""
    if records.is_masked:
        return {row["client_id"]: row["shown_district"] or row["shown_region"] for row in clients}
    districts = records.rows("fin_district", columns=("district_id", "district_name"))
    names = {row["district_id"]: row["district_name"] for row in districts}
    return {row["client_id"]: names.get(row["district_id"]) for row in clients}


def _cards(records: Records, rights: Sequence[Row]) -> list[Row]:
    held = [row["disp_id"] for row in rights]
    return [*records.rows("fin_card", disp_id=held)] if held else []


def _begun(rows: Iterable[Row], column: str, last: date) -> list[Row]:
    """What had begun by a day, oldest first; a source may know what begins later. Without a day it had begun."""
    begun = [row for row in rows if row[column] is None or row[column] <= last]
    return sorted(begun, key=lambda row: row[column] or date.min)


def _periods(days: Iterable[Row], first_of: Callable[[date], date]) -> list[Period]:
    grouped = groupby(days, key=lambda row: first_of(row["settlement_date"]))
    return [Period.of(first, list(group)) for first, group in grouped]


def _sum(amounts: Iterable[Any]) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), Decimal(0))
