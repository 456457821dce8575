"""Rare incidents planted into the last month of a demonstration bank, each known and listed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from demo.calendar import Span
from demo.commitments import Orders
from demo.habits import Habits
from demo.income_profiles import IncomeProfile
from demo.people import Accounts, Cards
from demo.postings import NONE, Kind, Postings, joined, posted
from demo.random_streams import Bools, Ints

_WEEK_DAYS, _MONTH_DAYS = 7, 31
# A standing order counts from its second payment and is missed three days after its day.
_PAYMENTS_SEEN, _GRACE_DAYS = 3, 4
_SHIFT = 10  # a decimal point set one place too far
_CARD_CENTS = 310_000
# Fifty monthly incomes at once: far above the tenfold that the most irregular businesses show.
_BLATANT_INCOMES = 50
# Incidents in the file, not in the real movement of money.
_MISSING, _SHIFTED, _DOUBLED = "missing_posting", "shifted_decimal", "doubled_posting"
_AT_THE_DESK = (Kind.EVERYDAY, Kind.CUSHION_OUT)


@dataclass(frozen=True)
class Incident:
    """One planted incident.

    Attributes
    ----------
    kind
        Kind of the incident.
    account_id
        Account of the incident.
    day
        Day number of the incident.
    order_id
        Standing order that was not paid; None for other kinds.
    trans_id
        Posting that was added, changed or left out; None where there never was one.
    """

    kind: str
    account_id: int
    day: int
    order_id: int | None = None
    trans_id: int | None = None

    def as_record(self) -> dict[str, object]:
        """The incident as a record of the listing beside the data."""
        day = date(1970, 1, 1) + timedelta(days=self.day)
        ids = {"account_id": self.account_id, "trans_id": self.trans_id, "order_id": self.order_id}
        return {"kind": self.kind, "date": day.isoformat(), **ids}


@dataclass
class Planting:
    """Postings while incidents are planted; every account gets at most one incident.

    Attributes
    ----------
    postings
        Postings with the incidents planted so far.
    incidents
        Incidents planted so far.
    """

    accounts: Accounts
    habits: Habits
    orders: Orders
    cards: Cards
    span: Span
    rng: np.random.Generator
    postings: Postings
    incidents: list[Incident] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)

    def choose(self, candidates: Bools) -> int | None:
        """The position of a candidate posting, in the last week where there is one, else in the last month."""
        day, untouched = self.postings.day, ~np.isin(self.postings.account, list(self.touched))
        for days in (_WEEK_DAYS, _MONTH_DAYS):
            found = np.flatnonzero(candidates & untouched & (day > self.span.last - days))
            if len(found):
                return int(self.rng.choice(found))
        return None

    def note(self, kind: str, account: int, day: int, order_id: int | None = None) -> int:
        """Add an incident to the list and return its position."""
        self.touched.add(account)
        self.incidents.append(Incident(kind, int(self.accounts.account_id[account]), int(day), order_id))
        return len(self.incidents) - 1

    def change(self, kind: str, at: int, cents: int | None = None) -> None:
        """Mark a posting as part of an incident, and set its amount where one is given."""
        incident, amount = self.postings.incident.copy(), self.postings.cents.copy()
        incident[at] = self.note(kind, int(self.postings.account[at]), int(self.postings.day[at]))
        amount[at] = amount[at] if cents is None else cents
        self.postings = replace(self.postings, incident=incident, cents=amount)

    def add(self, kind: str, extra: Postings) -> None:
        """Add one posting."""
        mark = self.note(kind, int(extra.account[0]), int(extra.day[0]))
        self.postings = joined([self.postings, replace(extra, incident=np.array([mark]))])


def plant(planting: Planting) -> None:
    """Plant one of each incident that finds a place."""
    for incident in _TROUBLES:
        incident(planting)


def _missing_posting(planting: Planting) -> None:
    """A withdrawal that moved the balance and is not in the file; never an account's last posting."""
    last_day = np.zeros(len(planting.accounts), dtype=np.int64)
    np.maximum.at(last_day, planting.postings.account, planting.postings.day)
    is_followed = planting.postings.day < last_day[planting.postings.account]
    at = planting.choose(_at_the_desk(planting.postings) & is_followed)
    if at is not None:
        planting.change(_MISSING, at)


def _shifted_decimal(planting: Planting) -> None:
    """A withdrawal written ten times as large as the balance says."""
    at = planting.choose(_at_the_desk(planting.postings))
    if at is not None:
        planting.change(_SHIFTED, at)


def _doubled_posting(planting: Planting) -> None:
    """A withdrawal that moved the balance once and is written twice, under two numbers."""
    at = planting.choose(_at_the_desk(planting.postings))
    if at is not None:
        planting.change(_DOUBLED, at)


