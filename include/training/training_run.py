"""The MLflow record of a training: its parameters, what every ensemble found, and plots for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.evaluation.episodes import STRENGTHS
from include.registry.tracking import TrainingRun
from include.training.train import TrainingOutcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def training_run(outcome: TrainingOutcome, seconds: float) -> TrainingRun:
    """The record of a training that resulted in a model.

    Parameters
    ----------
    outcome
        Outcome of the training, which has a model.
    seconds
        Duration of the training in seconds.
    """
    model = outcome.model
    if model is None:
        return TrainingRun(model_version="none")
    training = model.training
    return TrainingRun(
        model_version=model.version,
        parameters={
            "seed": training.seed,
            "budget": training.budget,
            "habit_days": training.habit_days,
            "first_night": training.first_night.isoformat(),
            "last_night": training.last_night.isoformat(),
            "rows": training.rows,
            "planted_rows": training.planted_rows,
            "ensemble": outcome.chosen,
        },
        metrics={"threshold": model.threshold, "typical_score": model.typical_score, **_metrics(outcome)},
        tags={"seconds": f"{seconds:.1f}", "mlflow.note.content": outcome.note},
        figures=_figures(outcome),
        tables={"evidence": outcome.evidence} if outcome.evidence.num_rows else {},
    )


def _metrics(outcome: TrainingOutcome) -> dict[str, float]:
    """Figures of the chosen ensemble by strength, and the merit of every candidate."""
    merits = {merit_metric(name): value for name, value in outcome.merit.items()}
    found = {
        f"{figure}/{strength}": value
        for strength in STRENGTHS
        for figure in ("average_precision", "recall", "precision")
        if np.isfinite(value := _mean(outcome.evidence, outcome.chosen, strength, "", figure))
    }
    return {**merits, **found}


def merit_metric(ensemble: str) -> str:
    """The name of an ensemble's merit in MLflow, whose names allow neither stars nor plus signs.

    >>> merit_metric("contrast*2+rarity")
    'merit/contrast x2 and rarity'
    """
    return f"merit/{ensemble.replace('*', ' x').replace('+', ' and ')}"


def _figures(outcome: TrainingOutcome) -> dict[str, Figure]:
    if not outcome.merit:
        return {}
    from include.evaluation.plots import detectors_beside, recall_by_kind

    evidence, data = outcome.evidence, "planted nights of the past that nothing was fitted on"
    kinds = sorted(set(evidence["kind"].to_pylist()) - {""})
    recalls = {
        kind: {strength: _mean(evidence, outcome.chosen, strength, kind, "recall") for strength in STRENGTHS}
        for kind in kinds
    }
    beside = {
        name: {figure: _mean(evidence, name, "plain", "", figure) for figure in ("average_precision", "recall")}
        for name in outcome.merit
    }
    return {
        "recall_by_kind": recall_by_kind(recalls, data=data),
        "detectors_beside": detectors_beside(beside, data=data, champion=outcome.chosen),
    }


def _mean(evidence: pa.Table, ensemble: str, strength: str, kind: str, figure: str) -> float:
    """Mean of one figure over the rounds; NaN where nothing was planted."""
    wanted = {"ensemble": ensemble, "strength": strength, "kind": kind}
    rows = evidence.filter(evidence["is_known"])
    for column, value in wanted.items():
        rows = rows.filter(pc.equal(rows[column], value))
    values = rows[figure].to_numpy()
    return float(np.nanmean(values)) if len(values) and not np.isnan(values).all() else float("nan")
