"""Planted rounds: the features of a stretch of nights, computed as if anomalies had happened in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.evaluation.bank_history import BankHistory
from include.evaluation.episodes import STRENGTHS
from include.evaluation.metrics import Flags, RankingFigures, figures, label_of
from include.evaluation.planting import PlantingPlan, plant, plantable_kinds
from include.features import build_features, reach_days
from include.models.base import Vector

REACH_DAYS = 250
"""Days before a stretch that episodes may change: the longest pause of an account and the habit before it."""
ACCOUNT_SHARE = 0.2
"""Largest share of the accounts that get an episode in one round; beyond it the bank itself would look different."""
MOST_PER_CELL = 6
"""Largest number of episodes of one kind and strength in one round; the real bank's 1,163 accounts have room for six
each of eight kinds."""


@dataclass(frozen=True)
class InjectedSample:
    """A stretch of nights with planted anomalies.

    Attributes
    ----------
    features
        Features of every posting of the stretch, except planted ones that are not to be found.
    kinds, strengths
        Kind and strength of each row; None where nothing was planted.
    """

    features: pa.Table
    kinds: npt.NDArray[np.object_]
    strengths: npt.NDArray[np.object_]

    @cached_property
    def is_planted(self) -> Flags:
        """Whether each row is to be found."""
        return np.array([kind is not None for kind in self.kinds], dtype=np.bool_)

    @cached_property
    def kind_names(self) -> list[str]:
        """The planted kinds, sorted by name."""
        return sorted({str(kind) for kind in self.kinds[self.is_planted]})

    def without(self, kinds: frozenset[str]) -> InjectedSample:
        """The round as if these kinds had not been planted: their rows are left out."""
        kept = ~np.isin(self.kinds.astype(str), sorted(kinds))
        return InjectedSample(self.features.filter(pa.array(kept)), self.kinds[kept], self.strengths[kept])

    @property
    def positives(self) -> pa.Table:
        """The rows to be found."""
        return self.features.filter(pa.array(self.is_planted))

    def compared(self, strengths: tuple[str, ...], kind: str | None) -> Flags:
        """Whether a ranking is judged on each row, for some strengths (and one kind).

        All rows of accounts with other episodes are left out, as what follows a burst is not ordinary either. Rows that
        were not planted, on an account with an episode that is asked for, stay and count as false alarms when flagged.
        """
        if (strengths, kind) not in self._compared:
            self._compared[strengths, kind] = self._rows_for(strengths, kind)
        return self._compared[strengths, kind]

    @cached_property
    def _compared(self) -> dict[tuple[tuple[str, ...], str | None], Flags]:
        """Cache of `compared`: every ensemble needs the same rows, and finding them took most of a choice's time."""
        return {}

    def _rows_for(self, strengths: tuple[str, ...], kind: str | None) -> Flags:
        asked = np.isin(self.strengths.astype(str), strengths)
        if kind is not None:
            asked &= self.kinds == kind
        accounts = self.features["account_id"].to_numpy()
        elsewhere = np.isin(accounts, np.unique(accounts[self.is_planted & ~asked]))
        return np.asarray(asked | ~(elsewhere | self.is_planted), np.bool_)


def plant_round(
    history: BankHistory, first: date, last: date, seed: int, kinds: tuple[str, ...] | None = None
) -> InjectedSample:
    """Plant every kind in every strength into the nights from `first` to `last` and build their features.

    Parameters
    ----------
    history
        The bank's past; postings after `last` are ignored.
    first, last
        First and last night of the stretch.
    seed
        Seed of the episodes.
    kinds
        Kinds to plant; all that the bank can show when None.
    """
    since = first - timedelta(days=max(REACH_DAYS, reach_days(history.habit_days)))
    old, recent = _between(history.postings, None, since), _between(history.postings, since, last + _DAY)
    plan = PlantingPlan(first, last, seed, per_cell=_per_cell(recent, kinds), kinds=kinds or plantable_kinds(recent))
    planted = plant(recent, history.statics, plan, history.rounding_cents)
    before = _between(planted.transactions, None, first)
    state = history.state(pa.concat_tables([old.select(before.column_names), before]))
    lookback = _between(before, first - timedelta(days=reach_days(history.habit_days)), first)
    nights = _between(planted.transactions, first, last + _DAY)
    features = build_features(nights, lookback, history.statics, state, habit_days=history.habit_days)
    return _labelled(features, planted.labels)


def assess(
    scores: Vector, round_: InjectedSample, strengths: tuple[str, ...], budget: float, kind: str | None = None
) -> RankingFigures:
    """The figures of one ranking of a round, for some strengths (and one kind), on the rows that `compared` gives."""
    kept = round_.compared(strengths, kind)
    return figures(scores[kept], round_.is_planted[kept], budget)


_DAY = timedelta(days=1)


def _labelled(features: pa.Table, labels: pa.Table) -> InjectedSample:
    is_culprit = label_of(features["trans_id"], labels, "is_culprit")
    kept = np.array([flag is not False for flag in is_culprit], dtype=np.bool_)
    features = features.filter(pa.array(kept))
    kinds, strengths = (label_of(features["trans_id"], labels, column) for column in ("kind", "strength"))
    return InjectedSample(features, kinds, strengths)


def _per_cell(recent: pa.Table, kinds: tuple[str, ...] | None) -> int:
    accounts = pc.count_distinct(recent["account_id"]).as_py()
    cells = len(kinds or plantable_kinds(recent)) * len(STRENGTHS)
    return max(1, min(MOST_PER_CELL, int(ACCOUNT_SHARE * accounts / cells)))


def _between(table: pa.Table, first: date | None, before: date) -> pa.Table:
    """The postings dated from `first` (or the beginning) and before `before`."""
    kept = pc.less(table["trans_date"], pa.scalar(before))
    if first is not None:
        kept = pc.and_(kept, pc.greater_equal(table["trans_date"], pa.scalar(first)))
    return table.filter(kept)
