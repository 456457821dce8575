"""Runs all settlement checks on one night, and advances their state or builds it in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from include.settlement.balance_chain import ChainFindings, account_days, replay_chains, settle_chains
from include.settlement.banking_days import BankingDays, calendar_of, kept_counts
from include.settlement.duplicates import check_duplicates
from include.settlement.expected_postings import Obligations
from include.settlement.fees import check_fees, read_tariffs
from include.settlement.findings import Break, breaks_table
from include.settlement.interest import check_interest
from include.settlement.known_balances import untold
from include.settlement.loans import read_loan_payments, read_loan_reversals, read_loans, replay_loans, settle_loans
from include.settlement.missing_bills import check_missing_bills
from include.settlement.monthly_bills import move_bills
from include.settlement.quarantine import PAYMENT_DAYS
from include.settlement.queries import NightTables, night_tables
from include.settlement.references import (
    check_before_opening,
    check_cards,
    check_unknown_accounts,
    check_unknown_references,
)
from include.settlement.reversals import check_unmatched
from include.settlement.rounding import rounding_warning
from include.settlement.standing_orders import read_order_payments, read_order_reversals, read_orders, settle_orders
from include.settlement.state import SettlementState

_NEEDS: dict[str, tuple[str, ...]] = {
    "fin_order": ("missed_standing_order", "standing_order_amount"),
    "fin_loan": ("missed_loan_payment", "loan_payment_amount"),
    "fin_card": ("card_without_card",),
    "fin_district": ("unknown_reference for districts",),
}
"""Relations that a bank may lack, and the checks that cannot run without them."""


@dataclass(frozen=True)
class NightFindings:
    """The findings of the settlement checks on one night.

    Attributes
    ----------
    breaks
        Rows of `BREAKS_SCHEMA`, in a fixed order.
    state
        State as of the end of the night.
    skipped
        Sentences on absent relations without which checks were skipped, and on balances without information.
    warnings
        Sentences to read before the breaks, as they may explain most of them.
    """

    breaks: pa.Table
    state: SettlementState
    skipped: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def check_night(
    night: date,
    postings: pa.Table,
    lookback: pa.Table,
    statics: Mapping[str, pa.Table],
    state: SettlementState,
    rounding_cents: int,
    holidays: str | None = None,
    quarantined: pa.Table | None = None,
) -> NightFindings:
    """Check one settlement date; `state` is that of the day before and is not changed.

    Parameters
    ----------
    postings
        Accepted postings of the night: the columns of `fin_transaction`; further ones are ignored.
    lookback
        Accepted postings of the days before, which show what is usual among peers.
    statics
        Available static relations; their rows count from their own dates.
    rounding_cents
        Rounding of the source's balances in cents: two balances that differ by less agree.
    holidays
        Code of the calendar that the source's address declares (`include.settlement.banking_days.calendar_of`).
    quarantined
        Refused records of the night (`QUARANTINE_SCHEMA`), which may explain why a posting is missing.
    """
    moved = state.copy()
    moved.refused.take(quarantined, night)
    if postings.num_rows:
        moved.first_date = moved.first_date or night
        moved.booking_days[night] = postings.num_rows
    moved.booking_days = kept_counts(moved.booking_days, night)
    banking_days = BankingDays(moved.first_date, moved.booking_days, calendar_of(holidays))
    with night_tables(statics, postings=postings, lookback=lookback) as tables:
        silence = untold(tables)
        breaks = _settle(night, tables, moved, rounding_cents, banking_days, balances_tell=not silence)
    breaks = [moved.refused.excuse(found, _missing_since(found, state, night)) for found in breaks]
    skipped = (*skipped_checks(statics), *filter(None, [silence]))
    return NightFindings(breaks_table(night, breaks), moved, skipped, _warnings(breaks, postings, rounding_cents))


def _warnings(breaks: list[Break], postings: pa.Table, rounding_cents: int) -> tuple[str, ...]:
    chains = [found for found in breaks if found.code == "balance_chain"]
    accounts = pc.count_distinct(postings["account_id"]).as_py()
    return tuple(filter(None, [rounding_warning(chains, accounts, rounding_cents)]))


def _missing_since(found: Break, before: SettlementState, night: date) -> date:
    """The first date on which the posting that a break misses may have been booked."""
    closing = before.chain.get(found.account_id or 0) if found.code == "balance_chain" else None
    return closing.closed_on if closing else night - timedelta(PAYMENT_DAYS)


def skipped_checks(statics: Mapping[str, pa.Table]) -> tuple[str, ...]:
    """Sentences on the checks that are skipped because the bank lacks a relation."""
    return tuple(
        f"Skipped {' and '.join(checks)}: the source has no {relation}."
        for relation, checks in _NEEDS.items()
        if relation not in statics
    )


def state_from_history(
    history: pa.Table,
    statics: Mapping[str, pa.Table],
    before: date,
    rounding_cents: int,
    holidays: str | None = None,
    quarantined: pa.Table | None = None,
) -> SettlementState:
    """The state as of the end of the day before `before`, built in one pass.

    Parameters
    ----------
    history
        All accepted postings before `before`, in any order; later ones must not be in it.
    quarantined
        Refused records among them.

    Returns
    -------
    SettlementState
        State equal to the one that is advanced night by night through the same postings.
    """
    last = before - timedelta(1)
    state = SettlementState()
    state.refused.take(quarantined, last)
    with night_tables(statics, postings=history) as tables:
        counts = dict(tables.tuples("booking_days"))
        state.first_date, state.booking_days = min(counts, default=None), kept_counts(counts, last)
        banking_days = BankingDays(state.first_date, counts, calendar_of(holidays))
        replay_chains(tables, state, rounding_cents)
        orders, loans = read_orders(tables, last), read_loans(tables, last)
        paid, taken_back = read_order_payments(tables), read_order_reversals(tables)
        settle_orders(last, paid, orders, state.orders, rounding_cents, banking_days, taken_back)
        paid_loans, taken_back = read_loan_payments(tables), read_loan_reversals(tables)
        replay_loans(last, paid_loans, loans, state, rounding_cents, banking_days, taken_back)
        move_bills(tables, state, counts, banking_days, last)
    return state


def _settle(
    night: date,
    tables: NightTables,
    state: SettlementState,
    rounding_cents: int,
    banking_days: BankingDays,
    *,
    balances_tell: bool,
) -> list[Break]:
    """Run every check; `state` is advanced to the end of the night.

    Where the balances carry no information, the closings are advanced all the same, but breaks are not reported: when
    the state is built in one pass, it cannot know any night's look-back.
    """
    accounts = {row["account_id"]: row for row in tables.rows("account_dates")}
    opened = {k: row["create_date"] for k, row in accounts.items()}
    frequencies = {k: row["frequency"] for k, row in accounts.items()}
    orders, loans, tariffs = read_orders(tables, night), read_loans(tables, night), read_tariffs(tables)

    chains = settle_chains(night, account_days(tables.tuples("night_postings")), opened, state, rounding_cents)
    if not balances_tell:
        chains = ChainFindings()
    paid, taken_back = read_order_payments(tables), read_order_reversals(tables)
    missed_orders = settle_orders(night, paid, orders, state.orders, rounding_cents, banking_days, taken_back)
    paid_loans, taken_back = read_loan_payments(tables), read_loan_reversals(tables)
    missed_loans = settle_loans(night, paid_loans, loans, state, rounding_cents, banking_days, taken_back)
    missing = move_bills(tables, state, [night], banking_days, night)
    told = state.chain if balances_tell else {}
    obligations = Obligations(night, orders, loans, tariffs, frequencies, state)
    return [
        *(obligations.named(b, rounding_cents) for b in chains.breaks),
        *missed_orders,
        *missed_loans,
        *check_fees(tables, tariffs),
        *check_missing_bills(tables, missing, told, rounding_cents, banking_days.unit(night)),
        *(check_interest(tables, night, rounding_cents) if balances_tell else ()),
        *check_duplicates(tables, chains, balances_tell=balances_tell),
        *check_unmatched(tables),
        *_check_references(night, tables),
    ]


def _check_references(night: date, tables: NightTables) -> list[Break]:
    return [
        *check_unknown_accounts(tables),
        *check_unknown_references(tables, night),
        *check_before_opening(tables),
        *(check_cards(tables) if tables.has("fin_card") else ()),
    ]
