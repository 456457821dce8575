"""A champion frozen, adapting and trained anew, over a year of changing habits: the measurement `adapting`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import ttest_1samp

from demo import generate_bank
from include.evaluation.metrics import figures
from include.evaluation.rounds import InjectedSample, assess, plant_round
from include.lake.tables import BREAKS_SCHEMA
from include.learning.canary import Canary, draw_canary
from include.learning.learn import judged
from include.learning.refresh import REFRESH_NIGHTS, draw_refresh_baseline, refreshed
from include.learning.sample import Sample, nights_of
from include.learning.sampling import refresh_rows_of
from include.learning.updates import Update
from include.models.base import Matrix, Vector
from include.models.lstm import Lstm
from include.models.model import Model
from include.models.threshold import Flags, budget_month, flag
from include.training import Recipe, TrainingOutcome, TrainingSpec, train
from include.training.split import REFRESH_NIGHTS_SEEN
from tests.benchmark.banks import Bench, read_bank
from tests.benchmark.results import FOLDER, markdown
from tests.benchmark.trained import BUDGET, SEED

FIRST, BEFORE, LAST = date(1995, 1, 1), date(1997, 7, 1), date(1998, 6, 30)
"""Two and a half years to train on, so that December is known, and the year that is played."""
ACCOUNTS = 400
ROUND_SEED = 80_000
RECIPE = Recipe(ensembles=({"contrast": 1, "rarity": 1},), rounds=2, settings={"lstm": Lstm.quick_settings})
"""Everything but a small sequence reader: five trainings have to fit into the bench's minutes."""
Record = dict[str, Any]


@dataclass
class Night:
    """One night as it was played.

    Attributes
    ----------
    model
        That scored it.
    limit
        Its threshold.
    flagged, rows
        Of its postings.
    update
        What became of the update it led to; None where nothing learns.
    """

    model: Model
    limit: float
    flagged: int
    rows: int
    update: Update | None = None


@dataclass
class Approval:
    """What a champion brings with it to learn on."""

    approved: Model
    canary: Canary
    baseline: Sample

    @classmethod
    def of(cls, outcome: TrainingOutcome) -> Approval:
        """Of a training that gave a model."""
        if outcome.model is None or outcome.held_back is None:
            raise SystemExit(outcome.note)
        return cls(
            outcome.model,
            draw_canary(outcome.model, outcome.held_back),
            draw_refresh_baseline(outcome.model, outcome.held_back),
        )


