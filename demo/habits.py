"""Habits of each account's holders, drawn once: income, pay day, cushion, beginning of each habit, usual hours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo.income_profiles import IncomeProfile, figure
from demo.people import Accounts, Clients
from demo.random_streams import Bools, Floats, Ints, RandomStreams, pick

DUE_DAYS = np.arange(5, 15)
"""Incomes and standing orders fall on the 5th to the 14th, and on no other day (PKDD'99, 2,892 and 4,153 postings)."""
# PKDD'99: incomes collected on each of those days, 13 months.
_PAY_DAY_WEIGHTS = (388, 298, 381, 228, 221, 200, 263, 324, 303, 286)
# PKDD'99: first fee about five months after the opening, in the month before or in which standing orders start.
_FEE_AFTER_DAYS = (95, 165)
# PKDD'99: 443 of 466 accounts older than eight months pay a fee at all.
_FEE_SHARE = 0.95
# Everyday withdrawals begin some time in the first year: the real bank's rose fourfold within its second winter.
_EVERYDAY_AFTER_DAYS = (45, 270)
# A raise every January, of a few percent.
_RAISE = (0.02, 0.07)
# PKDD'99: withdrawals and household payments written with counterparty 0: about 8 % and 2 % of the accounts of earners.
_COUNTER_ZERO_SHARE = 0.11
_COUNTER_HOUSEHOLD_SHARE = 0.12
# Incomes stay within this many spreads: PKDD'99 has no salary above 50,000 crowns.
_INCOME_REACH = 1.6


@dataclass(frozen=True)
class Habits:
    """Habits by position of the account.

    Attributes
    ----------
    income
        Monthly income in crowns.
    pay_day
        Day of the month on which the income comes.
    paid_since
        First day number on which the income may come.
    yearly_raise
        Growth of the income every January, as a share.
    cushion_cents
        Balance that the holders keep, in cents.
    fee_since, everyday_since
        Day numbers on which fees and everyday withdrawals begin.
    pays_large, pays_zero, pays_household
        Whether the holders take out large sums, withdraw with counterparty 0, and pay the household in cash.
    """

    income: Floats
    pay_day: Ints
    paid_since: Ints
    yearly_raise: Floats
    cushion_cents: Ints
    fee_since: Ints
    everyday_since: Ints
    pays_large: Bools
    pays_zero: Bools
    pays_household: Bools


@dataclass(frozen=True)
class Hours:
    """Usual times of day of people, in seconds since midnight, by position of the client.

    Attributes
    ----------
    desk, card
        Usual time at the desk and with the card.
    desk_spread, card_spread
        Spread around the usual time.
    """

    desk: Floats
    card: Floats
    desk_spread: Floats
    card_spread: Floats


def draw_habits(accounts: Accounts, streams: RandomStreams) -> Habits:
    """The habits of every account."""
    rng, size, profile = streams.of("habits"), len(accounts), accounts.profile
    reach = figure(profile, "income_spread") * np.clip(rng.standard_normal(size), -_INCOME_REACH, _INCOME_REACH)
    income = np.round(figure(profile, "income") * np.exp(reach))
    earns = np.isin(profile, [IncomeProfile.SALARY, IncomeProfile.CASH_SALARY])
    in_cash = np.isin(profile, [IncomeProfile.SALARY, IncomeProfile.CASH_SALARY, IncomeProfile.BUSINESS])
    fee_since = accounts.opened + rng.integers(*_FEE_AFTER_DAYS, size)
    return Habits(
        income=income,
        pay_day=DUE_DAYS[pick(rng, _PAY_DAY_WEIGHTS, size)],
        paid_since=accounts.opened,
        yearly_raise=np.where(earns, rng.uniform(*_RAISE, size), 0.0),
        cushion_cents=(100 * income * figure(profile, "cushion") * rng.uniform(0.7, 1.3, size)).astype(np.int64),
        fee_since=np.where(rng.random(size) < _FEE_SHARE, fee_since, np.iinfo(np.int64).max),
        everyday_since=accounts.opened + rng.integers(*_EVERYDAY_AFTER_DAYS, size),
        pays_large=rng.random(size) < figure(profile, "large"),
        pays_zero=in_cash & (rng.random(size) < _COUNTER_ZERO_SHARE),
        pays_household=(profile == IncomeProfile.BUSINESS) & (rng.random(size) < _COUNTER_HOUSEHOLD_SHARE),
    )


def draw_hours(clients: Clients, streams: RandomStreams) -> Hours:
    """The usual hours of every client: desks in office hours, cards in the afternoon and evening."""
    rng, size = streams.of("hours"), len(clients)
    return Hours(
        desk=rng.normal(12 * 3600, 2 * 3600, size),
        card=rng.normal(17 * 3600, 2 * 3600, size),
        desk_spread=rng.uniform(900, 3600, size),
        card_spread=rng.uniform(1800, 5400, size),
    )
