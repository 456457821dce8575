"""The state of the settlement checks from before the night: closings, orders, loans; small, advanced every night."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Self

import pyarrow as pa

from include.relations import DATE, IDENTIFIER, TEXT
from include.settlement.due_dates import MonthlyDue
from include.settlement.quarantine import Refusals

_CENTS = pa.int64()
_COUNT = pa.int64()

BILLS_SCHEMA = pa.schema(
    [
        pa.field("account_id", IDENTIFIER),
        pa.field("category", TEXT),  # ST statement fee, IC interest credited
        pa.field("paid_on", DATE),  # the newest
        pa.field("months_in_row", _COUNT),  # that had one, up to the newest
        pa.field("frequency", TEXT),  # the account's statement frequency then
    ]
)
"""Monthly bills of accounts, as long as the next one may still come."""

STATE_SCHEMAS: dict[str, pa.Schema] = {
    "state_settlement": pa.schema([pa.field("first_date", DATE)]),  # first settlement date the source ever had
    "state_booking_days": pa.schema(
        [
            pa.field("day", DATE),
            pa.field("posting_count", _COUNT),  # postings booked on that day; days without any have no row
        ]
    ),
    "state_chain": pa.schema(
        [
            pa.field("account_id", IDENTIFIER),
            pa.field("closed_on", DATE),  # the account's last posting day
            # Balances the day may have ended on, likeliest first; more than one only where the order stays open, none
            # where a posting of the day lacks its balance.
            pa.field("closing_cents", pa.list_(_CENTS)),
        ]
    ),
    "state_standing_orders": pa.schema(
        [
            pa.field("order_id", IDENTIFIER),
            pa.field("payments_seen", _COUNT),
            pa.field("due_day", _COUNT),  # day of the month
            pa.field("next_due", DATE),  # null when it counts as ended
            pa.field("missed_in_row", _COUNT),
            pa.field("accepted_cents", _CENTS),  # the amount last found right
            pa.field("paid_cents", _CENTS),  # the amount last paid
        ]
    ),
    "state_monthly_bills": BILLS_SCHEMA,
    "state_loans": pa.schema(
        [
            pa.field("loan_id", IDENTIFIER),
            pa.field("due_day", _COUNT),
            pa.field("next_due", DATE),  # null when all instalments have been due
            pa.field("missed_in_row", _COUNT),
        ]
    ),
    "state_loan_days": pa.schema(
        [
            pa.field("day_of_month", _COUNT),
            pa.field("payment_count", _COUNT),  # loan payments ever booked on that day of the month
        ]
    ),
    "state_refused": pa.schema(
        [
            pa.field("refused_on", DATE),  # the night that refused them
            pa.field("account_id", IDENTIFIER),  # null where it could not be read
            pa.field("record_count", _COUNT),
        ]
    ),
}
"""Schemas of the state's tables by name; one partition of each is kept per night."""


@dataclass(frozen=True)
class Closing:
    """The end of an account's last posting day: candidate balances in cents, likeliest first; none where unknown."""

    closed_on: date
    balances: tuple[int, ...]


@dataclass
class OrderState:
    """A standing order that has been paid at least once."""

    due: MonthlyDue
    payments_seen: int
    accepted_cents: int
    paid_cents: int


