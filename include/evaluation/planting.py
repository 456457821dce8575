"""Plants episodes into a bank's postings, each into an account of its own, and labels their postings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count, product
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.evaluation.episodes import EPISODE_KINDS, STRENGTHS, Episode, EpisodeKind
from include.evaluation.ledger import PostingRow, apply_edits
from include.evaluation.subject import Subject, Surroundings
from include.lake.tables import REVERSES
from include.relations import FIN_TRANSACTION

LABELS = pa.schema(
    [
        pa.field("trans_id", pa.int64()),
        pa.field("episode", pa.int64()),
        pa.field("kind", pa.string()),
        pa.field("strength", pa.string()),
        pa.field("is_culprit", pa.bool_()),
    ]
)
"""The planted postings: their episode, its kind and strength, and whether they are to be found.

Those that are not to be found (payments before a limit is crossed) are not ordinary either: figures leave them out.
"""

MIN_PAYMENTS = 4
"""Least number of payments of an account before an episode; fewer are no habit that an anomaly could break."""
MOST_CANDIDATES = 2_000
"""Largest number of accounts that are tried for episodes: more than seven for each of the 264 episodes of a round with
all kinds, and more than the real bank has. Without a limit, a kind that a bank cannot show would be tried on every
account."""


# Far more postings than any plan holds.
_MOST_PLANTED = 1 << 32


@dataclass(frozen=True)
class Planted:
    """A bank with anomalies in it.

    Attributes
    ----------
    transactions
        Rows of `fin_transaction`, and what they reverse, with the episodes planted.
    labels
        Rows of `LABELS`.
    """

    transactions: pa.Table
    labels: pa.Table


@dataclass(frozen=True)
class PlantingPlan:
    """The plan of the episodes to plant.

    Attributes
    ----------
    first, last
        First and last date of the anomalous postings.
    seed
        Seed of the choice of accounts, days and figures.
    per_cell
        Number of episodes of each kind in each strength.
    kinds, strengths
        Kinds and strengths to plant.
    accounts
        Accounts to plant into; any account when None.
    """

    first: date
    last: date
    seed: int
    per_cell: int = 3
    kinds: tuple[str, ...] = tuple(EPISODE_KINDS)
    strengths: tuple[str, ...] = STRENGTHS
    accounts: frozenset[int] | None = None


@dataclass
class Books:
    """The postings of some accounts; an account's postings are turned into rows when they are first asked for.

    Attributes
    ----------
    ordered
        Postings ordered by account, date and trans_id.
    slices
        Place of an account's first posting and number of its postings, by account.
    """

    ordered: pa.Table
    slices: Mapping[int, tuple[int, int]]
    _read: dict[int, list[PostingRow]] = field(default_factory=dict)

    @classmethod
    def of(cls, postings: pa.Table, accounts: Sequence[int]) -> Books:
        """The books of these accounts."""
        mine = postings.filter(pc.is_in(postings["account_id"], pa.array(accounts, pa.int64())))
        keys = ("account_id", "trans_date", "trans_id")
        ordered = mine.sort_by([(key, "ascending") for key in keys]).combine_chunks()
        numbers, starts, counts = np.unique(ordered["account_id"].to_numpy(), return_index=True, return_counts=True)
        places = zip(starts.tolist(), counts.tolist(), strict=True)
        return cls(ordered, dict(zip(numbers.tolist(), places, strict=True)))

    def rows(self, account: int) -> list[PostingRow]:
        """All postings of an account in their order."""
        if account not in self._read:
            self._read[account] = self.ordered.slice(*self.slices[account]).to_pylist()
        return self._read[account]


def plant(transactions: pa.Table, statics: Mapping[str, pa.Table], plan: PlantingPlan, rounding_cents: int) -> Planted:
    """Plant a plan's episodes into the postings, as many as find an account that suits.

    Parameters
    ----------
    transactions
        Accepted postings that go back at least one habit before `plan.first`. Episodes touch neither side of a
        reversal.
    statics
        Static relations by name; kinds that need an absent relation cannot be planted.
    plan
        Plan of the episodes.
    rounding_cents
        Rounding of the source's balances, in cents.
    """
    known = (*FIN_TRANSACTION.schema.names, REVERSES.name)
    postings = transactions.select([name for name in known if name in transactions.column_names])
    rng = np.random.default_rng(plan.seed)
    accounts = _candidates(postings, plan, rng)
    bank = _surroundings(postings, statics, rounding_cents, accounts)
    books = Books.of(postings, accounts)
    edited: dict[int, list[PostingRow]] = {}
    labels: list[PostingRow] = []
    for number, (kind, strength) in enumerate(_wanted(plan)):
        found = _find(EPISODE_KINDS[kind], STRENGTHS.index(strength), accounts, books, plan, bank, rng)
        if found is None:
            continue
        account, episode, rows = found
        accounts.remove(account)
        edited[account] = rows
        cell = {"episode": number, "kind": kind, "strength": strength}
        labels += [
            {"trans_id": trans_id, **cell, "is_culprit": trans_id in episode.positives}
            for trans_id in sorted(episode.planted)
        ]
    return Planted(_replaced(postings, edited), pa.Table.from_pylist(labels, schema=LABELS))


def plantable_kinds(postings: pa.Table) -> tuple[str, ...]:
    """The kinds that these postings can show; kinds of hours and places need postings that record them."""
    has = {
        "": True,
        "time": postings["trans_time"].null_count < postings.num_rows,
        "place": postings["district_id"].null_count < postings.num_rows,
    }
    return tuple(name for name, kind in EPISODE_KINDS.items() if has[kind.needs])


def _wanted(plan: PlantingPlan) -> list[tuple[str, str]]:
    return [cell for _ in range(plan.per_cell) for cell in product(plan.kinds, plan.strengths)]


def _find(
    kind: EpisodeKind,
    strength: int,
    accounts: Sequence[int],
    books: Books,
    plan: PlantingPlan,
    bank: Surroundings,
    rng: np.random.Generator,
) -> tuple[int, Episode, list[PostingRow]] | None:
    """The first of the accounts that the episode can be planted into, on a day drawn for it; None without one."""
    days = (plan.last - plan.first).days + 1
    for account in accounts:
        day = plan.first + timedelta(days=int(rng.integers(days)))
        subject = Subject(account, books.rows(account), day, plan.last, rng, bank)
        if len(subject.payments) < MIN_PAYMENTS:
            continue
        episode = kind.make(subject, kind.scale[strength])
        rows = apply_edits(subject.rows, episode.edits, bank.rounding_cents) if episode else None
        if episode is not None and rows is not None:
            return account, episode, rows
    return None


def _candidates(postings: pa.Table, plan: PlantingPlan, rng: np.random.Generator) -> list[int]:
    """At most `MOST_CANDIDATES` accounts active before the window, in an order drawn by chance."""
    before = postings.filter(pc.less(postings["trans_date"], pa.scalar(plan.first)))
    known = np.sort(pc.unique(before["account_id"]).to_numpy())
    if plan.accounts is not None:
        known = known[np.isin(known, sorted(plan.accounts))]
    chosen: list[int] = known[rng.permutation(len(known))[:MOST_CANDIDATES]].tolist()
    return chosen


def _replaced(postings: pa.Table, edited: Mapping[int, list[PostingRow]]) -> pa.Table:
    others = postings.filter(pc.invert(pc.is_in(postings["account_id"], pa.array(list(edited), pa.int64()))))
    rows = [row for account in edited.values() for row in account]
    return pa.concat_tables([others, pa.Table.from_pylist(rows, schema=others.schema)])


def _surroundings(
    postings: pa.Table, statics: Mapping[str, pa.Table], rounding_cents: int, accounts: Sequence[int]
) -> Surroundings:
    districts = _columns(statics, "fin_district", ("district_id", "region"))
    account_of = dict(_columns(statics, "fin_disposition", ("disp_id", "account_id"), account_id=accounts))
    held = _columns(statics, "fin_card", ("disp_id", "issued_date"), disp_id=list(account_of))
    return Surroundings(
        rounding_cents=rounding_cents,
        regions={number: str(region) for number, region in districts},
        cards=_earliest((account_of[disp], day) for disp, day in held),
        loans=_earliest(_columns(statics, "fin_loan", ("account_id", "granted_date"), account_id=accounts)),
        numbers=fresh_numbers(postings),
    )


def fresh_numbers(postings: pa.Table) -> Iterator[int]:
    """Numbers that no posting has: above all existing ones, or below them where 64 bits leave no room above."""
    ends = pc.min_max(postings["trans_id"]).as_py()
    smallest, largest = ends["min"] or 0, ends["max"] or 0
    has_room = largest + _MOST_PLANTED < 2**63
    return count(largest + 1) if has_room else count(smallest - 1, -1)


def _columns(
    statics: Mapping[str, pa.Table], relation: str, names: Sequence[str], **among: Sequence[int]
) -> list[tuple[Any, ...]]:
    """Some columns of the rows of a relation whose identifiers are among the given ones; empty where it is absent."""
    if relation not in statics or not set(names) <= set(statics[relation].column_names):
        return []
    rows = statics[relation]
    for column, values in among.items():
        rows = rows.filter(pc.is_in(rows[column], pa.array(values, pa.int64())))
    return list(zip(*(rows[name].to_pylist() for name in names), strict=True))


def _earliest(pairs: Iterable[tuple[Any, Any]]) -> dict[int, date]:
    first: dict[int, date] = {}
    for account, day in pairs:
        if account is not None and day is not None:
            first[account] = min(day, first.get(account, date.max))
    return first
