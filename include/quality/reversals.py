"""Reversals (storno): which posting takes which other one back, and where that cannot be told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.lake.tables import REVERSES
from include.relations import FIN_TRANSACTION

AMBIGUOUS = "reversal_ambiguous"
"""Reason code of a negative amount that may reverse several postings which are not the same in what matters."""
NEGATIVE = "amount_negative"
"""Reason code of negative amounts that are no reversals but this source's way to write debits."""

# Eight weeks: so long a SEPA direct debit is refunded on demand. The shortest look-back (61 days) holds them.
NEGATIVE_DAYS = 56
# Five banking days, in which SEPA returns a payment: what comes back later with nothing to mark it may be a purchase.
CONTRA_DAYS = 7
# A decision: one record in twenty, and more than a score, are no slips; real banks reverse a few in a thousand.
LARGEST_UNMATCHED_SHARE = 0.05
FEW_UNMATCHED = 20

_COLUMNS = (
    *("trans_id", "account_id", "trans_date", "amount", "balance", "trans_type", "operation", "category"),
    *("other_bank_id", "other_account_id", "counterparty"),
)
_SQL = Path(__file__).resolve().parent.parent / "sql" / "quality" / "reversals.sql"


@dataclass(frozen=True)
class Reversals:
    """What the postings reverse.

    Attributes
    ----------
    reverses
        For each posting the number of the one it takes back; null where it takes back none.
    refused
        Position of a posting that may not be let in -> its reason code.
    """

    reverses: pa.Array
    refused: dict[int, str]


class _Pair(NamedTuple):
    trans_id: int
    trans_date: date
    is_contra: bool
    original_id: int
    original_date: date
    original_kind: str
    agreement: int


def find_reversals(postings: pa.Table, lookback: pa.Table | None = None) -> Reversals:
    """Link each reversal among `postings` to the posting it takes back.

    Parameters
    ----------
    postings
        One night's postings, or a whole history's: the columns of `fin_transaction`, and `night`.
    lookback
        Accepted postings of at least the `NEGATIVE_DAYS` before, with what they reverse; none before a history.

    Notes
    -----
    Of several postings a reversal may take back, those that agree with it in most columns count. Where these are the
    same in direction, operation, purpose and counterparty it does not matter which it is, and the newest that has not
    been reversed is taken; where they are not, a negative amount is refused and a posting the other way stays what it
    is. A night is linked from itself and the days before it, so that a history gives the links its nights give.
    """
    pairs, taken = _pairs(postings, lookback)
    links, ambiguous = _linked(pairs, taken)
    numbers = postings["trans_id"].to_pylist() if links or ambiguous else []
    reverses = pa.array([links.get(number) for number in numbers] or [None] * postings.num_rows, REVERSES.type)
    refused = {position: AMBIGUOUS for position, number in enumerate(numbers) if number in ambiguous}
    return Reversals(reverses, refused | _sign_convention(postings, reverses, refused))


def _pairs(postings: pa.Table, lookback: pa.Table | None) -> tuple[list[_Pair], set[int]]:
    """Candidates, and what the look-back has reversed already."""
    tables = [_with_flag(postings, is_new=True)]
    if lookback is not None:
        tables.append(_with_flag(lookback, is_new=False))
    posted = pa.concat_tables(tables)
    with duckdb.connect() as connection:
        connection.register("posted", posted)
        days = {"negative_days": NEGATIVE_DAYS, "contra_days": CONTRA_DAYS}
        pairs = [_Pair(*row) for row in connection.execute(_statement(), days).fetchall()]
    return pairs, set(posted[REVERSES.name].drop_null().to_pylist())


def _with_flag(postings: pa.Table, *, is_new: bool) -> pa.Table:
    known = [FIN_TRANSACTION.schema.field(name) for name in _COLUMNS]
    columns = [postings[field.name].cast(field.type) for field in known]
    links = postings[REVERSES.name] if REVERSES.name in postings.column_names and not is_new else None
    columns.append(pa.nulls(postings.num_rows, REVERSES.type) if links is None else links)
    columns.append(pa.array(np.full(postings.num_rows, is_new), pa.bool_()))
    return pa.table(columns, schema=pa.schema([*known, REVERSES, pa.field("is_new", pa.bool_())]))


def _linked(pairs: Iterable[_Pair], taken: set[int]) -> tuple[dict[int, int], set[int]]:
    """Reversal -> original, and negative amounts whose original cannot be told; candidates in the order of nights."""
    links: dict[int, int] = {}
    ambiguous: set[int] = set()
    for (trans_id, is_contra), group in groupby(pairs, key=lambda pair: (pair.trans_id, pair.is_contra)):
        best = _best([pair for pair in group if pair.original_id not in taken and pair.original_id not in links])
        if not best:
            continue
        if len({pair.original_kind for pair in best}) > 1:
            ambiguous |= set() if is_contra else {trans_id}
            continue
        links[trans_id] = max(best, key=lambda pair: (pair.original_date, pair.original_id)).original_id
        taken.add(links[trans_id])
    return links, ambiguous


def _best(pairs: Sequence[_Pair]) -> list[_Pair]:
    most = max((pair.agreement for pair in pairs), default=0)
    return [pair for pair in pairs if pair.agreement == most]


def _sign_convention(postings: pa.Table, reverses: pa.Array, refused: dict[int, str]) -> dict[int, str]:
    """Negative amounts of the nights that have more of them, with nothing to reverse, than any bank reverses."""
    unmatched = _mask(pc.and_(pc.less(postings["amount"], 0), pc.is_null(reverses)))
    unmatched[list(refused)] = False
    if unmatched.sum() <= FEW_UNMATCHED:
        return {}
    nights = postings["trans_date"].to_pylist()
    by_night: dict[date, list[int]] = defaultdict(list)
    for position in np.flatnonzero(unmatched):
        by_night[nights[position]].append(int(position))
    return {
        position: NEGATIVE
        for day, found in by_night.items()
        if _are_many(found, nights.count(day))
        for position in found
    }


def _are_many(found: Sequence[int], offered: int) -> bool:
    return len(found) > max(FEW_UNMATCHED, LARGEST_UNMATCHED_SHARE * offered)


def _mask(values: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    return np.array(pc.fill_null(values, fill_value=False).to_numpy(zero_copy_only=False), dtype=bool)


@cache
def _statement() -> str:
    return _SQL.read_text(encoding="utf-8")