def _wrong_fee(planting: Planting) -> None:
    """A statement fee ten times what the frequency costs."""
    at = planting.choose(planting.postings.kind == Kind.FEE)
    if at is not None:
        planting.change("wrong_fee", at, int(planting.postings.cents[at]) * _SHIFT)


def _missed_standing_order(planting: Planting) -> None:
    """A household order that was paid before and is not paid this month."""
    postings = planting.postings
    household = postings.kind == Kind.ORDER_HOUSEHOLD
    paid = np.bincount(postings.item[household], minlength=len(planting.orders) + 1)
    is_known = household & (paid[np.where(household, postings.item, 0)] > _PAYMENTS_SEEN)
    at = planting.choose(is_known & (postings.day <= planting.span.last - _GRACE_DAYS))
    if at is None:
        return
    order_id = int(planting.orders.order_id[postings.item[at]])
    planting.note("missed_standing_order", int(postings.account[at]), int(postings.day[at]), order_id)
    planting.postings = postings.take(np.arange(len(postings)) != at)


def _card_without_card(planting: Planting) -> None:
    """A card withdrawal on an account that nobody has a card for."""
    at = planting.choose(_at_the_desk(planting.postings) & ~np.isin(planting.postings.account, planting.cards.account))
    if at is None:
        return
    account, day = planting.postings.account[[at]], planting.postings.day[[at]]
    planting.add("card_without_card", posted(Kind.CARD, account, day, np.array([_CARD_CENTS]), payee=0))


def _blatant_amount(planting: Planting) -> None:
    """A pensioner who pays in fifty pensions at once."""
    lives_on_pension = planting.accounts.profile[planting.postings.account] == IncomeProfile.PENSION
    at = planting.choose(lives_on_pension)
    if at is None:
        return
    account, day = planting.postings.account[[at]], planting.postings.day[[at]]
    cents = 100 * np.round(planting.habits.income[account]) * _BLATANT_INCOMES
    planting.add("blatant_amount", posted(Kind.TAKINGS, account, day, cents))


def _at_the_desk(postings: Postings) -> Bools:
    found: Bools = np.isin(postings.kind, _AT_THE_DESK) & (postings.incident == NONE)
    return found


_TROUBLES: tuple[Callable[[Planting], None], ...] = (
    _missing_posting,
    _shifted_decimal,
    _doubled_posting,
    _wrong_fee,
    _missed_standing_order,
    _card_without_card,
    _blatant_amount,
)


def numbered(incidents: list[Incident], postings: Postings, trans_id: Ints) -> tuple[Incident, ...]:
    """The incidents with the identifiers of their postings."""
    marked = np.flatnonzero(postings.incident != NONE)
    ids = dict(zip(postings.incident[marked].tolist(), trans_id[marked].tolist(), strict=True))
    return tuple(replace(incident, trans_id=ids.get(at)) for at, incident in enumerate(incidents))


def spoil(transactions: pa.Table, incidents: tuple[Incident, ...]) -> tuple[pa.Table, tuple[Incident, ...]]:
    """Apply the incidents in the file: a record is left out, an amount is written wrong, a record is written twice.

    Returns
    -------
    tuple
        Transactions as the file holds them, and incidents with the number of the copy where a record was written twice.
    """
    is_shifted = _holds(transactions, incidents, _SHIFTED)
    tenfold = pc.multiply(transactions["amount"], pa.scalar(_SHIFT)).cast(transactions["amount"].type)
    at = transactions.schema.get_field_index("amount")
    written = transactions.set_column(at, "amount", pc.if_else(is_shifted, tenfold, transactions["amount"]))
    kept = written.filter(pc.invert(_holds(written, incidents, _MISSING)))
    copies = _copied(kept.filter(_holds(kept, incidents, _DOUBLED)), transactions)
    copy_ids = iter(copies["trans_id"].to_pylist())
    listed = tuple(replace(t, trans_id=next(copy_ids)) if t.kind == _DOUBLED else t for t in incidents)
    return pa.concat_tables([kept, copies]), listed


def _holds(transactions: pa.Table, incidents: tuple[Incident, ...], kind: str) -> pa.ChunkedArray:
    ids = [incident.trans_id for incident in incidents if incident.kind == kind]
    return pc.is_in(transactions["trans_id"], pa.array(ids, pa.int64()))


def _copied(rows: pa.Table, transactions: pa.Table) -> pa.Table:
    """The rows under new numbers, above all that are in use."""
    highest = pc.max(transactions["trans_id"]).as_py()
    ids = pa.array(np.arange(highest + 1, highest + 1 + rows.num_rows), pa.int64())
    return rows.set_column(0, rows.schema.field(0), ids)