@dataclass
class Play:
    """Nights in their order, scored by a model that learns from them, or by one that does not.

    Attributes
    ----------
    approval
        Of the champion.
    learns
        Whether it learns.
    nights
        What was played.
    gathered
        Rows of the nights that teach, the oldest first.
    """

    approval: Approval
    learns: bool
    nights: dict[date, Night] = field(default_factory=dict)
    model: Model = field(init=False)
    gathered: list[tuple[date, Matrix]] = field(default_factory=list)
    earlier: list[tuple[date, Vector]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.model = self.approval.approved

    def night(self, night: date, features: pa.Table) -> None:
        """Score a night and learn from it."""
        model = self.model
        scores = model.score(model.values(features))
        limits = self._limits(night, scores)
        flagged = flag(scores, limits)
        played = Night(model, float(limits[0]), int(flagged.sum()), len(scores))
        if self.learns:
            self.gathered.append((night, self._taught(features, flagged)))
            is_due = len(self.gathered) % REFRESH_NIGHTS == 0
            played.update = self._refresh(night) if is_due else None
        self.nights[night] = played

    def _taught(self, features: pa.Table, flagged: Flags) -> Matrix:
        """Rows of a night that teach."""
        rows = refresh_rows_of(features, self.model, flagged, BREAKS_SCHEMA.empty_table()).rows
        return np.array(rows["values"].to_pylist(), np.float64).reshape(-1, len(self.model.features))

    def _limits(self, night: date, scores: Vector) -> Vector:
        self.earlier = [(day, known) for day, known in self.earlier if day >= budget_month(night)]
        days = [np.full(len(known), np.datetime64(day)) for day, known in self.earlier]
        mine = np.full(len(scores), np.datetime64(night))
        empty = (np.empty(0, "datetime64[D]"), np.empty(0))
        before = (np.concatenate([empty[0], *days]), np.concatenate([empty[1], *(known for _, known in self.earlier)]))
        self.earlier.append((night, scores))
        return self.model.alert_budget.nightly(mine, scores, *before)

    def _refresh(self, night: date) -> Update:
        since, s = night - timedelta(days=REFRESH_NIGHTS_SEEN - 1), self.approval
        rows = np.vstack([known for day, known in self.gathered if day >= since])
        model = refreshed(s.approved, s.baseline, rows, night)
        update = judged(s.approved, model, s.canary, len(self.gathered))
        self.model = model if update.accepted else self.model
        return update


def played(approval: Approval, features: pa.Table, *, learns: bool) -> Play:
    """All nights of a feature table."""
    play = Play(approval, learns)
    nights = nights_of(features)
    for night in np.unique(nights):
        play.night(night.item(), features.filter(pa.array(nights == night)))
    return play


def changing_bank() -> Bench:
    """A generated bank whose people come to act more often and with larger sums, most of all in December."""
    plain = plain_bank().bank
    return Bench("growing", replace(plain, postings=changed(plain.postings)), BEFORE, LAST)


def restless_bank() -> Bench:
    """The same, and its people are about more and more: other towns, other hours, in July and August above all."""
    plain = plain_bank().bank
    return Bench("restless", replace(plain, postings=restless(changed(plain.postings))), BEFORE, LAST)


def plain_bank() -> Bench:
    """The same bank as it was generated."""
    folder = FOLDER / f"changing-{ACCOUNTS}"
    if not (folder / "fin_transaction.parquet").exists():
        generate_bank(folder, ACCOUNTS, FIRST, LAST, seed=37)
    return Bench("steady", read_bank(f"file:{folder}?rounding=0.1", BEFORE, LAST), BEFORE, LAST)


YEARLY_GROWTH = 0.3
"""Sums grow by as much a year from the first played night on."""
YEARLY_MORE = 0.6
"""And so does the number of what people decide themselves: those postings are thinned out before."""
YEARLY_MOODS = 0.8
"""Sums become less regular: the spread of their logarithms after a year, beside the people's own of about a half."""
DECEMBER, JULY = 1.4, 1.15
"""What December and July are more, in every year."""


def changed(history: pa.Table) -> pa.Table:
    """A history with season and drift laid over what people decide: cash, cards and transfers that are not standing.

    Balances are multiplied as the sums are, so that what a payment takes of the balance stays what it was.
    """
    days = np.asarray(history["trans_date"].to_numpy(), dtype="datetime64[D]")
    years = np.maximum((days - np.datetime64(BEFORE)).astype(float) / 365, 0)
    months = days.astype("datetime64[M]").astype(int) % 12 + 1
    season = np.select([months == 12, months == 7], [DECEMBER, JULY], 1.0)
    decided = np.isin(history["operation"].to_numpy(zero_copy_only=False).astype(str), DECIDED)
    most = (1 + YEARLY_MORE) * DECEMBER
    rate = (1 + YEARLY_MORE * years) * season / most
    kept = ~decided | (np.random.default_rng(SEED).random(len(days)) < rate)
    moods = np.exp(YEARLY_MOODS * years * np.random.default_rng(SEED + 1).standard_normal(len(days)))
    factor = (1 + YEARLY_GROWTH * years) * np.where(decided, np.sqrt(season) * moods, 1.0)
    for name in ("amount", "balance"):
        field_ = history.schema.field(name)
        values = pc.cast(history[name], pa.float64()).to_numpy()
        column = pa.array(np.round(values * factor, 1), pa.float64(), from_pandas=True).cast(field_.type, safe=False)
        history = history.set_column(history.schema.get_field_index(name), field_, column)
    return history.filter(pa.array(kept))


DECIDED = ("WIC", "CCW")
YEARLY_OUTINGS, SUMMER_OUTINGS = 0.5, 0.15
"""Share of what people decide that comes to happen in any town, and at any hour, after a year; and in each summer."""
OPEN_HOURS = (6 * 3600, 23 * 3600)


def restless(history: pa.Table) -> pa.Table:
    """A history whose people leave their places and hours more and more often."""
    random = np.random.default_rng(SEED + 2)
    days = np.asarray(history["trans_date"].to_numpy(), dtype="datetime64[D]")
    years = np.maximum((days - np.datetime64(BEFORE)).astype(float) / 365, 0)
    is_summer = np.isin(days.astype("datetime64[M]").astype(int) % 12 + 1, (7, 8))
    decided = np.isin(history["operation"].to_numpy(zero_copy_only=False).astype(str), DECIDED)
    rate = np.where(decided, YEARLY_OUTINGS * years + SUMMER_OUTINGS * is_summer, 0)
    places = history["district_id"].drop_null().to_numpy()
    microseconds = random.integers(*OPEN_HOURS, len(days)) * 1_000_000
    for name, others in (("district_id", random.choice(places, len(days))), ("trans_time", microseconds)):
        field_ = history.schema.field(name)
        is_other = pc.and_(pa.array(random.random(len(days)) < rate), pc.is_valid(history[name]))
        column = pc.if_else(is_other, pa.array(others).cast(field_.type), history[name])
        history = history.set_column(history.schema.get_field_index(name), field_, column)
    return history


def measure() -> Record:
    """Figures by month of a year: average precision, recall at the night's threshold, share flagged."""
    return {bench.name: _year(bench) for bench in (changing_bank(), restless_bank())}


def _year(bench: Bench) -> Record:
    approval = Approval.of(trained_on(bench, BEFORE))
    months = _months(BEFORE, LAST)
    rounds = {first: plant_round(bench.bank, first, last, ROUND_SEED + n) for n, (first, last) in enumerate(months)}
    plays: dict[str, Mapping[date, Night]] = {
        "frozen": played(approval, bench.window, learns=False).nights,
        "adapting": played(approval, bench.window, learns=True).nights,
        "trained anew": _anew(bench, months),
    }
    found = {
        who: [_month(nights, rounds[first], first, last) for first, last in months] for who, nights in plays.items()
    }
    report(bench.name, found, plays["adapting"])
    return found


def trained_on(bench: Bench, before: date) -> TrainingOutcome:
    return train(bench.bank, TrainingSpec(before=before, seed=SEED, budget=BUDGET, recipe=RECIPE))


def _anew(bench: Bench, months: list[tuple[date, date]]) -> dict[date, Night]:
    """Every three months another champion, frozen in between."""
    nights: dict[date, Night] = {}
    for start in range(0, len(months), 3):
        first, last = months[start][0], months[min(start + 2, len(months) - 1)][1]
        outcome = trained_on(bench, first)
        features = bench.nights(first, last + timedelta(days=1))
        nights |= played(Approval.of(outcome), features, learns=False).nights
    return nights


def _months(first: date, last: date) -> list[tuple[date, date]]:
    starts = [first]
    while (following := (starts[-1] + timedelta(days=32)).replace(day=1)) <= last:
        starts.append(following)
    return [(start, (start + timedelta(days=32)).replace(day=1) - timedelta(days=1)) for start in starts]


def _month(nights: Mapping[date, Night], round_: InjectedSample, first: date, last: date) -> Record:
    """Every row of a planted month scored by its night's model, and held against its night's threshold."""
    scores, limits = scored(nights, round_.features)
    mine = [night for day, night in nights.items() if first <= day <= last]
    return {
        "month": f"{first:%Y-%m}",
        "average_precision": figures(scores, round_.is_planted, BUDGET).average_precision,
        "subtle": assess(scores, round_, ("subtle", "faint"), BUDGET).average_precision,
        "recall": float(flag(scores, limits)[round_.is_planted].mean()),
        "flagged": sum(night.flagged for night in mine) / sum(night.rows for night in mine),
    }


def scored(nights: Mapping[date, Night], features: pa.Table) -> tuple[Vector, Vector]:
    """Scores and thresholds of rows, by the model and the threshold their nights had."""
    days = nights_of(features)
    scores, limits = np.zeros(len(days)), np.zeros(len(days))
    by_model: dict[str, list[date]] = {}
    for day in np.unique(days):
        by_model.setdefault(nights[day.item()].model.version, []).append(day.item())
    for mine in by_model.values():
        rows = np.isin(days, np.array(mine, dtype="datetime64[D]"))
        model = nights[mine[0]].model
        scores[rows] = model.score(model.values(features.filter(pa.array(rows))))
        limits[rows] = [nights[day.item()].limit for day in days[rows]]
    return scores, limits


KEYS = ("average_precision", "subtle", "recall", "flagged")


def report(bank: str, found: Mapping[str, list[Record]], adapting: Mapping[date, Night]) -> None:
    """Print the year month by month, its means, and what adapting gained over the year's months."""
    header = ["month", *(f"{who}: AP / subtle and faint / recall / flagged" for who in found)]
    rows = [[months[0]["month"], *map(_cell, months)] for months in zip(*found.values(), strict=True)]
    means = ({key: float(np.mean([month[key] for month in months])) for key in KEYS} for months in found.values())
    rows.append(["mean", *map(_cell, means)])
    print(markdown(f"A year of changing habits, {bank} bank, budget {BUDGET:.0%}", header, rows))
    for key in KEYS[:3]:
        print(f"- adapting beyond frozen, {key}: {_gain(found, key)}")
    updates = [night.update for night in adapting.values() if night.update is not None]
    print(f"- {sum(update.accepted for update in updates)} of {len(updates)} refreshes were accepted")
    for why in sorted({update.why.split(" is ")[0].split(" are ")[0] for update in updates if not update.accepted}):
        print(f"  - {why}")


def _gain(found: Mapping[str, list[Record]], key: str) -> str:
    """Student's interval over the months, paired."""
    gains = np.array([a[key] - f[key] for a, f in zip(found["adapting"], found["frozen"], strict=True)])
    within = ttest_1samp(gains, 0.0).confidence_interval(0.95)
    half = gains[len(gains) // 2 :].mean()
    return f"{gains.mean():+.4f} ({within.low:+.4f} to {within.high:+.4f}), in the last half year {half:+.4f}"


def _cell(month: Record) -> str:
    return f"{month['average_precision']:.3f} / {month['subtle']:.3f} / {month['recall']:.2f} / {month['flagged']:.2%}"
