"""Plants episodes into a bank's postings, each into an account of its own, and says which postings they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count, product
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.evaluation.episodes import EPISODE_KINDS, STRENGTHS, Episode, EpisodeKind
from include.evaluation.ledger import Row, apply_edits
from include.evaluation.subject import Subject, Surroundings
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
"""The planted postings: which episode they belong to, of which kind and strength, and whether they are to be found.

Those that are not (payments before a limit is crossed) are neither to be found nor ordinary: figures leave them out.
"""

MIN_PAYMENTS = 4
"""Payments an account made within the habit before an episode: fewer are no habit that an anomaly could break."""


@dataclass(frozen=True)
class Planted:
    """A bank with anomalies in it.

    Attributes
    ----------
    transactions
        `fin_transaction` with the episodes laid in.
    labels
        `LABELS`.
    """

    transactions: pa.Table
    labels: pa.Table


@dataclass(frozen=True)
class Plan:
    """What to plant.

    Attributes
    ----------
    first, last
        Dates the anomalous postings lie between.
    seed
        Of accounts, days and figures.
    per_cell
        Episodes of every kind in every strength.
    kinds, strengths
        Which.
    accounts
        Only these, or any when None.
    """

    first: date
    last: date
    seed: int
    per_cell: int = 3
    kinds: tuple[str, ...] = tuple(EPISODE_KINDS)
    strengths: tuple[str, ...] = STRENGTHS
    accounts: frozenset[int] | None = None


def plant(transactions: pa.Table, statics: Mapping[str, pa.Table], plan: Plan, slack: int) -> Planted:
    """Lay a plan's episodes into the postings; as many as find an account that suits.

    Parameters
    ----------
    transactions
        Accepted postings; at least the habit before `plan.first`.
    statics
        Static relations by name; absent ones make the kinds that need them impossible.
    plan
        What to plant.
    slack
        The source's own rounding in cents.
    """
    postings = transactions.select(FIN_TRANSACTION.schema.names)
    rng = np.random.default_rng(plan.seed)
    bank = _surroundings(postings, statics, slack)
    accounts = _candidates(postings, plan, rng)
    books = _books(postings, accounts)
    edited: dict[int, list[Row]] = {}
    labels: list[Row] = []
    for number, (kind, strength) in enumerate(_wanted(plan)):
        found = _find(EPISODE_KINDS[kind], STRENGTHS.index(strength), accounts, books, plan, bank, rng)
        if found is None:
            continue
        account, episode, rows = found
        accounts.remove(account)
        edited[account] = rows
        cell = {"episode": number, "kind": kind, "strength": strength}
        labels += [
            {"trans_id": trans_id, **cell, "is_culprit": trans_id in episode.culprits}
            for trans_id in sorted(episode.planted)
        ]
    return Planted(_replaced(postings, edited), pa.Table.from_pylist(labels, schema=LABELS))


def plantable_kinds(postings: pa.Table) -> tuple[str, ...]:
    """The kinds these postings can show: hours and places only where they are recorded."""
    has = {
        "": True,
        "time": postings["trans_time"].null_count < postings.num_rows,
        "place": postings["district_id"].null_count < postings.num_rows,
    }
    return tuple(name for name, kind in EPISODE_KINDS.items() if has[kind.needs])


def _wanted(plan: Plan) -> list[tuple[str, str]]:
    return [cell for _ in range(plan.per_cell) for cell in product(plan.kinds, plan.strengths)]


def _find(
    kind: EpisodeKind,
    strength: int,
    accounts: Sequence[int],
    books: Mapping[int, list[Row]],
    plan: Plan,
    bank: Surroundings,
    rng: np.random.Generator,
) -> tuple[int, Episode, list[Row]] | None:
    """The first account, in the order drawn, that the episode can be laid into on a day drawn for it."""
    days = (plan.last - plan.first).days + 1
    for account in accounts:
        day = plan.first + timedelta(days=int(rng.integers(days)))
        subject = Subject(account, books[account], day, plan.last, rng, bank)
        if len(subject.payments) < MIN_PAYMENTS:
            continue
        episode = kind.make(subject, kind.scale[strength])
        rows = apply_edits(books[account], episode.edits, bank.slack) if episode else None
        if episode is not None and rows is not None:
            return account, episode, rows
    return None


def _candidates(postings: pa.Table, plan: Plan, rng: np.random.Generator) -> list[int]:
    """Accounts active before the window, in an order drawn by chance."""
    before = postings.filter(pc.less(postings["trans_date"], pa.scalar(plan.first)))
    known = sorted(set(before["account_id"].to_pylist()))
    allowed = [account for account in known if plan.accounts is None or account in plan.accounts]
    return [allowed[i] for i in rng.permutation(len(allowed))]


def _books(postings: pa.Table, accounts: Iterable[int]) -> dict[int, list[Row]]:
    mine = postings.filter(pc.is_in(postings["account_id"], pa.array(list(accounts), pa.int64())))
    ordered = mine.sort_by([("account_id", "ascending"), ("trans_date", "ascending"), ("trans_id", "ascending")])
    books: dict[int, list[Row]] = defaultdict(list)
    for row in ordered.to_pylist():
        books[row["account_id"]].append(row)
    return books


def _replaced(postings: pa.Table, edited: Mapping[int, list[Row]]) -> pa.Table:
    others = postings.filter(pc.invert(pc.is_in(postings["account_id"], pa.array(list(edited), pa.int64()))))
    rows = [row for account in edited.values() for row in account]
    return pa.concat_tables([others, pa.Table.from_pylist(rows, schema=others.schema)])


def _surroundings(postings: pa.Table, statics: Mapping[str, pa.Table], slack: int) -> Surroundings:
    largest = pc.max(postings["trans_id"]).as_py() or 0
    districts = _columns(statics, "fin_district", "district_id", "region")
    account_of = dict(_columns(statics, "fin_disposition", "disp_id", "account_id"))
    cards = [(account_of.get(disp), day) for disp, day in _columns(statics, "fin_card", "disp_id", "issued_date")]
    loans = _columns(statics, "fin_loan", "account_id", "granted_date")
    return Surroundings(
        slack=slack,
        regions={number: str(region) for number, region in districts},
        cards=_earliest(cards),
        loans=_earliest(loans),
        numbers=count(largest + 1),
    )


def _columns(statics: Mapping[str, pa.Table], relation: str, *names: str) -> list[tuple[Any, ...]]:
    if relation not in statics or not set(names) <= set(statics[relation].column_names):
        return []
    return list(zip(*(statics[relation][name].to_pylist() for name in names), strict=True))


def _earliest(pairs: Iterable[tuple[Any, Any]]) -> dict[int, date]:
    first: dict[int, date] = {}
    for account, day in pairs:
        if account is not None and day is not None:
            first[account] = min(day, first.get(account, date.max))
    return first
