"""Postings before they are booked: their kinds, their codes, and all postings that do not depend on a balance."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np

from demo.calendar import Occurrences, Span, at_month_ends, monthly, now_and_then
from demo.commitments import BANKS, Orders, draw_payees
from demo.habits import Habits
from demo.income_profiles import IncomeProfile, figure
from demo.people import Accounts, Cards
from demo.random_streams import Bools, Floats, Ints, RandomStreams, lognormal

# PKDD'99: opening deposits of 200..1,100 crowns, in hundreds.
_OPENING_HUNDREDS = (2, 12)
# PKDD'99: salaries are a half higher in June and December, in 46 of 46 and 104 of 104 cases.
_BONUS, _BONUS_MONTHS = 1.5, (6, 12)
# Takings come about twice a month (PKDD'99: 1.9 to 2.2).
_TAKINGS_RATE, _TAKINGS_SPREAD = 2.0, 0.55
# PKDD'99: fees by frequency of the statement, 3,701 of 3,701.
_FEE_CENTS = {"M": 1_460, "W": 3_000, "T": 10_000}
# December's presents and January's sales: withdrawals per account rose from 1.1 to 1.7 and 4.2 in PKDD'99.
_SEASON = {12: 1.8, 1: 3.0}
_SEASON_AMOUNT = {12: 1.25}
_EVERYDAY_SPREAD = 0.5
# PKDD'99: uneven withdrawals of 2,025..24,743 crowns; two months in three by those who do, half an income at most.
_LARGE_CROWNS, _LARGE_RATE, _LARGE_SHARE = (2_000, 24_750), 0.7, 0.5
_ZERO_RATE, _ZERO_CROWNS, _ZERO_SPREAD = 0.5, 3_700, 0.6
_HOUSEHOLD_RATE, _HOUSEHOLD_CROWNS, _HOUSEHOLD_SPREAD = 1.0, 5_800, 0.5
# A decision: one a month and card. PKDD'99's 13 months have nine in all (1,500..3,900 crowns), too few to measure by.
_CARD_RATE, _CARD_CROWNS, _CARD_SPREAD = 1.0, 2_600, 0.4
_AFTER_OPENING_DAYS = 120
_HUNDRED = 10_000


class Kind(IntEnum):
    """The kind of a posting, in more detail than its three codes."""

    OPENING = 0
    SALARY = 1
    PENSION = 2
    CASH_SALARY = 3
    TAKINGS = 4
    ORDER_BLANK = 5
    ORDER_HOUSEHOLD = 6
    ORDER_INSURANCE = 7
    ORDER_LOAN = 8
    COUNTER_ZERO = 9
    COUNTER_HOUSEHOLD = 10
    LARGE = 11
    EVERYDAY = 12
    CARD = 13
    FEE = 14
    CUSHION_OUT = 15
    CUSHION_IN = 16
    INTEREST = 17
    OVERDRAFT = 18


@dataclass(frozen=True)
class Written:
    """The form of a kind: its three codes (blank for none), and whether a person did it at some place and hour."""

    trans_type: str
    operation: str
    category: str
    is_personal: bool


WRITTEN: dict[Kind, Written] = {
    Kind.OPENING: Written("C", "CIC", "", True),
    Kind.SALARY: Written("C", "COB", "", False),
    Kind.PENSION: Written("C", "COB", "PE", False),
    Kind.CASH_SALARY: Written("C", "CIC", "", True),
    Kind.TAKINGS: Written("C", "CIC", "", True),
    Kind.ORDER_BLANK: Written("D", "ROB", "", False),
    Kind.ORDER_HOUSEHOLD: Written("D", "ROB", "HH", False),
    Kind.ORDER_INSURANCE: Written("D", "ROB", "IN", False),
    Kind.ORDER_LOAN: Written("D", "ROB", "LO", False),
    Kind.COUNTER_ZERO: Written("D", "WIC", "", True),
    Kind.COUNTER_HOUSEHOLD: Written("D", "WIC", "HH", True),
    Kind.LARGE: Written("P", "WIC", "", True),
    Kind.EVERYDAY: Written("D", "WIC", "", True),
    Kind.CARD: Written("D", "CCW", "", True),
    Kind.FEE: Written("D", "WIC", "ST", False),
    Kind.CUSHION_OUT: Written("D", "WIC", "", True),
    Kind.CUSHION_IN: Written("C", "CIC", "", True),
    Kind.INTEREST: Written("C", "", "IC", False),
    Kind.OVERDRAFT: Written("D", "WIC", "IO", False),
}
"""Every kind as PKDD'99 writes it."""

_ORDER_KINDS = {"": Kind.ORDER_BLANK, "HH": Kind.ORDER_HOUSEHOLD, "IN": Kind.ORDER_INSURANCE, "LO": Kind.ORDER_LOAN}

