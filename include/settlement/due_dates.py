"""Monthly due dates: when the next one is, which payment fulfils it, and when it counts as missed."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

# Half a month: a payment nearer to the coming due day than to the last one belongs to the coming one.
EARLY_DAYS = 15

_LAST_MONTH = date.max.year * 12 + date.max.month - 1


@dataclass
class MonthlyDue:
    """One monthly expectation, which payments and passing nights advance.

    Attributes
    ----------
    due_day
        Day of the month on which it is due; in a shorter month the last day.
    next_due
        Next due date; None when nothing more is expected until a payment comes.
    missed_in_row
        Number of due dates that were missed since the last payment.
    """

    due_day: int
    next_due: date | None
    missed_in_row: int = 0

    @classmethod
    def starting(cls, paid: date) -> MonthlyDue:
        """The expectation after one payment."""
        return cls(paid.day, next_month(paid, paid.day))

    def overdue(self, passed: date, patience: int | None = None, until: date = date.max) -> list[date]:
        """Advance past the due dates whose grace is over, and return them.

        Parameters
        ----------
        passed
            The last due date whose grace is over (`include.settlement.banking_days.BankingDays.passed`).
        patience
            Number of misses in a row after which nothing more is expected; None for no limit.
        until
            Last date on which anything is due.
        """
        missed: list[date] = []
        while self._is_due_before(passed, until):
            assert self.next_due is not None  # noqa: S101 - narrows the type
            missed.append(self.next_due)
            self.missed_in_row += 1
            self.next_due = None if self.missed_in_row == patience else next_month(self.next_due, self.due_day)
        if self.next_due is not None and self.next_due > until:
            self.next_due = None
        return missed

    def _is_due_before(self, last: date, until: date) -> bool:
        return self.next_due is not None and self.next_due <= min(last, until)

    def receive(self, paid: date, passed: date) -> bool:
        """Apply a payment; returns False when it is an extra payment between two due dates.

        Parameters
        ----------
        paid
            Day on which it was booked.
        passed
            The last due date whose grace was over on the day before.

        Notes
        -----
        A payment within the days of grace leaves the due day unchanged. An early or late payment, and the first one
        after a pause, move it to their own day, as a customer may change the day of an order.
        """
        if self.next_due is None or self.next_due <= passed:
            self._move_to(paid)
        elif paid >= self.next_due:
            self.next_due = next_month(self.next_due, self.due_day)
        elif paid >= self.next_due - timedelta(EARLY_DAYS) or self.missed_in_row:
            self._move_to(paid)
        else:
            return False
        self.missed_in_row = 0
        return True

    def take_back(self, paid: date) -> bool:
        """Make a payment's due date due again; returns False when a later payment or a miss has moved it since."""
        if self.next_due is None or self.missed_in_row:
            return False
        former = month_before(self.next_due, self.due_day)
        if abs((paid - former).days) > EARLY_DAYS:
            return False
        self.next_due = former
        return True

    def _move_to(self, paid: date) -> None:
        self.due_day = paid.day
        self.next_due = next_month(paid, paid.day)


def next_month(day: date, due_day: int) -> date:
    """The due date in the month after that of `day`.

    Examples
    --------
    >>> next_month(date(1993, 1, 31), 31)
    datetime.date(1993, 2, 28)
    >>> next_month(date(1993, 2, 28), 31)
    datetime.date(1993, 3, 31)
    """
    return in_month(day.year + day.month // 12, day.month % 12 + 1, due_day)


def month_before(day: date, due_day: int) -> date:
    """The due date in the month before that of `day`.

    Examples
    --------
    >>> month_before(date(1993, 3, 31), 31)
    datetime.date(1993, 2, 28)
    """
    return in_month(day.year - (day.month == 1), (day.month - 2) % 12 + 1, due_day)


def in_month(year: int, month: int, due_day: int) -> date:
    """The date of `due_day` in a month, or the month's last day when the month is shorter."""
    return date(year, month, min(due_day, monthrange(year, month)[1]))


def first_due(after: date, due_day: int) -> date:
    """The first due date strictly after `after`.

    Examples
    --------
    >>> first_due(date(1993, 7, 12), 12)
    datetime.date(1993, 8, 12)
    """
    this_month = in_month(after.year, after.month, due_day)
    return this_month if this_month > after else next_month(after, due_day)


def months_later(day: date, months: int) -> date:
    """The same day of the month, `months` months later; in the calendar's last month where that lies beyond it.

    Examples
    --------
    >>> months_later(date(1993, 11, 30), 3)
    datetime.date(1994, 2, 28)
    >>> months_later(date(1993, 11, 30), 10**6)
    datetime.date(9999, 12, 30)
    """
    whole = min(day.year * 12 + day.month - 1 + months, _LAST_MONTH)
    return in_month(whole // 12, whole % 12 + 1, day.day)
