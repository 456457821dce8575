"""Income profiles: five sources of income, each with its figures, measured on the PKDD'99 relations.

Measured on the 37,344 postings of 1993-01-01..1994-01-31 joined with accounts, orders and owners; the rates of cash
withdrawals are such that six years of 4,500 accounts come near the whole bank's 1,056,320 postings.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from demo.random_streams import Floats, Ints


class IncomeProfile(IntEnum):
    """The source of an account's income."""

    PENSION = 0  # collected from another bank, category PE
    SALARY = 1  # collected from another bank, a half more in June and December
    ALLOWANCE = 2  # collected from another bank, small and constant
    CASH_SALARY = 3  # paid in at the desk on a fixed day, a half more in June and December
    BUSINESS = 4  # paid in at the desk whenever there are takings


@dataclass(frozen=True)
class Habits:
    """The habits of one profile.

    Parameters
    ----------
    share
        Share of the bank's accounts.
    income
        Median monthly income, crowns.
    income_spread
        Spread of its logarithm.
    age, age_spread, youngest, oldest
        Owner's age at the opening, years.
    cushion
        Balance that the holders keep, in monthly incomes.
    orders
        Probability of having standing orders.
    more_orders
        Probability of one more, after each.
    household
        Median share of the income that the household order takes.
    everyday
        Median everyday cash withdrawal, as a share of the income.
    everyday_rate
        Everyday cash withdrawals a month.
    everyday_step
        Crowns such amounts are a multiple of.
    large
        Probability of taking out large uneven sums now and then.
    """

    share: float
    income: float
    income_spread: float
    age: float
    age_spread: float
    youngest: float
    oldest: float
    cushion: float
    orders: float
    more_orders: float
    household: float
    everyday: float
    everyday_rate: float
    everyday_step: int
    large: float


FIGURES: dict[IncomeProfile, Habits] = {
    # 203 of 1,163 accounts; owners 57..75 years old; 4,019..6,987 crowns; one household order of a half of it.
    IncomeProfile.PENSION: Habits(0.175, 5600, 0.15, 66, 5, 55, 82, 3.6, 0.99, 0.13, 0.48, 0.22, 0.55, 10, 0.0),
    # 109 accounts; 11,374..48,052 crowns (5..95 %); a third take out large sums.
    IncomeProfile.SALARY: Habits(0.094, 27000, 0.42, 35, 12, 14, 62, 1.3, 0.82, 0.45, 0.27, 0.20, 0.6, 100, 0.6),
    # 118 accounts; 2,957..3,871 crowns.
    IncomeProfile.ALLOWANCE: Habits(0.101, 3280, 0.08, 34, 12, 14, 62, 4.6, 0.98, 0.40, 0.58, 0.13, 0.55, 10, 0.0),
    # 279 of the 391 accounts whose cash income is long enough to tell; 5,640..23,136 crowns (10..90 %).
    IncomeProfile.CASH_SALARY: Habits(0.45, 14960, 0.45, 34, 12, 14, 62, 2.1, 0.77, 0.36, 0.27, 0.18, 0.6, 10, 0.12),
    # The other 112; about two deposits a month, the largest six to eight times the smallest.
    IncomeProfile.BUSINESS: Habits(0.18, 30000, 0.35, 36, 11, 19, 62, 1.5, 0.77, 0.36, 0.16, 0.11, 0.6, 100, 0.3),
}


def figure(profile: Ints, name: str) -> Floats:
    """One figure for every account, by its income profile."""
    by_living = np.array([getattr(FIGURES[way], name) for way in IncomeProfile], dtype=float)
    chosen: Floats = by_living[profile]
    return chosen