@dataclass
class SettlementState:
    """All knowledge that the checks need from before the night.

    Attributes
    ----------
    first_date
        First settlement date of the source; accounts opened from then on start at 0. None before any posting.
    booking_days
        Number of postings by day, for the days that are kept (`include.settlement.banking_days.kept_counts`).
    chain
        Closing of the last posting day, by account.
    orders
        Payments so far, by standing order; orders that were never paid are left out.
    bills
        Monthly bills (`BILLS_SCHEMA`) by account and category; a table, since most accounts have two.
    loans
        Next instalment, by loan; loans whose due day is not known yet are left out.
    loan_days
        Number of loan payments over all accounts, by day of the month.
    refused
        Postings in quarantine, by night and account, as far back as they may explain a break.
    """

    first_date: date | None = None
    booking_days: dict[date, int] = field(default_factory=dict)
    chain: dict[int, Closing] = field(default_factory=dict)
    orders: dict[int, OrderState] = field(default_factory=dict)
    bills: pa.Table = field(default_factory=BILLS_SCHEMA.empty_table)
    loans: dict[int, MonthlyDue] = field(default_factory=dict)
    loan_days: dict[int, int] = field(default_factory=dict)
    refused: Refusals = field(default_factory=Refusals)

    def tables(self) -> dict[str, pa.Table]:
        """The state as tables by name, rows in the order of their keys."""
        rows: dict[str, list[dict[str, Any]]] = {
            "state_settlement": [] if self.first_date is None else [{"first_date": self.first_date}],
            "state_booking_days": [{"day": d, "posting_count": n} for d, n in sorted(self.booking_days.items())],
            "state_standing_orders": [_order_row(k, o) for k, o in sorted(self.orders.items())],
            "state_loans": [{"loan_id": k, **vars(due)} for k, due in sorted(self.loans.items())],
            "state_loan_days": [{"day_of_month": day, "payment_count": n} for day, n in sorted(self.loan_days.items())],
            "state_refused": self.refused.rows(),
        }
        made = {name: pa.Table.from_pylist(kept, STATE_SCHEMAS[name]) for name, kept in rows.items()}
        return {**made, "state_chain": _chain_table(self.chain), "state_monthly_bills": self.bills}

    @classmethod
    def from_tables(cls, tables: Mapping[str, pa.Table]) -> Self:
        """Rebuild the state from `tables()`; further columns (a run key) are ignored."""
        known = {name: tables[name].select(schema.names) for name, schema in STATE_SCHEMAS.items()}
        bills = known.pop("state_monthly_bills").cast(BILLS_SCHEMA)
        chain = known.pop("state_chain")
        first_date, booking_days = booked_days_of(known)
        rows = {name: table.to_pylist() for name, table in known.items()}
        return cls(
            first_date=first_date,
            booking_days=booking_days,
            chain=_chain_of(chain),
            orders={r.pop("order_id"): _order_of(r) for r in rows["state_standing_orders"]},
            bills=bills,
            loans={r.pop("loan_id"): MonthlyDue(**r) for r in rows["state_loans"]},
            loan_days={r["day_of_month"]: r["payment_count"] for r in rows["state_loan_days"]},
            refused=Refusals.of_rows(rows["state_refused"]),
        )

    def copy(self) -> SettlementState:
        """A copy that can be advanced without changing this state."""
        return SettlementState(
            first_date=self.first_date,
            booking_days=dict(self.booking_days),
            chain=dict(self.chain),
            orders={number: replace(order, due=replace(order.due)) for number, order in self.orders.items()},
            loans={number: replace(due) for number, due in self.loans.items()},
            loan_days=dict(self.loan_days),
            bills=self.bills,
            refused=Refusals(dict(self.refused.counts)),
        )


def booked_days_of(tables: Mapping[str, pa.Table]) -> tuple[date | None, dict[date, int]]:
    """The first date with postings, and the number of postings by day, from the state's tables."""
    first = tables["state_settlement"]["first_date"].to_pylist()
    days, counts = (tables["state_booking_days"][name].to_pylist() for name in ("day", "posting_count"))
    return next(iter(first), None), dict(zip(days, counts, strict=True))


def _chain_table(chain: Mapping[int, Closing]) -> pa.Table:
    """The table of closings, built column by column, as every account that the bank ever had has a row each night."""
    accounts = sorted(chain)
    closings = [chain[account] for account in accounts]
    columns = [accounts, [closing.closed_on for closing in closings], [closing.balances for closing in closings]]
    return pa.table(columns, schema=STATE_SCHEMAS["state_chain"])


def _chain_of(table: pa.Table) -> dict[int, Closing]:
    accounts, days, balances = (table[name].to_pylist() for name in STATE_SCHEMAS["state_chain"].names)
    return {account: Closing(day, tuple(cents)) for account, day, cents in zip(accounts, days, balances, strict=True)}


def _order_row(order_id: int, order: OrderState) -> dict[str, Any]:
    return {"order_id": order_id, **vars(order), **vars(order.due)}


def _order_of(row: dict[str, Any]) -> OrderState:
    due = MonthlyDue(row["due_day"], row["next_due"], row["missed_in_row"])
    return OrderState(due, row["payments_seen"], row["accepted_cents"], row["paid_cents"])
