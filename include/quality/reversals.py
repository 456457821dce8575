"""Reversals (storno): finds the posting that each reversal takes back, and reversals for which this is ambiguous."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.lake.tables import REVERSES
from include.quality.signs import NEGATIVE, Mask, are_signs
from include.relations import FIN_TRANSACTION
from include.sql_engine import SqlEngine

AMBIGUOUS = "reversal_ambiguous"
"""Reason code of a negative amount that may reverse several postings that differ in what matters."""

# Eight weeks, in which a SEPA direct debit is refunded on demand. The shortest look-back (61 days) contains them.
NEGATIVE_DAYS = 56
# Five banking days, in which SEPA returns a payment: an unmarked amount that comes back later may be a purchase.
CONTRA_DAYS = 7

_COLUMNS = (
    *("trans_id", "account_id", "trans_date", "amount", "balance", "trans_type", "operation", "category"),
    *("other_bank_id", "other_account_id", "counterparty"),
)
_LEAST_ID, _MOST_ID = -(2**63), 2**63 - 1


@dataclass(frozen=True)
class Reversals:
    """The links from reversals to the postings that they take back.

    Attributes
    ----------
    reverses
        Number of the posting that each posting takes back; null where it takes back none.
    refused
        Reason code of each refused posting, by its position.
    """

    reverses: pa.Array
    refused: dict[int, str]


_Place = tuple[date, int]
"""Place of a posting among others: its date and number."""


class _Candidate(NamedTuple):
    """A posting that may take back one of a group's, in the columns of `reversals.sql`."""

    trans_id: int
    trans_date: date
    is_contra: bool
    group_number: int
    agreement: int
    original_id: int | None

    @property
    def first(self) -> _Place:
        """The earliest place of a posting that it may take back."""
        if self.original_id is not None:
            return self.trans_date, self.original_id
        return self.trans_date - timedelta(CONTRA_DAYS if self.is_contra else NEGATIVE_DAYS), _LEAST_ID

    @property
    def last(self) -> _Place:
        """The latest place of a posting that it may take back.

        A posting in the other direction takes back no later number of its day; a negative amount may.
        """
        if self.original_id is not None:
            return self.trans_date, self.original_id
        return self.trans_date, self.trans_id - 1 if self.is_contra else _MOST_ID


class _Group:
    """Postings that are the same in all that matters, in their order; the newest not taken back is found fast."""

    def __init__(self, places: Sequence[_Place]) -> None:
        self._places = places
        # For each place, the place to look at next when it is taken, so that taken ones are skipped once.
        self._next = list(range(-1, len(places) - 1))

    def newest(self, candidate: _Candidate, taken: Container[int]) -> int | None:
        """The newest posting that the candidate may take back and that nothing has taken back yet."""
        start = bisect_right(self._places, candidate.last) - 1
        found = self._standing(start, taken)
        if start > found:
            self._next[start] = found
        is_within = found >= 0 and self._places[found] >= candidate.first
        return self._places[found][1] if is_within else None

    def _standing(self, position: int, taken: Container[int]) -> int:
        while position >= 0 and self._places[position][1] in taken:
            position = self._next[position]
        return position


def find_reversals(postings: pa.Table, lookback: pa.Table | None = None) -> Reversals:
    """Link each reversal among `postings` to the posting it takes back.

    Parameters
    ----------
    postings
        Postings of one night or of a whole history: the columns of `fin_transaction`, and `night`.
    lookback
        Accepted postings of at least the `NEGATIVE_DAYS` before, with their links; none before a history.

    Notes
    -----
    Where a reversal may take back several postings, only those that agree with it in most columns are considered. When
    these are the same in direction, operation, purpose and counterparty, it does not matter which one is meant, and the
    newest one that has not been reversed is linked. When they differ, a negative amount is refused, and a posting in
    the other direction counts as an ordinary posting. A night is linked from itself and the days before it, so that a
    whole history gives the same links as its nights.
    """
    posted = _posted(postings, lookback)
    candidates, groups = _candidates(posted)
    links, ambiguous = _linked(candidates, groups, set(posted[REVERSES.name].drop_null().to_pylist()))
    numbers = postings["trans_id"].to_pylist() if links or ambiguous else []
    reverses = pa.array([links.get(number) for number in numbers] or [None] * postings.num_rows, REVERSES.type)
    refused = {position: AMBIGUOUS for position, number in enumerate(numbers) if number in ambiguous}
    return Reversals(reverses, refused | dict.fromkeys(_signs(posted, reverses, list(refused)), NEGATIVE))