NONE = -1
"""Value for no counterparty, no place or no incident."""


@dataclass(frozen=True)
class Postings:
    """Postings by position.

    Attributes
    ----------
    account
        Position of the account.
    day
        Day number of the posting.
    cents
        Exact amount in cents, positive.
    kind
        Kind of the posting, a `Kind`.
    item
        Position of the account's order or card that the posting belongs to.
    bank
        Position of the other bank, or `NONE`.
    payee
        Account at the other bank, 0 as written by some desks, or `NONE`.
    incident
        Position in the list of planted incidents, or `NONE`.
    """

    account: Ints
    day: Ints
    cents: Ints
    kind: Ints
    item: Ints
    bank: Ints
    payee: Ints
    incident: Ints

    def __len__(self) -> int:
        """The number of postings."""
        return len(self.account)

    def take(self, chosen: Ints | Bools) -> Postings:
        """The postings at the chosen positions."""
        return Postings(**{f.name: getattr(self, f.name)[chosen] for f in fields(self)})

    @property
    def signed_cents(self) -> Ints:
        """The amount with its effect on the balance: negative for everything except a credit."""
        credit = np.array([WRITTEN[kind].trans_type == "C" for kind in Kind])
        return np.where(credit[self.kind], self.cents, -self.cents)


def posted(kind: Kind | Ints, account: Ints, day: Ints, cents: Ints | Floats, **more: Ints | int) -> Postings:
    """Postings of one kind (or one each), with no item, counterparty or incident unless given."""
    size = len(account)
    rest = {"item": 0, "bank": NONE, "payee": NONE, "incident": NONE, **more}
    columns = {"account": account, "day": day, "cents": cents, "kind": kind, **rest}
    return Postings(**{name: np.broadcast_to(value, size).astype(np.int64) for name, value in columns.items()})


def joined(parts: list[Postings]) -> Postings:
    """All parts, one after the other."""
    return Postings(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Postings)})


def draw_postings(
    accounts: Accounts, habits: Habits, orders: Orders, cards: Cards, span: Span, streams: RandomStreams
) -> Postings:
    """All postings that do not depend on the balance."""
    drawn = joined(
        [
            _openings(accounts, streams),
            _salaries(accounts, habits, span, streams),
            _takings(accounts, habits, span, streams),
            _order_payments(orders, span),
            _fees(accounts, habits, span),
            _everyday(accounts, habits, span, streams),
            _desk_habit(Kind.COUNTER_ZERO, habits.pays_zero, accounts, span, streams),
            _desk_habit(Kind.COUNTER_HOUSEHOLD, habits.pays_household, accounts, span, streams),
            _large(accounts, habits, span, streams),
            _card_withdrawals(cards, span, streams),
        ]
    )
    return _told_apart(drawn)


def _told_apart(postings: Postings) -> Postings:
    """Leave out postings that would look like a repeated one, as a hundred in a million would by chance."""
    key = np.stack([postings.account, postings.day, postings.cents, postings.kind, postings.payee])
    order = np.lexsort(key)
    is_repeated = np.r_[False, (key[:, order][:, 1:] == key[:, order][:, :-1]).all(axis=0)]
    return postings.take(np.sort(order[~is_repeated]))


def _openings(accounts: Accounts, streams: RandomStreams) -> Postings:
    hundreds = streams.of("openings").integers(*_OPENING_HUNDREDS, len(accounts))
    return posted(Kind.OPENING, np.arange(len(accounts)), accounts.opened, hundreds * _HUNDRED)


def _salaries(accounts: Accounts, habits: Habits, span: Span, streams: RandomStreams) -> Postings:
    """Regular incomes: constant pensions and allowances; salaries with a raise in January and a bonus twice a year."""
    rng = streams.of("payers")
    bank, payer = rng.integers(0, len(BANKS), len(accounts)), draw_payees(len(accounts), rng)
    due = monthly(span, habits.pay_day, habits.paid_since)
    due = due.where(accounts.profile[due.item] != IncomeProfile.BUSINESS)
    profile = accounts.profile[due.item]
    in_cash = profile == IncomeProfile.CASH_SALARY
    kind = np.where(profile == IncomeProfile.PENSION, Kind.PENSION, np.where(in_cash, Kind.CASH_SALARY, Kind.SALARY))
    return posted(
        kind,
        due.item,
        due.day,
        _pay_cents(accounts, habits, due, span),
        bank=np.where(in_cash, NONE, bank[due.item]),
        payee=np.where(in_cash, NONE, payer[due.item]),
    )


def _pay_cents(accounts: Accounts, habits: Habits, due: Occurrences, span: Span) -> Floats:
    raised = habits.income[due.item] * (1 + habits.yearly_raise[due.item]) ** span.years_in[due.month]
    has_bonus = np.isin(accounts.profile[due.item], [IncomeProfile.SALARY, IncomeProfile.CASH_SALARY])
    has_bonus &= np.isin(span.month_of_year[due.month], _BONUS_MONTHS)
    cents: Floats = 100 * np.round(raised) * np.where(has_bonus, _BONUS, 1.0)
    return cents


