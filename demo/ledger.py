"""Books postings: walks over the days, pays interest, keeps cushions, and fixes the true order of postings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from demo.calendar import Span
from demo.habits import Habits
from demo.people import Accounts
from demo.postings import Kind, Postings, joined, posted
from demo.random_streams import Bools, Floats, Ints, RandomStreams

# PKDD'99: interest is 0.42..0.44 % of the month's average daily balance, five percent a year.
_INTEREST_PER_DAY = 0.05 / 365
# PKDD'99: overdraft interest is about one percent of the average negative balance a month.
_OVERDRAFT_PER_DAY = 0.12 / 365
# People put money in when less than this share of the cushion is left, up to twice that share.
_LOW_SHARE = 0.35
# PKDD'99: people look after their balance every thirty days from the opening, and interest accrues from then on.
_CYCLE_DAYS = 30
# From the second cycle on: before, the first income may not have come.
_DEPOSITS_AFTER_CYCLES = 2
_HUNDRED = 10_000
_TENTH = 10
# Accounts walked at once: bounds the memory of the day-by-account matrix to 80 MB over six years.
_BLOCK = 4096


@dataclass(frozen=True)
class Ledger:
    """All postings in the true order of booking: account by account, day by day, in the order money moved.

    Attributes
    ----------
    postings
        All postings.
    balance_cents
        Exact balance after each posting, in cents.
    """

    postings: Postings
    balance_cents: Ints


def shown(cents: Ints) -> Ints:
    """An exact amount or balance as the source writes it: rounded to a tenth of a crown, halves up.

    Examples
    --------
    >>> shown(np.array([1460, 1465, -1465])).tolist()
    [1460, 1470, -1460]
    """
    rounded: Ints = (cents + _TENTH // 2) // _TENTH * _TENTH
    return rounded


def walk(accounts: Accounts, habits: Habits, postings: Postings, span: Span, streams: RandomStreams) -> Postings:
    """Postings that depend on the balance: interest at month ends, and money paid in or out to keep a cushion."""
    rng, parts = streams.of("cushion"), []
    for start in tqdm(range(0, len(accounts), _BLOCK), desc="balances", unit="block", disable=None):
        block = slice(start, min(start + _BLOCK, len(accounts)))
        flows = _daily_flows(postings, block, span)
        parts += _walk_block(flows, accounts.opened[block], habits.cushion_cents[block], span, rng, start)
    return joined(parts)


def _daily_flows(postings: Postings, block: slice, span: Span) -> Ints:
    """Net movement in cents, shape (days, accounts of the block)."""
    inside = postings.take((postings.account >= block.start) & (postings.account < block.stop))
    width = block.stop - block.start
    cell = (inside.day - span.first) * width + (inside.account - block.start)
    # Sums of cents below 2**53 are exact in the float that bincount adds in.
    flows = np.bincount(cell, weights=inside.signed_cents.astype(float), minlength=span.days * width)
    return flows.astype(np.int64).reshape(span.days, width)


def _walk_block(
    flows: Ints, opened: Ints, cushion: Ints, span: Span, rng: np.random.Generator, start: int
) -> list[Postings]:
    month_ends = set(span.month_ends.tolist())
    balance, interest, overdraft = np.zeros_like(opened), np.zeros(len(opened)), np.zeros(len(opened))
    parts: list[Postings] = []
    for day, flow in enumerate(flows, span.first):
        balance += flow
        parts.append(_keep_cushion(balance, day, opened, cushion, rng, start))
        accrues = day >= opened + _CYCLE_DAYS
        interest += np.where(accrues, np.maximum(balance, 0), 0) * _INTEREST_PER_DAY
        overdraft += np.maximum(-balance, 0) * _OVERDRAFT_PER_DAY
        if day in month_ends:
            parts.append(_settle_interest(balance, interest, Kind.INTEREST, day, start))
            parts.append(_settle_interest(balance, overdraft, Kind.OVERDRAFT, day, start))
    return parts


def _keep_cushion(
    balance: Ints, day: int, opened: Ints, cushion: Ints, rng: np.random.Generator, start: int
) -> Postings:
    """Withdraw what exceeds the cushion, pay in what is missing, in hundreds of crowns; `balance` changes in place."""
    cycle, rest = np.divmod(day - opened, _CYCLE_DAYS)
    looking = np.flatnonzero((rest == 0) & (cycle >= 1))
    gap = balance[looking] - cushion[looking]
    taken = gap * rng.uniform(0.5, 1.0, len(looking)) // _HUNDRED * _HUNDRED
    low = _LOW_SHARE * cushion[looking]
    is_low = (balance[looking] < low) & (cycle[looking] >= _DEPOSITS_AFTER_CYCLES)
    given = np.where(is_low, (2 * low - balance[looking]) // _HUNDRED * _HUNDRED, 0)
    moved = (np.where(gap > 0, -taken, given)).astype(np.int64)
    balance[looking] += moved
    some = moved != 0
    kind = np.where(moved[some] > 0, Kind.CUSHION_IN, Kind.CUSHION_OUT)
    return posted(kind, looking[some] + start, np.full(some.sum(), day), np.abs(moved[some]))


def _settle_interest(balance: Ints, accrued: Floats, kind: Kind, day: int, start: int) -> Postings:
    """Post the accrued interest, exact to the hundredth though written to the tenth; both arrays change in place."""
    cents = np.round(accrued).astype(np.int64)
    cents = np.where(shown(cents) > 0, cents, 0)
    balance += cents if kind is Kind.INTEREST else -cents
    accrued[:] = 0
    paid = np.flatnonzero(cents)
    return posted(kind, paid + start, np.full(len(paid), day), cents[paid])


def book(postings: Postings, streams: RandomStreams) -> Ledger:
    """Put postings into the true order of booking, which the files do not show, with the exact balance after each.

    Within a day the order is random, except for the opening deposit, which comes first.
    """
    rank = streams.of("true order").random(len(postings))
    rank[postings.kind == Kind.OPENING] = -1
    ordered = postings.take(np.lexsort((rank, postings.day, postings.account)))
    running = np.cumsum(ordered.signed_cents)
    return Ledger(ordered, running - _carried(ordered.account, running))


def _carried(account: Ints, running: Ints) -> Ints:
    """For each posting, the running sum over all accounts before its own."""
    is_first: Bools = np.r_[True, account[1:] != account[:-1]]
    starts = np.flatnonzero(is_first)
    before = np.where(starts > 0, running[starts - 1], 0)
    return np.repeat(before, np.diff(np.r_[starts, len(account)]))


def closing_balances(ledger: Ledger, accounts: Accounts) -> Ints:
    """Exact balance of every account after its last posting."""
    closing = np.zeros(len(accounts), dtype=np.int64)
    closing[ledger.postings.account] = ledger.balance_cents
    return closing
