"""The order of the queue: points for the money at stake, how sure a finding is, and how long it has waited.

Age is a constant slope on the date of the oldest finding, so that the order of two cases does not change with the
clock, and the points are stored once.
"""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal

from include.cases.views import RankPart

POINTS_PER_TENFOLD = 10.0
"""Points of ten times as much money. A decision: what is weighed is orders of magnitude, as fraud's amounts spread."""
POINTS_WHEN_SURE = 20.0
"""Points of a rule that is surely broken: as much as a hundred times the money. A decision."""
POINTS_PER_DAY = 0.5
"""Points of a day's waiting: after twenty days a case passes one of ten times the money. A decision."""
SURE_OF_ERROR, SURE_OF_WARNING, SURE_OF_NOTICE = 1.0, 0.4, 0.2
"""How sure a finding without a score is: an error breaks a rule, a warning may be the bank's own way, a notice is about
the bank as a whole and names no posting. A decision; a score speaks for itself."""


def sureness(kind: str, severity: str, score: float | None) -> float:
    """How sure a finding is, 0 to 1.

    >>> sureness("score", "error", 0.7), sureness("break", "error", None), sureness("drift", "warn", None)
    (0.7, 1.0, 0.2)
    """
    if score is not None:
        return score
    if kind != "break":
        return SURE_OF_NOTICE
    return SURE_OF_ERROR if severity == "error" else SURE_OF_WARNING


def points(money_cents: int, sure: float, oldest: date) -> int:
    """Points of a case in thousandths, which order the queue; without meaning by themselves.

    >>> old, new = date(1994, 1, 1), date(1994, 1, 21)
    >>> points(1_000_00, 1.0, old) > points(1_000_00, 1.0, new)
    True
    """
    waited = -POINTS_PER_DAY * oldest.toordinal()
    return round(1000 * (_of_money(money_cents) + POINTS_WHEN_SURE * sure + waited))


def rank_parts(money: Decimal, sure: float, oldest: date, as_of: date) -> tuple[RankPart, ...]:
    """The parts of a case's place, in words.

    Parameters
    ----------
    money, sure, oldest
        As the reader sees them.
    as_of
        Newest settlement date that was taken in, up to which a case has waited.
    """
    days = max((as_of - oldest).days, 0)
    at_stake = f"{money:,.2f} at stake" if money else "no money at stake"
    return (
        RankPart("money", _of_money(int(money * 100)), at_stake),
        RankPart("sureness", POINTS_WHEN_SURE * sure, _sure_in_words(sure)),
        RankPart("age", POINTS_PER_DAY * days, f"waiting {days} day{'' if days == 1 else 's'}"),
    )


def _of_money(money_cents: int) -> float:
    return POINTS_PER_TENFOLD * math.log10(1 + money_cents / 100)


def _sure_in_words(sure: float) -> str:
    said = {SURE_OF_ERROR: "a rule is broken", SURE_OF_WARNING: "a warning", SURE_OF_NOTICE: "a notice"}
    return said.get(sure, f"score {sure:.2f}")
