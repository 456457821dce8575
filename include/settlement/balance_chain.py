"""Checks the balance chain of a night, account by account: finds what does not follow from the day before, and why."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Any

from include.identifiers import named
from include.settlement.chain import Posting, Walk, walk_day
from include.settlement.corrections import deletable, needed_doubles, propose
from include.settlement.findings import Break, money
from include.settlement.queries import NightTables
from include.settlement.state import Closing, SettlementState


@dataclass
class AccountDay:
    """The postings of one account on the night, with the other columns by which two postings are compared.

    `is_known` tells whether every posting has its balance; `postings` are then all postings of the day.
    """

    account_id: int
    postings: list[Posting] = field(default_factory=list)
    kinds: dict[int, Hashable] = field(default_factory=dict)
    is_known: bool = True


@dataclass
class ChainFindings:
    """The findings from the balance chains of a night.

    Attributes
    ----------
    breaks
        Breaks of the account-days that do not chain.
    deletable
        Doubled postings without which a broken day would close.
    closed
        Accounts whose day chains, so that it needs every one of its postings.
    needed
        Doubled postings without which a broken day would chain no better.
    """

    breaks: list[Break] = field(default_factory=list)
    deletable: set[int] = field(default_factory=set)
    closed: set[int] = field(default_factory=set)
    needed: set[int] = field(default_factory=set)

    def chains(self, account_id: int, trans_id: int) -> bool:
        """Whether the balances need a doubled posting, so that it is not superfluous."""
        return account_id in self.closed or trans_id in self.needed


def account_days(rows: Iterable[tuple[Any, ...]]) -> Iterator[AccountDay]:
    """The account-days in one night's rows of account, posting, amount, balance, type and the rest.

    The rows are sorted by account.
    """
    for account_id, group in groupby(rows, key=lambda r: r[0]):
        day = AccountDay(account_id)
        for _, trans_id, amount, balance, *kind in group:
            if balance is None:
                day.is_known = False
                continue
            is_negative = bool(kind) and (amount > 0) != (kind[0] == "C")
            day.postings.append(Posting(trans_id, amount, balance, is_negative))
            day.kinds[trans_id] = tuple(kind)
        yield day


def settle_chains(
    night: date,
    days: Iterable[AccountDay],
    opened: Mapping[int, date],
    state: SettlementState,
    rounding_cents: int,
) -> ChainFindings:
    """Advance the closings in `state` through the night, and return what does not chain.

    Parameters
    ----------
    opened
        Opening dates of the night's accounts, as far as the bank knows them.

    Notes
    -----
    A day that lacks a balance is not checked, and the account may start anywhere on its next day.
    """
    findings = ChainFindings()
    for day in days:
        if not day.is_known:
            state.chain[day.account_id] = Closing(night, ())
            continue
        walk = walk_day(openings(day.account_id, opened, state), day.postings, rounding_cents)
        if walk.jumps:
            findings.deletable |= deletable(walk, day.postings, day.kinds, rounding_cents)
            findings.needed |= needed_doubles(walk, day.postings, day.kinds, rounding_cents)
            findings.breaks.append(_break(night, day, walk, state.chain.get(day.account_id), rounding_cents))
        else:
            findings.closed.add(day.account_id)
        state.chain[day.account_id] = Closing(night, walk.closings)
    return findings


def replay_chains(tables: NightTables, state: SettlementState, rounding_cents: int) -> None:
    """Build the closings in `state` from the table `history`, reading only the days that they can still depend on."""
    opened = {row["account_id"]: row["create_date"] for row in tables.rows("account_dates")}
    for night, group in groupby(tables.tuples("chain_tail"), key=lambda r: r[0]):
        settle_chains(night, account_days(row[1:] for row in group), opened, state, rounding_cents)


def openings(account_id: int, opened: Mapping[int, date], state: SettlementState) -> tuple[int, ...]:
    """The balances that the account's day may open with; none when it may start anywhere.

    An account that was opened since the source began starts at 0; an older or unknown one had a balance before.
    """
    closing = state.chain.get(account_id)
    if closing is not None:
        return closing.balances
    created = opened.get(account_id)
    is_new = created is not None and state.first_date is not None and created >= state.first_date
    return (0,) if is_new else ()


def _break(night: date, day: AccountDay, walk: Walk, before: Closing | None, rounding_cents: int) -> Break:
    first = walk.unreached[0]
    reached = walk.ends[0]
    expected = reached + first.amount
    mend = propose(walk, day.postings, day.kinds, rounding_cents)
    return Break(
        code="balance_chain",
        account_id=day.account_id,
        trans_id=first.trans_id,
        expected=expected,
        actual=first.balance,
        correction=mend.correction if mend else None,
        text=f"{_since(night, day, walk, before)} {_first(first, expected)}",
        proposal=mend.words if mend else "",
    )


def _since(night: date, day: AccountDay, walk: Walk, before: Closing | None) -> str:
    count = f"{len(day.postings)} posting{'s' if len(day.postings) > 1 else ''}"
    known_since = f"the closing balance of {before.closed_on}, " if before and before.balances else ""
    begun = f"{known_since}{money(walk.opening)}"
    return (
        f"Account {named(day.account_id)}: the {count} of {night} cannot be put into an order that chains from {begun}."
    )


def _first(posting: Posting, expected: int) -> str:
    gap = posting.balance - expected
    return (
        f"Posting {named(posting.trans_id)} of {money(posting.amount)} should have left {money(expected)} but left "
        f"{money(posting.balance)}, a difference of {money(gap)}."
    )