def _takings(accounts: Accounts, habits: Habits, span: Span, streams: RandomStreams) -> Postings:
    rng = streams.of("takings")
    rate = np.where(accounts.profile == IncomeProfile.BUSINESS, _TAKINGS_RATE, 0.0)
    came = now_and_then(span, np.repeat(rate[:, None], span.months, axis=1), accounts.opened, rng)
    median = habits.income[came.item] / _TAKINGS_RATE * np.exp(-(_TAKINGS_SPREAD**2) / 2)
    return posted(
        Kind.TAKINGS, came.item, came.day, 100 * np.round(lognormal(rng, median, _TAKINGS_SPREAD, len(came.item)))
    )


def _order_payments(orders: Orders, span: Span) -> Postings:
    due = monthly(span, orders.due_day, orders.since, orders.times)
    kinds = np.array([_ORDER_KINDS[code] for code in orders.posted], dtype=np.int64)
    order = due.item
    return posted(
        kinds[order],
        orders.account[order],
        due.day,
        orders.cents[order],
        item=order,
        bank=orders.bank[order],
        payee=orders.payee[order],
    )


def _fees(accounts: Accounts, habits: Habits, span: Span) -> Postings:
    due = at_month_ends(span, habits.fee_since)
    cents = np.array([_FEE_CENTS[code] for code in accounts.frequency], dtype=np.int64)
    return posted(Kind.FEE, due.item, due.day, cents[due.item])


def _everyday(accounts: Accounts, habits: Habits, span: Span, streams: RandomStreams) -> Postings:
    rng = streams.of("everyday")
    season = np.array([_SEASON.get(month, 1.0) for month in span.month_of_year])
    came = now_and_then(span, figure(accounts.profile, "everyday_rate")[:, None] * season, habits.everyday_since, rng)
    profile, income = accounts.profile[came.item], habits.income[came.item]
    amount = lognormal(rng, income * figure(profile, "everyday"), _EVERYDAY_SPREAD, len(profile))
    amount *= np.array([_SEASON_AMOUNT.get(month, 1.0) for month in span.month_of_year])[came.month]
    return posted(Kind.EVERYDAY, came.item, came.day, _rounded(amount, figure(profile, "everyday_step")))


def _rounded(crowns: Floats, step: Floats | int) -> Floats:
    """The nearest multiple of `step` crowns in cents, at least a hundred crowns."""
    cents: Floats = 100 * np.maximum(np.round(crowns / step) * step, 100)
    return cents


def _settled(who: Bools, rate: float, accounts: Accounts, span: Span, rng: np.random.Generator) -> Occurrences:
    """Occurrences at random days, for some accounts, once they have been open for a while."""
    per_month = np.repeat(np.where(who, rate, 0.0)[:, None], span.months, axis=1)
    return now_and_then(span, per_month, accounts.opened + _AFTER_OPENING_DAYS, rng)


def _desk_habit(kind: Kind, who: Bools, accounts: Accounts, span: Span, streams: RandomStreams) -> Postings:
    rng = streams.of(kind.name)
    rate, crowns, spread = {
        Kind.COUNTER_ZERO: (_ZERO_RATE, _ZERO_CROWNS, _ZERO_SPREAD),
        Kind.COUNTER_HOUSEHOLD: (_HOUSEHOLD_RATE, _HOUSEHOLD_CROWNS, _HOUSEHOLD_SPREAD),
    }[kind]
    came = _settled(who, rate, accounts, span, rng)
    amount = lognormal(rng, crowns, spread, len(came.item))
    return posted(kind, came.item, came.day, _rounded(amount, 100), payee=0)


def _large(accounts: Accounts, habits: Habits, span: Span, streams: RandomStreams) -> Postings:
    rng = streams.of("large")
    came = _settled(habits.pays_large, _LARGE_RATE, accounts, span, rng)
    crowns = np.minimum(rng.integers(*_LARGE_CROWNS, len(came.item)), np.round(_LARGE_SHARE * habits.income[came.item]))
    return posted(Kind.LARGE, came.item, came.day, 100 * crowns)


def _card_withdrawals(cards: Cards, span: Span, streams: RandomStreams) -> Postings:
    rng = streams.of("card withdrawals")
    rate = np.full((len(cards.account), span.months), _CARD_RATE)
    came = now_and_then(span, rate, cards.issued, rng)
    amount = lognormal(rng, _CARD_CROWNS, _CARD_SPREAD, len(came.item))
    return posted(Kind.CARD, cards.account[came.item], came.day, _rounded(amount, 100), item=came.item, payee=0)
