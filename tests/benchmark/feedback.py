"""The measurement `feedback`: what reviews that become known a week late are worth, week by week.

The bank is that of the Fraud Detection Handbook's simulation: frauds recur at terminals and on accounts for some weeks.
Its postings are described and scored once; then every night is moved by what was known before it, as nights are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.metrics import average_precision_score

from include.explaining.reasons import contributions
from include.features import FeatureState, build_features
from include.lake.tables import REVIEWS_SCHEMA
from include.models.base import Vector
from include.models.model import Model
from include.reviews import effects_of
from include.scoring.review_adjustment import moved
from tests.benchmark.banks import Bench
from tests.benchmark.plain_bank import DAYS, FIRST, plain_bank
from tests.benchmark.results import markdown
from tests.benchmark.trained import trained

TRAIN_DAYS = 92
"""The fewest days a training takes, so that eight whole weeks are left."""
WEEKS = 8
DELAY = timedelta(days=7)
REACH = timedelta(days=124)
SEEDS = (1, 2, 3)
"""Of the draw among alerts; a review of everything needs none."""
Record = dict[str, Any]


@dataclass(frozen=True)
class Regime:
    """Who is looked into: a share of the night's alerts, and a share of the frauds, whose victims complain."""

    name: str
    alerts: float
    frauds: float = 0.0

    @property
    def seeds(self) -> tuple[int, ...]:
        """Where nothing is drawn, one play is all."""
        return SEEDS if {self.alerts, self.frauds} - {0.0, 1.0} else SEEDS[:1]


REGIMES = (
    Regime("none", 0.0),
    Regime("0.1 % of alerts", 0.001),
    Regime("1 % of alerts", 0.01),
    Regime("10 % of alerts", 0.1),
    Regime("every alert", 1.0),
    Regime("10 % of alerts, half of the victims complain", 0.1, 0.5),
    Regime("every fraud becomes known", 0.0, 1.0),
)


def measure() -> Record:
    """Average precision of each week by who is looked into; prints the table."""
    play = Play.prepare()
    found = {regime.name: _mean([play.weeks(regime, seed) for seed in regime.seeds]) for regime in REGIMES}
    header = ["looked into", "reviews", *(f"week {week + 1}" for week in range(WEEKS)), "all weeks"]
    rows = [[name, f"{r['reviews']:.0f}", *(f"{v:.3f}" for v in (*r["weeks"], r["all"]))] for name, r in found.items()]
    print(markdown("Reviews known after seven days: average precision by week", header, rows))
    return {"rows": len(play.scores), "share_of_fraud": float(play.is_fraud.mean()), "regimes": found}


