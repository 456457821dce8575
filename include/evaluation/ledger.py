"""Edits one account's postings so that its balances still chain, whatever is added, changed or removed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from include.settlement.chain import Posting, walk_day

PostingRow = dict[str, Any]
"""One posting in the columns of `fin_transaction`."""

# Largest number of search steps per day; where a day has an order that chains, it is found within a handful.
_MOST_STEPS = 2_000


@dataclass
class Edits:
    """The edits of one episode to one account.

    Attributes
    ----------
    added
        New postings, booked after all others of their day; their balances are worked out.
    changed
        New values by column, by the trans_id of the changed posting.
    removed
        trans_ids of the removed postings.
    """

    added: list[PostingRow] = field(default_factory=list)
    changed: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    removed: set[int] = field(default_factory=set)

    def days(self, rows: Iterable[PostingRow]) -> set[date]:
        """The days on which the booking order matters."""
        touched = set(self.changed) | self.removed
        return {row["trans_date"] for row in rows if row["trans_id"] in touched}


def signed_cents(row: Mapping[str, Any]) -> int:
    """The amount in cents, negative when money leaves the account."""
    cents = int(row["amount"] * 100)
    return cents if row["trans_type"] == "C" else -cents


def apply_edits(rows: Sequence[PostingRow], edits: Edits, rounding_cents: int) -> list[PostingRow] | None:
    """The account's postings after the edits, with balances that chain as they did in the source.

    Parameters
    ----------
    rows
        All postings of one account.
    edits
        Edits to apply.
    rounding_cents
        Rounding of the source's balances, in cents.

    Returns
    -------
    list of rows or None
        The edited postings; None when a day that is edited in its middle has no order in which its balances chain.
    """
    touched = edits.days(rows)
    edited: list[PostingRow] = []
    shift, closing = 0, 0
    for day, postings in _days(rows, edits.added):
        ordered = _in_booking_order(postings, rounding_cents) if day in touched else postings
        if ordered is None:
            return None
        for row in ordered:
            if row["trans_id"] in edits.removed:
                shift -= signed_cents(row)
                continue
            kept = {**row, **edits.changed.get(row["trans_id"], {})}
            shift += signed_cents(kept) - signed_cents(row)
            edited.append(_moved(kept, shift))
        if postings:
            closing = _closing(postings, rounding_cents)
        for row in _added_on(edits.added, day):
            shift += signed_cents(row)
            edited.append({**row, "balance": _money(closing + shift) if _has_balances(rows) else None})
    return edited


def balance_on(rows: Sequence[PostingRow], day: date, rounding_cents: int) -> int | None:
    """The account's balance in cents at the end of `day`; None where none is recorded or before its first posting."""
    earlier = [row for row in rows if row["trans_date"] <= day]
    if not earlier or not _has_balances(rows):
        return None
    last = max(row["trans_date"] for row in earlier)
    return _closing([row for row in earlier if row["trans_date"] == last], rounding_cents)


def _days(rows: Iterable[PostingRow], added: Iterable[PostingRow]) -> Iterator[tuple[date, list[PostingRow]]]:
    """Every day that has or gets postings, with the postings that it has."""
    by_day = {day: list(group) for day, group in groupby(sorted(rows, key=_by_day), key=_by_day)}
    for day in sorted({*by_day, *(row["trans_date"] for row in added)}):
        yield day, by_day.get(day, [])


def _by_day(row: PostingRow) -> date:
    day: date = row["trans_date"]
    return day


def _added_on(added: Iterable[PostingRow], day: date) -> Iterator[PostingRow]:
    return (row for row in added if row["trans_date"] == day)


def _has_balances(rows: Sequence[PostingRow]) -> bool:
    return all(row["balance"] is not None for row in rows)


def _money(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)


def _moved(row: PostingRow, shift: int) -> PostingRow:
    return row if row["balance"] is None else {**row, "balance": row["balance"] + _money(shift)}


def _postings(rows: Iterable[PostingRow]) -> list[Posting]:
    return [Posting(row["trans_id"], signed_cents(row), int(row["balance"] * 100)) for row in rows]


def _closing(rows: Sequence[PostingRow], rounding_cents: int) -> int:
    if rows[0]["balance"] is None:
        return 0
    return walk_day([], _postings(rows), rounding_cents).closings[0]


def _in_booking_order(rows: list[PostingRow], rounding_cents: int) -> list[PostingRow] | None:
    """The day's postings in an order in which balances chain, or None; unchanged where no balances are recorded."""
    if len(rows) < 2 or rows[0]["balance"] is None:
        return rows
    postings = _postings(rows)
    opening = walk_day([], postings, rounding_cents).opening
    order = _Search(postings, rounding_cents).order(opening)
    return None if order is None else [rows[i] for i in order]


class _Search:
    """Depth-first search for an order in which each posting departs from the balance that the one before reached."""

    def __init__(self, postings: list[Posting], rounding_cents: int) -> None:
        self.postings = postings
        self.rounding_cents = rounding_cents
        self.steps = 0

    def order(self, opening: int) -> list[int] | None:
        """The postings' positions in an order that chains from `opening`; None where none is found."""
        return self._extend([], opening)

    def _extend(self, order: list[int], balance: int) -> list[int] | None:
        if len(order) == len(self.postings):
            return order
        for i, posting in enumerate(self.postings):
            self.steps += 1
            if self.steps > _MOST_STEPS:
                return None
            if i not in order and abs(posting.departure - balance) <= self.rounding_cents:
                found = self._extend([*order, i], posting.balance)
                if found is not None:
                    return found
        return None
