"""The measurement `unknown`: what is found of a kind of anomaly that no example ever showed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

from include.evaluation.episodes import STRENGTHS
from include.evaluation.rounds import InjectedSample, assess, plant_round
from include.models.base import Examples, Matrix, Vector
from include.models.calibration import Calibration
from include.models.contrast import Contrast
from include.models.ensemble import blend
from include.models.model import Model
from include.models.rarity import Rarity
from include.training.fitting import MAX_ROWS_BESIDE_EXAMPLES, sample_rows
from include.training.recipe import Recipe
from include.training.split import PLANTED_DAYS, VALIDATION_DAYS, WARM_UP_DAYS
from tests.benchmark.banks import Bench
from tests.benchmark.planted import ROUND_SEEDS
from tests.benchmark.rankings import candidates, exponents_of
from tests.benchmark.results import markdown
from tests.benchmark.trained import BUDGET, SEED, trained

FAMILIES: dict[str, tuple[str, ...]] = {
    "burst and limits": ("burst", "limit_day", "limit_month"),
    "sequence and product": ("sequence", "product"),
}
"""Kinds that resemble each other, left out together."""
ROUNDS = 3
Record = dict[str, Any]


def measure(bench: Bench) -> Record:
    """Recall and average precision of each kind when it was taught and when it was not; prints both."""
    model = trained(bench)
    first = bench.features["settlement_date"][0].as_py() + timedelta(days=WARM_UP_DAYS)
    past = model.preparation.apply(model.values(bench.nights(first, bench.before)))
    teaching = _teaching(bench, first)
    rounds = [plant_round(bench.bank, bench.before, bench.last, seed) for seed in ROUND_SEEDS[:ROUNDS]]
    known = [exponents_of(model, round_.features) for round_ in rounds]
    prepared = [model.preparation.apply(model.values(round_.features)) for round_ in rounds]
    kinds = sorted({str(kind) for round_ in rounds for kind in round_.kinds[round_.is_planted]})
    left_out_kinds = {"nothing": (), **{kind: (kind,) for kind in kinds}, **FAMILIES}
    records: list[Record] = []
    for left_out, missing in left_out_kinds.items():
        contrast, calibration = _teach(model, past, teaching, missing)
        for round_, exponents, matrix in zip(rounds, known, prepared, strict=True):
            mine = {**exponents, Contrast.name: calibration.exponents_of(contrast.score(matrix))}
            records += _records(left_out, missing or tuple(kinds), {**candidates(mine), **_maxima(mine)}, round_)
    _report(records, [*kinds], list(FAMILIES))
    return {"records": _means(records)}


def _teaching(bench: Bench, first: date) -> list[tuple[InjectedSample, Matrix]]:
    """Planted rounds over the stretches training plants into, all kinds, with seeds of their own."""
    validation_from = bench.before - timedelta(days=VALIDATION_DAYS)
    planted_from = max(first, validation_from - timedelta(days=PLANTED_DAYS))
    middle = planted_from + (validation_from - planted_from) // 2
    stretches = [(planted_from, middle), (middle, validation_from), (validation_from, bench.before)]
    model = trained(bench)
    rounds = [
        plant_round(bench.bank, start, end - timedelta(days=1), seed=80_000 + 10 * n + stretch)
        for n in range(Recipe().rounds)
        for stretch, (start, end) in enumerate(stretches)
    ]
    return [(round_, model.preparation.apply(model.values(round_.positives))) for round_ in rounds]


def _teach(
    model: Model, past: Matrix, teaching: Sequence[tuple[InjectedSample, Matrix]], missing: tuple[str, ...]
) -> tuple[Contrast, Calibration]:
    """The contrast detector as it is without these kinds, every kind and strength weighing the same."""
    rows, cells = [], []
    for round_, matrix in teaching:
        kinds, strengths = (column[round_.is_planted].astype(str) for column in (round_.kinds, round_.strengths))
        kept = ~np.isin(kinds, missing)
        rows.append(matrix[kept])
        cells += [f"{kind} {strength}" for kind, strength in zip(kinds[kept], strengths[kept], strict=True)]
    names, cell, counts = np.unique(cells, return_inverse=True, return_counts=True)
    examples = Examples(np.vstack(rows), len(cells) / len(names) / counts[cell])
    contrast = Contrast(SEED, free_columns=model.preparation.free_columns)
    contrast.fit(sample_rows(past, MAX_ROWS_BESIDE_EXAMPLES, SEED), examples)
    return contrast, Calibration.learn(contrast.score(past))


def _maxima(exponents: Mapping[str, Vector]) -> dict[str, Vector]:
    """What no recipe tries: odd to either is odd."""
    return {
        f"max({Contrast.name}, {Rarity.name})": np.maximum(exponents[Contrast.name], exponents[Rarity.name]),
        f"max({Contrast.name}, rest)": np.maximum(
            exponents[Contrast.name], blend(exponents, {n: 1 for n in exponents if n != Contrast.name})
        ),
    }


def _records(left_out: str, kinds: tuple[str, ...], ranked: dict[str, Vector], round_: InjectedSample) -> list[Record]:
    return [
        {
            "left_out": left_out,
            "kind": kind,
            "detector": name,
            "strength": strength,
            **vars(assess(scores, round_, (strength,), BUDGET, kind)),
        }
        for name, scores in ranked.items()
        for kind in kinds
        for strength in STRENGTHS
    ]


def _means(records: Sequence[Record]) -> list[Record]:
    keys = ("left_out", "kind", "detector", "strength")
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in (record for record in records if record["planted"]):
        groups.setdefault(tuple(record[key] for key in keys), []).append(record)
    return [
        {
            **dict(zip(keys, key, strict=True)),
            "recall": float(np.mean([r["recall"] for r in group])),
            "average_precision": float(np.mean([r["average_precision"] for r in group])),
        }
        for key, group in groups.items()
    ]


def _report(records: Sequence[Record], kinds: Sequence[str], families: Sequence[str]) -> None:
    means = _means(records)
    names = list(dict.fromkeys(record["detector"] for record in means))
    print(_by_strength(means, names, kinds))
    print(_by_kind(means, [n for n in names if "contrast" in n or n == "rarity"], [*kinds, *families]))


def _mean(means: Sequence[Record], key: str, **wanted: object) -> float:
    found = [m[key] for m in means if all(m[name] == value for name, value in wanted.items())]
    return float(np.mean(found)) if found else float("nan")


def _by_strength(means: Sequence[Record], names: Sequence[str], kinds: Sequence[str]) -> str:
    unknown = [m for m in means if m["left_out"] == m["kind"] and m["kind"] in kinds]
    known = [m for m in means if m["left_out"] == "nothing"]
    rows = [
        [
            name,
            *(_mean(part, "recall", detector=name, strength=s) for part in (known, unknown) for s in STRENGTHS),
            *(_mean(part, key, detector=name) for key in ("recall", "average_precision") for part in (known, unknown)),
        ]
        for name in names
    ]
    header = ["ensemble", *(f"{word} {s}" for word in ("known", "unknown") for s in STRENGTHS)]
    sums = ["recall known", "recall unknown", "AP known", "AP unknown"]
    return markdown("Recall within the budget, mean over kinds, taught and never seen", [*header, *sums], rows)


def _by_kind(means: Sequence[Record], names: Sequence[str], left_out: Sequence[str]) -> str:
    """Recall of what was left out, over all strengths: with every kind taught -> without this one."""
    rows = []
    for family in left_out:
        kinds = {m["kind"] for m in means if m["left_out"] == family}
        cells = []
        for name in names:
            taught = [m for m in means if m["left_out"] == "nothing" and m["kind"] in kinds]
            without = [m for m in means if m["left_out"] == family]
            cells.append(
                f"{_mean(taught, 'recall', detector=name):.2f} → {_mean(without, 'recall', detector=name):.2f}"
            )
        rows.append([family, *cells])
    return markdown("Recall by kind left out: taught → never seen", ["left out", *names], rows)
