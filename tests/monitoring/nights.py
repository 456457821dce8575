"""Profiles of many nights at once, as the nights one by one would have left them, and the watch over them in order."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.learning.profile import bins_of, trained_rarities
from include.models.model import Model
from include.monitoring.drift import Expected, drift_signals
from include.monitoring.earlier_nights import FLAGGED_SCHEMA, REVIEW_SCHEMA
from include.monitoring.notices import Told
from include.monitoring.performance import NIGHTS_SCHEMA, Findings
from include.monitoring.profiles import Profiles
from include.monitoring.watch import NO_NIGHT_BEFORE, watch_night

NO_FINDINGS = Findings(NIGHTS_SCHEMA.empty_table(), FLAGGED_SCHEMA.empty_table(), REVIEW_SCHEMA.empty_table(), 0.02, 0)


def profile_rows(model: Model, features: pa.Table) -> pa.Table:
    """What `night_profile` holds of every night of a feature table, as far as it is watched."""
    nights = features["settlement_date"].combine_chunks()
    parts = [
        pa.table(
            {
                "settlement_date": nights,
                "feature": pa.array([name] * len(nights)),
                "bin": pa.array(bins_of(rarities)),
            }
        )
        for name, rarities in trained_rarities(model, model.values(features))
    ]
    counted = pa.concat_tables(parts).group_by(["settlement_date", "feature", "bin"]).aggregate([([], "count_all")])
    base = pa.array([model.base_version] * counted.num_rows)
    return counted.rename_columns([*counted.column_names[:3], "rows"]).append_column("model_base", base)


def profiles(model: Model, features: pa.Table) -> Profiles:
    """The same, counted."""
    nights = features["settlement_date"]
    first, last = pc.min(nights).as_py(), pc.max(nights).as_py()
    return Profiles.of(profile_rows(model, features), first, last, model.base_version)


def watched(
    known: Profiles,
    first: date,
    last: date,
    expected: Expected | None = None,
    findings: Findings = NO_FINDINGS,
) -> list[dict[str, Any]]:
    """What the nights from `first` to `last` tell, in order, each with its `settlement_date`."""
    before, told, said = NO_NIGHT_BEFORE, [], []
    for night in (first + timedelta(days=int(n)) for n in np.arange((last - first).days + 1)):
        found = watch_night(night, known.until(night), expected, findings, told, before)
        rows = [{**row, "settlement_date": night} for row in found.notices.to_pylist()]
        before, told, said = found.figures, [*told, *map(Told.of, rows)], [*said, *rows]
    return said


def excess(known: Profiles, first: date, last: date) -> dict[str, dict[date, float]]:
    """Of every signal the nights' distances in times of their lines."""
    found: dict[str, dict[date, float]] = {}
    for night in (first + timedelta(days=int(n)) for n in np.arange((last - first).days + 1)):
        for signal in drift_signals(known.until(night), None):
            found.setdefault(f"{signal.feature} {signal.aspect}", {})[night] = signal.excess
    return found
