"""Monthly obligations of accounts: loans and standing orders, including those that repay loans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from demo.calendar import ENDLESS, Span
from demo.habits import DUE_DAYS, Habits
from demo.income_profiles import figure
from demo.people import Accounts
from demo.random_streams import Codes, Floats, Ints, RandomStreams, lognormal, pick, spaced_ids

BANKS = np.array(["AB", "CD", "EF", "GH", "IJ", "KL", "MN", "OP", "QR", "ST", "UV", "WX", "YZ"])
"""Thirteen other banks, as two letters (PKDD'99 has thirteen)."""
# PKDD'99: standing orders paid on each of the days 5..14, 13 months.
_DUE_DAY_WEIGHTS = (376, 393, 346, 391, 542, 369, 394, 528, 385, 429)
# PKDD'99: the first payment follows the opening by 94..178 days (5..95 %), median 150.
_ORDER_AFTER_DAYS, _ORDER_AFTER_SPREAD, _ORDER_AFTER_RANGE = 138, 17, (88, 170)
# PKDD'99 orders: first ones are households in nine of ten cases; of 2,252 others 1,379 blank, 532 IN, 341 LE.
_HOUSEHOLD_SHARE = 0.9
_MOST_ORDERS = 5
# PKDD'99: 230 of 3,024 household and insurance payments are posted without their category; leasing always is.
_BLANK_POSTED_SHARE = 0.08
# Orders beside the household share what is left of three quarters of the income.
_COMMITTED_SHARE = 0.75

# PKDD'99: 682 loans on 4,500 accounts, 12..60 months, granted 102..697 days after the opening; some too late.
_LOAN_SHARE = 0.157
_LOAN_AFTER_DAYS = (102, 698)
_LOAN_MONTHS = np.array([12, 24, 36, 48, 60])
_LOAN_MONTH_WEIGHTS = (131, 138, 130, 138, 145)
_LOAN_DUE_DAY = 12
_LOAN_PAYMENT_CENTS = (30_400, 991_000)
_CROWN, _TENTH = 100, 10


class _Purpose(NamedTuple):
    category: str
    weight: float
    median: float
    spread: float
    step: int


# PKDD'99 orders: medians and spreads of the amounts; leasing alone has tenths of a crown.
_OTHER_PURPOSES = (
    _Purpose("", 1379, 1339, 1.1, _CROWN),
    _Purpose("IN", 532, 629, 1.4, _CROWN),
    _Purpose("LE", 341, 1951, 0.55, _TENTH),
)


@dataclass(frozen=True)
class Orders:
    """Standing orders by position.

    Attributes
    ----------
    order_id
        Identifiers.
    account
        Position of the account that pays.
    bank, payee
        Position of the other bank, and the account there.
    cents
        Amount, the same every month.
    category
        Category of the order: HH, IN, LE, LO or blank.
    posted
        Category of its postings, which some orders lose.
    due_day
        Day of the month on which it is due.
    since
        Day number of the earliest payment.
    times
        Largest number of payments.
    """

    order_id: Ints
    account: Ints
    bank: Ints
    payee: Ints
    cents: Ints
    category: Codes
    posted: Codes
    due_day: Ints
    since: Ints
    times: Ints

    def __len__(self) -> int:
        """The number of standing orders."""
        return len(self.order_id)


@dataclass(frozen=True)
class Loans:
    """Loans by position.

    Attributes
    ----------
    loan_id
        Identifiers.
    account
        Position of the account that repays.
    granted
        Day number of the grant.
    months
        Duration in months.
    cents
        Exact monthly payment, to a tenth of a crown; `fin_loan.payments` gives it in whole crowns.
    """

    loan_id: Ints
    account: Ints
    granted: Ints
    months: Ints
    cents: Ints

    @property
    def payments_cents(self) -> Ints:
        """The monthly payment in whole crowns, as the relation states it."""
        return (self.cents + _CROWN // 2) // _CROWN * _CROWN


def draw_loans(accounts: Accounts, habits: Habits, span: Span, streams: RandomStreams) -> Loans:
    """Loans granted within the span, repaid from an eighth to a quarter of the income."""
    rng, size = streams.of("loans"), len(accounts)
    granted = accounts.opened + rng.integers(*_LOAN_AFTER_DAYS, size)
    could = np.flatnonzero(granted <= span.last)
    takers = np.sort(rng.permutation(could)[: round(_LOAN_SHARE * len(could))])
    cents = np.clip(100 * habits.income[takers] * rng.uniform(0.12, 0.25, len(takers)), *_LOAN_PAYMENT_CENTS)
    return Loans(
        loan_id=spaced_ids(rng, 4959, len(takers), 6),
        account=takers,
        granted=granted[takers],
        months=_LOAN_MONTHS[pick(rng, _LOAN_MONTH_WEIGHTS, len(takers))],
        cents=_stepped(cents, np.where(rng.random(len(takers)) < 0.5, _CROWN, _TENTH)),
    )


def draw_orders(accounts: Accounts, habits: Habits, loans: Loans, span: Span, streams: RandomStreams) -> Orders:
    """Standing orders that have started by the end of the span; orders that repay loans come last."""
    rng = streams.of("orders")
    account, place = _who_orders(accounts, rng)
    purpose = _purposes(place, rng)
    due_day = DUE_DAYS[pick(rng, _DUE_DAY_WEIGHTS, len(account))]
    wait = np.clip(rng.normal(_ORDER_AFTER_DAYS, _ORDER_AFTER_SPREAD, len(account)), *_ORDER_AFTER_RANGE)
    since = accounts.opened[account] + wait.astype(np.int64)
    cents = _order_cents(accounts, habits, account, purpose, rng)
    started = since <= span.last
    account, purpose, due_day, since, cents = (x[started] for x in (account, purpose, due_day, since, cents))
    return _numbered(account, purpose, due_day, since, cents, loans, rng)


def _who_orders(accounts: Accounts, rng: np.random.Generator) -> tuple[Ints, Ints]:
    profile, size = accounts.profile, len(accounts)
    further = rng.geometric(1 - figure(profile, "more_orders"), size)
    count = np.where(rng.random(size) < figure(profile, "orders"), np.minimum(further, _MOST_ORDERS), 0)
    account = np.repeat(np.arange(size), count)
    place = np.arange(len(account)) - np.repeat(np.cumsum(count) - count, count)
    return account, place


def _purposes(place: Ints, rng: np.random.Generator) -> Ints:
    """The purpose of each order: its position in `_OTHER_PURPOSES`, or -1 for the household."""
    other = pick(rng, [purpose.weight for purpose in _OTHER_PURPOSES], len(place))
    household = (place == 0) & (rng.random(len(place)) < _HOUSEHOLD_SHARE)
    return np.where(household, -1, other)


def _order_cents(accounts: Accounts, habits: Habits, account: Ints, purpose: Ints, rng: np.random.Generator) -> Ints:
    income, profile = 100 * habits.income[account], accounts.profile[account]
    household = income * np.clip(lognormal(rng, figure(profile, "household"), 0.35, len(account)), 0.02, 0.65)
    spent = np.bincount(account, household * (purpose < 0), len(accounts))[account]
    others = np.bincount(account, purpose >= 0, len(accounts))[account]
    median = np.array([p.median for p in _OTHER_PURPOSES])[purpose]
    spread = np.array([p.spread for p in _OTHER_PURPOSES])[purpose]
    ceiling = (_COMMITTED_SHARE * income - spent) / np.maximum(others, 1) * rng.uniform(0.7, 1.0, len(account))
    other = np.minimum(100 * lognormal(rng, median, spread, len(account)), ceiling)
    step = np.where(purpose < 0, _CROWN, np.array([p.step for p in _OTHER_PURPOSES])[purpose])
    return _stepped(np.where(purpose < 0, household, other), step)


def _stepped(cents: Floats, step: Ints) -> Ints:
    whole: Ints = (cents // step).astype(np.int64) * step
    return np.maximum(whole, _CROWN)


def _numbered(
    account: Ints, purpose: Ints, due_day: Ints, since: Ints, cents: Ints, loans: Loans, rng: np.random.Generator
) -> Orders:
    category = np.where(purpose < 0, "HH", np.array([p.category for p in _OTHER_PURPOSES])[purpose])
    unnamed = (category == "LE") | (rng.random(len(account)) < _BLANK_POSTED_SHARE)
    granted = len(loans.loan_id)
    size = len(account) + granted
    return Orders(
        order_id=spaced_ids(rng, 29_401, size, 4),
        account=np.concatenate([account, loans.account]),
        bank=rng.integers(0, len(BANKS), size),
        payee=draw_payees(size, rng),
        cents=np.concatenate([cents, loans.cents]),
        category=np.concatenate([category, np.full(granted, "LO")]),
        posted=np.concatenate([np.where(unnamed, "", category), np.full(granted, "LO")]),
        due_day=np.concatenate([due_day, np.full(granted, _LOAN_DUE_DAY)]),
        since=np.concatenate([since, loans.granted + 1]),
        times=np.concatenate([np.full(len(account), ENDLESS), loans.months]),
    )


def draw_payees(size: int, rng: np.random.Generator) -> Ints:
    """Account numbers at other banks: up to eight digits, practically one of its own for every use (as in PKDD'99)."""
    return rng.integers(80_000, 100_000_000, size)
