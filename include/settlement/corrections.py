"""Proposes the one change that closes a day's balance chain, only where a single change explains the break."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import NamedTuple

from include.identifiers import named
from include.settlement.chain import Posting, Walk, walk_day
from include.settlement.findings import Correction, money, plain

# Each candidate is tried by walking the day again; a day that is broken in more places has no single cause.
MAX_TRIALS = 4
# A thousandfold error is still a slip of the decimal point; more would match amounts by accident.
DECIMAL_SHIFTS = (10, 100, 1000)


class Mend(NamedTuple):
    """A change of one posting, in words, and the day after the change."""

    correction: Correction
    words: str
    postings: list[Posting]


def propose(walk: Walk, postings: Sequence[Posting], kinds: Mapping[int, Hashable], rounding_cents: int) -> Mend | None:
    """The one change that closes the day, or None when there is none or more than one.

    Parameters
    ----------
    walk
        Result of the search, which has jumps.
    kinds
        All columns except number, amount and balance, by posting; they are equal for a posting and its double.

    Notes
    -----
    A slip (decimal point, two digits, sign, a posting booked twice, a balance) explains more than a missing posting,
    which closes any day with a single jump. Slips are therefore tried first.
    """
    slips = _closing(_slips(walk, postings, kinds, rounding_cents), walk, rounding_cents)
    mends = slips or _closing(_missing(walk, postings, rounding_cents), walk, rounding_cents)
    return mends[0] if len({m.correction for m in mends}) == 1 else None


def deletable(walk: Walk, postings: Sequence[Posting], kinds: Mapping[int, Hashable], rounding_cents: int) -> set[int]:
    """Doubled postings without which the day closes."""
    mends = _closing(_doubles(postings, kinds), walk, rounding_cents)
    return {m.correction.trans_id for m in mends if m.correction.trans_id is not None}


def needed_doubles(
    walk: Walk, postings: Sequence[Posting], kinds: Mapping[int, Hashable], rounding_cents: int
) -> set[int]:
    """Doubled postings without which a broken day would have as many jumps, or more."""
    mends = [
        m
        for m in _doubles(postings, kinds)
        if walk_day((walk.opening,), m.postings, rounding_cents).jumps >= walk.jumps
    ]
    return {m.correction.trans_id for m in mends if m.correction.trans_id is not None}


def _closing(mends: Iterator[Mend], walk: Walk, rounding_cents: int) -> list[Mend]:
    return [m for m in mends if not walk_day((walk.opening,), m.postings, rounding_cents).jumps]


def _slips(
    walk: Walk, postings: Sequence[Posting], kinds: Mapping[int, Hashable], rounding_cents: int
) -> Iterator[Mend]:
    yield from _doubles(postings, kinds)
    for posting in walk.unreached[:MAX_TRIALS]:
        for end in walk.ends[:MAX_TRIALS]:
            yield from _wrong_amount(posting, end, postings, rounding_cents)
            if walk.jumps > 1:
                yield _wrong_balance(posting, end, postings)


def _doubles(postings: Sequence[Posting], kinds: Mapping[int, Hashable]) -> Iterator[Mend]:
    groups: dict[Hashable, list[Posting]] = defaultdict(list)
    for p in sorted(postings):
        groups[kinds.get(p.trans_id), p.amount].append(p)
    for first, *others in [g for g in groups.values() if len(g) > 1][:MAX_TRIALS]:
        last = others[-1]
        yield Mend(
            Correction("delete", last.trans_id, None, None),
            f"Without posting {named(last.trans_id)}, which repeats posting {named(first.trans_id)}, the day closes.",
            [p for p in postings if p is not last],
        )


def _wrong_amount(posting: Posting, end: int, postings: Sequence[Posting], rounding_cents: int) -> Iterator[Mend]:
    """A flipped sign, a shifted decimal point or two swapped digits, where one of them fits the balances."""
    needed = posting.balance - end
    if abs(needed + posting.amount) <= rounding_cents:
        yield _flipped(posting, postings)
    right = _misspelt(posting.amount, needed, rounding_cents)
    if right is not None:
        written = -1 if posting.is_negative else 1
        yield Mend(
            Correction("set", posting.trans_id, "amount", plain(written * abs(right))),
            f"With {money(written * abs(right))} as the amount of posting {named(posting.trans_id)}, instead of "
            f"{money(written * abs(posting.amount))}, the day closes.",
            _replaced(postings, posting, posting._replace(amount=right)),
        )


def _flipped(posting: Posting, postings: Sequence[Posting]) -> Mend:
    """The posting with the other type, or for a negative amount with the other sign, which is the likelier slip."""
    if posting.is_negative:
        right_amount = abs(posting.amount)
        return Mend(
            Correction("set", posting.trans_id, "amount", plain(right_amount)),
            f"With {money(right_amount)} as the amount of posting {named(posting.trans_id)}, instead of "
            f"{money(-right_amount)}, the day closes.",
            _replaced(postings, posting, posting._replace(amount=-posting.amount, is_negative=False)),
        )
    right = "D" if posting.amount > 0 else "C"
    return Mend(
        Correction("set", posting.trans_id, "trans_type", right),
        f"With posting {named(posting.trans_id)} as a {'debit' if right == 'D' else 'credit'} the day closes.",
        _replaced(postings, posting, posting._replace(amount=-posting.amount)),
    )


def _misspelt(amount: int, needed: int, rounding_cents: int) -> int | None:
    """The needed amount, if `amount` is the same with its decimal point or two digits out of place; None otherwise.

    Examples
    --------
    >>> _misspelt(540_00, 54_00, 1), _misspelt(-540_00, -450_00, 1), _misspelt(540_00, 541_00, 1)
    (5400, -45000, None)
    """
    if abs(needed) <= rounding_cents:
        return None  # only rounding is missing, and any small number would fit
    sign = 1 if amount > 0 else -1
    written = abs(amount)
    shifted = [v for factor in DECIMAL_SHIFTS for v in (written * factor, written // factor)]
    fitting = [sign * v for v in (*shifted, *_swaps(str(written))) if v and abs(sign * v - needed) <= rounding_cents]
    return fitting[0] if fitting else None


def _swaps(digits: str) -> list[int]:
    """Numbers in which two neighbouring digits have changed places.

    Examples
    --------
    >>> _swaps("540")
    [450, 504]
    """
    return [int(digits[:i] + digits[i + 1] + digits[i] + digits[i + 2 :]) for i in range(len(digits) - 1)]


def _wrong_balance(posting: Posting, end: int, postings: Sequence[Posting]) -> Mend:
    right = end + posting.amount
    return Mend(
        Correction("set", posting.trans_id, "balance", plain(right)),
        f"With {money(right)} as the balance of posting {named(posting.trans_id)}, instead of "
        f"{money(posting.balance)}, "
        "the day closes.",
        _replaced(postings, posting, posting._replace(balance=right)),
    )


def _missing(walk: Walk, postings: Sequence[Posting], rounding_cents: int) -> Iterator[Mend]:
    """The posting that leads from the end of the trail to where it goes on; none where that may be anywhere."""
    if walk.jumps != 1:
        return
    (first,) = walk.unreached
    if any(abs(p.balance - first.departure) <= rounding_cents for p in postings):
        return  # a circuit: it may be entered at any of its postings
    for end in walk.ends[:MAX_TRIALS]:
        amount = first.departure - end
        yield Mend(
            Correction("insert", None, "amount", plain(amount)),
            f"A {'credit' if amount > 0 else 'debit'} of {money(abs(amount))} that is not among the postings would "
            "close the day.",
            [*postings, Posting(0, amount, first.departure)],
        )


def _replaced(postings: Sequence[Posting], old: Posting, new: Posting) -> list[Posting]:
    return [new if p is old else p for p in postings]
