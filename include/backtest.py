"""Plays past nights in order and writes their checks and scores to a folder, without publishing anything."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from tqdm import tqdm

from include import features, settlement
from include.errors import SettingsError
from include.evaluation.bank_history import BankHistory
from include.lake.tables import BREAKS_SCHEMA, QUARANTINE_SCHEMA, SCORES_SCHEMA
from include.models.model import Model
from include.models.threshold import budget_month
from include.night.carried_state import lookback_from_history
from include.night.steps import set_aside
from include.publish.escaping import escaped_table
from include.quality import admit, admit_statics, check_scores
from include.relations import FIN_TRANSACTION, STATIC_RELATIONS
from include.reviews.past_reviews import PastReviews
from include.scoring import EARLIER_SCHEMA, score_night
from include.settings import Settings
from include.sources import open_source
from include.sources.base import Source
from include.training import Recipe, TrainingSpec, train

OUTPUTS = {
    "anomaly_scores": SCORES_SCHEMA,
    "settlement_breaks": BREAKS_SCHEMA,
    "quarantine": QUARANTINE_SCHEMA,
}
"""Schemas of the files that a backtest writes, by file name."""

_OF_A_LAKE = ("finding_id", "masked_text", "masked_reasons")


@dataclass
class Replay:
    """The data that a backtest carries from night to night, in memory.

    Attributes
    ----------
    postings
        Accepted transactions so far, at least those of the look-back.
    checks, habits
        State of the checks and of the features, as of the last night played.
    model
        Model that scores the nights; None where the history does not suffice to train one.
    heads
        Warnings of all nights that are to be read before their breaks.
    scored
        Scores of the played nights, as far back as thresholds need them.
    counts
        Rows and cents of the transactions by outcome, over the played nights.
    reviews
        Reviews that the nights come to know.
    """

    statics: dict[str, pa.Table]
    rounding_cents: int
    holidays: str | None
    postings: pa.Table
    checks: settlement.SettlementState
    habits: features.FeatureState
    model: Model | None
    budget: float
    lookback_days: int
    counts: Counter[str] = field(default_factory=Counter)
    scored: pa.Table = field(default_factory=EARLIER_SCHEMA.empty_table)
    warnings: set[str] = field(default_factory=set)
    heads: list[str] = field(default_factory=list)
    skipped: set[str] = field(default_factory=set)
    reviews: PastReviews = field(default_factory=PastReviews.none)

    def play(self, source: Source, night: date) -> dict[str, pa.Table]:
        """Play one night and return its outputs; the state is advanced to its end."""
        days = self.lookback_days
        lookback = lookback_from_history(self.postings, night, features.reach_days(days))
        admission = admit({FIN_TRANSACTION.name: source.night(night)}, night, lookback)
        accepted = admission.accepted[FIN_TRANSACTION.name]
        lately = lookback_from_history(lookback, night, days)
        declared = (self.rounding_cents, self.holidays)
        findings = settlement.check_night(
            night, accepted, lately, self.statics, self.checks, *declared, admission.quarantined
        )
        scores = self._score(night, accepted, lookback)
        self.postings = pa.concat_tables([lookback, accepted.select(lookback.column_names)])
        self.checks, self.habits = findings.state, features.advance_state(self.habits, accepted)
        self.counts.update(admission.counts.as_dict())
        self.warnings.update(admission.warnings)
        self.skipped.update(findings.skipped)
        self.heads += [f"{night}: {warning}" for warning in findings.warnings]
        return {
            "anomaly_scores": scores,
            "settlement_breaks": findings.breaks,
            "quarantine": _unsaid(admission.quarantined),
        }

    def _score(self, night: date, accepted: pa.Table, lookback: pa.Table) -> pa.Table:
        if self.model is None:
            return SCORES_SCHEMA.empty_table()
        habit_days = self.model.training.habit_days
        built = features.build_features(accepted, lookback, self.statics, self.habits, habit_days=habit_days)
        postings = pa.concat_tables([lookback, accepted.select(lookback.column_names)])
        feedback = self.reviews.effects(night, postings).feedback
        scores = score_night(built, self.model, self.scored, feedback)
        self.reviews = self.reviews.after(scores)
        since = pa.scalar(budget_month(night + timedelta(days=1)))
        lately = self.scored.filter(pc.greater_equal(self.scored["settlement_date"], since))
        self.scored = pa.concat_tables([lately, scores.select(EARLIER_SCHEMA.names)])
        warnings, _ = check_scores(scores, accepted.num_rows, self.budget)
        self.warnings.update(f"{night}: {warning}" for warning in warnings)
        return scores


def backtest(
    source_uri: str,
    start: date,
    end: date,
    out: Path,
    budget: float,
    settings: Settings,
    reviews: str | None = None,
) -> dict[str, Any]:
    """Train on what lies before `start`, play every night from `start` to `end`, write what was found.

    Parameters
    ----------
    source_uri
        Where the relations come from.
    start, end
        First and last night played, both included.
    out
        Folder for `anomaly_scores.parquet`, `settlement_breaks.parquet`, `quarantine.parquet`, `summary.json`.
    budget
        Expected share of an ordinary month's transactions that is flagged.
    settings
        Settings with the look-back, the recipe and the seed of the training, and the source's limit of time.
    reviews
        CSV or Parquet file of reviews; every night, and the training, knows those whose `known_at` lies before it.

    Returns
    -------
    dict
        The summary, as written.

    Raises
    ------
    SettingsError
        When `end` lies before `start`, the budget is no share, or the folder cannot be written to.
    SourceError
        When the source or the file of reviews cannot be read.
    """
    if end < start:
        raise SettingsError(
            f"the window ends on {end}, before it starts on {start}: give --start <= --end", setting="end"
        )
    if not 0 < budget < 1:
        raise SettingsError(
            f"a budget of {budget} is no share of transactions: give one between 0 and 1, e.g. 0.02", setting="budget"
        )
    _make_folder(out)
    with open_source(source_uri, terms=settings.server_terms) as source:
        known = PastReviews.read(reviews, start) if reviews else PastReviews.none()
        replay, prepared, note = _prepare(source, start, budget, settings, known)
        nights = [replay.play(source, night) for night in tqdm(list(_nights(start, end)), unit="night", delay=1)]
    tables = {
        name: _written(pa.concat_tables([schema.empty_table(), *(n[name] for n in (prepared, *nights) if name in n)]))
        for name, schema in OUTPUTS.items()
    }
    summary = _summary(tables, replay, note, start, end)
    _write(out, tables, summary)
    return summary


def _prepare(
    source: Source, start: date, budget: float, settings: Settings, reviews: PastReviews
) -> tuple[Replay, dict[str, pa.Table], str]:
    """State and model as of the eve of `start`; what was refused of the static relations; a sentence on the model."""
    settlement.calendar_of(source.holidays)  # an unknown one stops the backtest before anything is read
    snapshots = admit_statics({name: source.static(name) for name in STATIC_RELATIONS}, start)
    statics = snapshots.accepted
    past = admit({FIN_TRANSACTION.name: source.history(before=start)}, None)
    history = past.accepted[FIN_TRANSACTION.name]
    known = BankHistory(history, statics, source.rounding_cents, settings.lookback_days)
    spec = TrainingSpec(start, settings.seed, budget, Recipe.of(settings.training), confirmed=reviews.confirmed(start))
    outcome = train(known, spec)
    declared = (source.rounding_cents, source.holidays)
    checks = settlement.state_from_history(history, statics, start, *declared, past.quarantined)
    habits = features.state_from_history(history)
    replay = Replay(statics, *declared, history, checks, habits, outcome.model, budget, settings.lookback_days)
    replay.reviews = reviews
    replay.warnings.update(reviews.notes)
    replay.warnings.update(snapshots.warnings)
    replay.warnings.update(set_aside(snapshots, STATIC_RELATIONS, "the window"))
    replay.warnings.update(set_aside(past, [FIN_TRANSACTION.name], f"what lies before {start}"))
    refused = pa.concat_tables([snapshots.quarantined, reviews.refused])
    return replay, {"quarantine": _unsaid(refused)}, outcome.note


def _written(rows: pa.Table) -> pa.Table:
    """The rows as files hold them: inert texts, and none of the columns that only a lake gives a meaning to."""
    return escaped_table(rows.drop_columns([name for name in _OF_A_LAKE if name in rows.column_names]))


def _nights(start: date, end: date) -> Iterator[date]:
    for days in range((end - start).days + 1):
        yield start + timedelta(days=days)


def _unsaid(quarantined: pa.Table) -> pa.Table:
    """The quarantine without its raw texts: sealing is never twice the same, and the source lies beside."""
    position = quarantined.schema.get_field_index("raw")
    return quarantined.set_column(position, "raw", pa.nulls(quarantined.num_rows, pa.string()))


def _summary(tables: dict[str, pa.Table], replay: Replay, note: str, start: date, end: date) -> dict[str, Any]:
    flagged = pc.sum(tables["anomaly_scores"]["is_flagged"].cast(pa.int64())).as_py() or 0
    return {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "transactions": replay.counts["published_rows"],
        "scored": tables["anomaly_scores"].num_rows,
        "flagged": flagged,
        "counts": dict(sorted(replay.counts.items())),
        "breaks": dict(sorted(Counter(tables["settlement_breaks"]["check_code"].to_pylist()).items())),
        "quarantined": tables["quarantine"].num_rows,
        "model": note,
        "skipped": sorted(replay.skipped),
        # What may explain most breaks is read first, and once: the other nights say the same.
        "warnings": [*replay.heads[:1], *sorted(replay.warnings)],
    }


def _make_folder(out: Path) -> None:
    """Before hours of playing, not after."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"the folder {out} cannot be made ({error}): name one that can be written to", setting="out", place=str(out)
        ) from error


def _write(out: Path, tables: dict[str, pa.Table], summary: dict[str, Any]) -> None:
    for name, table in tables.items():
        pq.write_table(table, out / f"{name}.parquet")
    (out / "summary.json").write_text(json.dumps(summary, indent=2, sort_keys=True) + "\n")