def _posted(postings: pa.Table, lookback: pa.Table | None) -> pa.Table:
    """The postings followed by the look-back, with the links that the look-back has already."""
    tables = [_with_flag(postings, is_new=True)]
    if lookback is not None:
        tables.append(_with_flag(lookback, is_new=False))
    return pa.concat_tables(tables)


def _candidates(posted: pa.Table) -> tuple[list[_Candidate], dict[int, _Group]]:
    """The possible reversals in the order of nights, and the groups of postings that they may take back."""
    with SqlEngine.open("quality", {"posted": posted}) as engine:
        engine.keep("suspects")
        found = engine.tuples("reversals", negative_days=NEGATIVE_DAYS, contra_days=CONTRA_DAYS)
        candidates = [_Candidate(*row) for row in found]
        originals = engine.tuples("originals", groups=sorted({candidate.group_number for candidate in candidates}))
    by_group = groupby(originals, key=lambda original: original[0])
    return candidates, {number: _Group([(day, trans_id) for _, day, trans_id in same]) for number, same in by_group}


def _with_flag(postings: pa.Table, *, is_new: bool) -> pa.Table:
    known = [FIN_TRANSACTION.schema.field(name) for name in _COLUMNS]
    columns = [postings[field.name].cast(field.type) for field in known]
    links = postings[REVERSES.name] if REVERSES.name in postings.column_names and not is_new else None
    columns.append(pa.nulls(postings.num_rows, REVERSES.type) if links is None else links)
    columns.append(pa.array(np.full(postings.num_rows, is_new), pa.bool_()))
    return pa.table(columns, schema=pa.schema([*known, REVERSES, pa.field("is_new", pa.bool_())]))


def _linked(
    candidates: Iterable[_Candidate], groups: Mapping[int, _Group], taken: set[int]
) -> tuple[dict[int, int], set[int]]:
    """Originals by reversal, and the negative amounts whose original is ambiguous."""
    links: dict[int, int] = {}
    ambiguous: set[int] = set()
    for (trans_id, is_contra), same in groupby(candidates, key=lambda each: (each.trans_id, each.is_contra)):
        best = _best(same, groups, taken)
        if len(best) > 1:
            ambiguous |= set() if is_contra else {trans_id}
        elif best:
            links[trans_id] = best[0]
            # A posting that takes another one back cannot be taken back itself.
            taken |= {trans_id, best[0]}
    return links, ambiguous


def _best(candidates: Iterable[_Candidate], groups: Mapping[int, _Group], taken: set[int]) -> list[int]:
    """The newest posting not taken back, of each group that agrees most."""
    found = [(each.agreement, groups[each.group_number].newest(each, taken)) for each in candidates]
    standing = [(agreement, original) for agreement, original in found if original is not None]
    most = max((agreement for agreement, _ in standing), default=0)
    return [original for agreement, original in standing if agreement == most]


def _signs(posted: pa.Table, reverses: pa.Array, refused: Sequence[int]) -> list[int]:
    """Positions of negative amounts, not refused already, that are only the source's way to write debits."""
    links = pa.chunked_array([reverses, *posted[REVERSES.name].slice(len(reverses)).chunks], REVERSES.type)
    is_debit = _mask(pc.not_equal(posted["trans_type"], "C"))
    is_unmatched = _mask(pc.and_(pc.less(posted["amount"], 0), pc.is_null(links)))
    is_debit[refused] = is_unmatched[refused] = False
    days = posted["trans_date"].to_numpy()
    return np.flatnonzero(are_signs(days, _mask(posted["is_new"]), is_debit, is_unmatched, NEGATIVE_DAYS)).tolist()


def _mask(values: pa.ChunkedArray) -> Mask:
    return np.array(pc.fill_null(values, fill_value=False).to_numpy(zero_copy_only=False), dtype=bool)