@dataclass(frozen=True)
class Play:
    """The scored nights, and everything before them.

    Attributes
    ----------
    history
        All postings of the bank.
    features
        Of the scored nights, with `nights` their dates and `scores` by the model alone.
    is_fraud
        Of each scored row.
    """

    model: Model
    history: pa.Table
    features: pa.Table
    nights: npt.NDArray[np.datetime64]
    scores: Vector
    is_fraud: npt.NDArray[np.bool_]

    @classmethod
    def prepare(cls) -> Play:
        """Train on the first three months and score the weeks that follow."""
        bank, labels = plain_bank()
        before = FIRST + timedelta(days=TRAIN_DAYS)
        bench = Bench("plain-feedback", bank, before, before + timedelta(days=7 * WEEKS - 1))
        assert bench.last < FIRST + timedelta(days=DAYS)
        model = trained(bench)
        every = build_features(
            bank.postings, bank.postings.slice(0, 0), bank.statics, FeatureState.empty(), habit_days=bank.habit_days
        )
        kept = every.filter(
            pc.and_(
                pc.greater_equal(every["settlement_date"], pa.scalar(before)),
                pc.less_equal(every["settlement_date"], pa.scalar(bench.last)),
            )
        )
        frauds = np.isin(kept["trans_id"].to_numpy(), list(labels))
        dates = np.asarray(kept["settlement_date"].to_numpy(), dtype="datetime64[D]")
        return cls(model, bank.postings, kept, dates, model.score(model.values(kept)), frauds)

    def weeks(self, regime: Regime, seed: int) -> Record:
        """Average precision of each week and of all, when this much is looked into."""
        scores, reviews = self.played(regime, seed)
        week = (self.nights - self.nights.min()).astype(int) // 7
        each = [float(average_precision_score(self.is_fraud[week == n], scores[week == n])) for n in range(WEEKS)]
        return {"weeks": each, "all": float(average_precision_score(self.is_fraud, scores)), "reviews": reviews}

    def played(self, regime: Regime, seed: int) -> tuple[Vector, int]:
        """Every row's score, moved by what its night knew, and how many reviews there were."""
        rng = np.random.default_rng(seed)
        scores, drop = self.scores.copy(), REVIEWS_SCHEMA.empty_table()
        codes: dict[int, str] = {}
        for night in np.unique(self.nights):
            places = np.flatnonzero(self.nights == night)
            day: date = night.item()
            scores[places] = self._night(day, places, scores, drop, codes)
            picked = self._picked(regime, places, scores, rng)
            drop = pa.concat_tables([drop, self._reviews(day, picked)])
        return scores, drop.num_rows

    def _night(
        self, night: date, places: npt.NDArray[np.intp], scores: Vector, drop: pa.Table, codes: dict[int, str]
    ) -> Vector:
        known = drop.filter(pc.less_equal(drop["settlement_date"], pa.scalar(night)))
        plain, rows = self.scores[places], self.features.take(pa.array(places))
        if not known.num_rows:
            return plain

        def leading(asked: list[int]) -> list[str]:
            return self._codes(places[asked], codes)

        before = self.history.filter(
            pc.and_(
                pc.greater(self.history["trans_date"], pa.scalar(night - REACH)),
                pc.less_equal(self.history["trans_date"], pa.scalar(night)),
            )
        )
        feedback = effects_of(known, self._findings(known, scores, codes), before, night).feedback
        return moved(plain, feedback.said(rows, plain, self.model.threshold, leading))

    def _findings(self, known: pa.Table, scores: Vector, codes: dict[int, str]) -> pa.Table:
        places = np.flatnonzero(np.isin(self.features["trans_id"].to_numpy(), known["trans_id"].to_numpy()))
        flagged = [place for place in places if scores[place] >= self.model.threshold]
        leading = dict(zip(flagged, self._codes(np.array(flagged, dtype=np.intp), codes), strict=True))
        theirs = self.features.take(pa.array(places)).select(["trans_id", "account_id"])
        code = pa.array([leading.get(place) for place in places], pa.string())
        return theirs.append_column("score", pa.array(scores[places])).append_column("code", code)

    def _codes(self, places: npt.NDArray[np.intp], known: dict[int, str]) -> list[str]:
        """The strongest code of each row's score by the model, kept for as long as the play lasts."""
        new = [int(place) for place in places if int(place) not in known]
        if new:
            values = self.model.values(self.features.take(pa.array(new)))
            for place, parts in zip(new, contributions(self.model, values), strict=True):
                known[place] = max(parts.codes, key=lambda code, parts=parts: parts.codes[code])
        return [known[int(place)] for place in places]

    def _picked(
        self, regime: Regime, places: npt.NDArray[np.intp], scores: Vector, rng: np.random.Generator
    ) -> npt.NDArray[np.intp]:
        alerts = places[scores[places] >= self.model.threshold]
        frauds = places[self.is_fraud[places]]
        drawn = [
            rows[rng.random(len(rows)) < share] for rows, share in ((alerts, regime.alerts), (frauds, regime.frauds))
        ]
        return np.unique(np.concatenate(drawn))

    def _reviews(self, night: date, places: npt.NDArray[np.intp]) -> pa.Table:
        """The truth about each, known a week after its night."""
        known = night + DELAY
        moment = datetime.combine(known, time(12), UTC)
        trans_ids = self.features["trans_id"].to_numpy()[places].tolist()
        rows = [
            {
                "settlement_date": known,
                "trans_id": trans_id,
                "decision": "confirmed" if fraud else "dismissed",
                "who": "analyst",
                "decided_at": moment,
                "known_at": moment,
                "review_key": str(trans_id),
            }
            for trans_id, fraud in zip(trans_ids, self.is_fraud[places].tolist(), strict=True)
        ]
        return pa.Table.from_pylist(rows, schema=REVIEWS_SCHEMA)


def _mean(records: list[Mapping[str, Any]]) -> Record:
    return {
        "weeks": np.mean([record["weeks"] for record in records], axis=0).tolist(),
        "all": float(np.mean([record["all"] for record in records])),
        "all_sd": float(np.std([record["all"] for record in records])),
        "reviews": float(np.mean([record["reviews"] for record in records])),
    }
