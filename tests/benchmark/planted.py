"""Detectors side by side on a bank with planted anomalies: the measurements `real` and `generated`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from include.evaluation.episodes import STRENGTHS
from include.evaluation.plots import detectors_beside, precision_recall, recall_by_kind
from include.evaluation.rounds import InjectedSample, assess, plant_round
from include.learning.sample import nights_of
from include.models.base import Vector
from include.training.split import VALIDATION_DAYS, WARM_UP_DAYS
from tests.benchmark.banks import Bench
from tests.benchmark.costs import costs
from tests.benchmark.rankings import Ranker, Thresholds, chosen, model_ranker, plain_ranker
from tests.benchmark.results import markdown, save_plot, spread
from tests.benchmark.stability import month_ends, months, stability
from tests.benchmark.trained import BUDGET, SEED, trained

ROUND_SEEDS = (70_001, 70_002, 70_003, 70_004, 70_005)
"""Of the rounds that measure; training's own begin with its seed."""
Record = dict[str, Any]
MEASURES = ("average_precision", "recall", "precision", "own_recall", "best_recall", "planted", "budget_rows")


def measure(bench: Bench, *, twice: bool) -> Record:
    """All figures of one bank as JSON has them; `twice` trains again, with another seed and a week earlier."""
    model = trained(bench)
    validation_from = bench.before - timedelta(days=VALIDATION_DAYS)
    first = bench.features["settlement_date"][0].as_py() + timedelta(days=WARM_UP_DAYS)
    past = bench.nights(first, bench.before)
    rankers = {"ours": model_ranker(model), "plain": plain_ranker(past, SEED)}
    drafts = {
        "ours": model_ranker(trained(bench, validation_from)),
        "plain": plain_ranker(bench.nights(first, validation_from), SEED),
    }
    limits = {who: Thresholds.choose(drafts[who], rankers[who], past, validation_from, BUDGET) for who in rankers}
    clean = {who: ranker(bench.window) for who, ranker in rankers.items()}
    nights = nights_of(bench.window)
    bars = {name: limits[who].by_night(name, scores, nights) for who in rankers for name, scores in clean[who].items()}
    rounds = [plant_round(bench.bank, bench.before, bench.last, seed) for seed in ROUND_SEEDS]
    records = [
        record
        for seed, round_ in zip(ROUND_SEEDS, rounds, strict=True)
        for who, ranker in rankers.items()
        for record in _records(ranker, limits[who], bars, round_, seed)
    ]
    found: Record = {
        "published": chosen(model),
        "planted": [int(round_.is_planted.sum()) for round_ in rounds],
        "rows": rounds[0].features.num_rows,
        "strengths": summary(records, by=("detector", "strength")),
        "kinds": summary(records, by=("detector", "strength", "kind")),
        "flagged_share": {
            name: float(limits[who].flagged(name, scores, _bars_of(bars[name], bench.window)).mean())
            for who in rankers
            for name, scores in clean[who].items()
        },
        "stability": stability(bench, rankers["ours"]) if twice else {},
        "month_ends": month_ends(bench, rankers, BUDGET),
        "months": months(bench, model),
        "costs": costs(bench, model, rounds[0]),
    }
    report(bench.name, found)
    _plots(bench, found, rankers["ours"], rounds)
    return found


Bars = dict[np.datetime64, float]
"""A ranking's threshold of every night; kept by the clean bank, into which one finding more makes no difference."""


def _bars_of(bars: Bars, features: pa.Table) -> Vector:
    return np.array([bars[night] for night in nights_of(features)])


def _records(
    ranker: Ranker, limits: Thresholds, bars: dict[str, Bars], round_: InjectedSample, seed: int
) -> Iterable[Record]:
    """One record a detector, strength and kind; the kind is empty for all together."""
    kinds = sorted({str(kind) for kind in round_.kinds[round_.is_planted]})
    for name, scores in ranker(round_.features).items():
        flagged = limits.flagged(name, scores, _bars_of(bars[name], round_.features))
        for strength in STRENGTHS:
            for kind in (None, *kinds):
                mine = (round_.strengths == strength) & (round_.is_planted if kind is None else round_.kinds == kind)
                yield {
                    "detector": name,
                    "strength": strength,
                    "kind": kind or "",
                    "seed": seed,
                    **vars(assess(scores, round_, (strength,), BUDGET, kind)),
                    "own_recall": float(flagged[mine].mean()) if mine.any() else float("nan"),
                    "best_recall": _best_recall(round_, int(mine.sum())),
                    "budget_rows": _budget_rows(round_, int(mine.sum())),
                }


def _best_recall(round_: InjectedSample, planted: int) -> float:
    """What a perfect ranking finds within the budget, where more is planted than the budget holds."""
    return min(1.0, _budget_rows(round_, planted) / max(planted, 1))


def _budget_rows(round_: InjectedSample, planted: int) -> int:
    return int(BUDGET * (int((~round_.is_planted).sum()) + planted))


def summary(records: Sequence[Record], by: tuple[str, ...]) -> list[Record]:
    """Mean and standard deviation of the measures over seeds; `kind` in `by` keeps kinds apart."""
    kept = [record for record in records if bool(record["kind"]) == ("kind" in by) and record["planted"]]
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for record in kept:
        groups.setdefault(tuple(record[key] for key in by), []).append(record)
    return [{**dict(zip(by, key, strict=True)), **_moments(group)} for key, group in groups.items()]


def _moments(group: Sequence[Record]) -> Record:
    moments: Record = {}
    for measure_ in MEASURES:
        values = np.array([record[measure_] for record in group])
        moments |= {measure_: float(values.mean()), f"{measure_}_sd": float(values.std())}
    return moments


def report(name: str, found: Record) -> None:
    """Print the tables of one bank."""
    print(_main_table(name, found))
    print(_own_table(name, found))
    print(_kinds_table(name, found))
    print(_calm_table(name, found))
    header = ["detector", "fit: s", "score 100,000 rows: s"]
    print(markdown(f"{name}: cost of each detector alone", header, [list(row.values()) for row in found["costs"]]))
    months_ = [[row["month"], row["rows"], f"{row['flagged']:.2%}"] for row in found["months"]]
    print(markdown(f"{name}: flagged share by month, nothing planted", ["month", "postings", "flagged"], months_))


def _names(found: Record) -> list[str]:
    return list(dict.fromkeys(row["detector"] for row in found["strengths"]))


def _shown(found: Record, name: str) -> str:
    return f"**{name}**" if name == found["published"] else name


def _main_table(bank: str, found: Record) -> str:
    cells = {(row["detector"], row["strength"]): row for row in found["strengths"]}
    rows = []
    for name in _names(found):
        figures = [cells[name, strength] for strength in STRENGTHS]
        row = [f"{spread(f, 'average_precision')} / {spread(f, 'recall')}" for f in figures]
        rows.append([_shown(found, name), *row, float(np.mean([f["precision"] for f in figures]))])
    best = [cells[_names(found)[0], strength] for strength in STRENGTHS]
    rows.append(["a perfect ranking", *(f"1.00 / {spread(f, 'best_recall')}" for f in best), _best_precision(best)])
    title = f"{bank}: average precision / recall within the {BUDGET:.0%} budget, mean ± sd over {len(found['planted'])}"
    return markdown(f"{title} rounds", ["detector", *STRENGTHS, "precision in budget"], rows)


def _best_precision(figures: Sequence[Record]) -> float:
    """Precision of a perfect ranking: the budget's rows that are left when all that was planted is flagged."""
    return float(np.mean([f["best_recall"] * f["planted"] / f["budget_rows"] for f in figures]))


def _own_table(bank: str, found: Record) -> str:
    cells = {(row["detector"], row["strength"]): row for row in found["strengths"]}
    rows = [
        [
            _shown(found, name),
            *(spread(cells[name, strength], "own_recall") for strength in STRENGTHS),
            f"{found['flagged_share'][name]:.2%}",
        ]
        for name in _names(found)
    ]
    return markdown(f"{bank}: recall at the threshold set on the past", ["detector", *STRENGTHS, "flags, clean"], rows)


def _kinds_table(bank: str, found: Record) -> str:
    """Recall of every kind, blatant / plain / subtle / faint, for the detectors alone and what is published."""
    cells = {(row["detector"], row["kind"], row["strength"]): row["recall"] for row in found["kinds"]}
    kinds = sorted({row["kind"] for row in found["kinds"]})
    names = [name for name in _names(found) if "+" not in name or name == found["published"]]
    rows = [
        [kind, *("/".join(_percent(cells.get((name, kind, strength))) for strength in STRENGTHS) for name in names)]
        for kind in kinds
    ]
    title = f"{bank}: recall in % within the budget by kind, {' / '.join(STRENGTHS)}"
    return markdown(title, ["kind", *(_shown(found, name) for name in names)], rows)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f}"


def _calm_table(bank: str, found: Record) -> str:
    rows = [
        [
            _shown(found, name),
            *(
                found["stability"][pair].get(name, {}).get(key, float("nan"))
                for pair in found["stability"]
                for key in ("spearman", "overlap")
            ),
            found["month_ends"]["alerts"][name],
        ]
        for name in _names(found)
    ]
    pairs = [f"{pair}: {key}" for pair in found["stability"] for key in ("Spearman", "top 2 % shared")]
    share = found["month_ends"]["postings"]
    title = f"{bank}: without labels; {share:.0%} of the window's postings lie on the last two days or the first"
    return markdown(title, ["detector", *pairs, "month-end share of alerts"], rows)


def _plots(bench: Bench, found: Record, ranker: Ranker, rounds: Sequence[InjectedSample]) -> None:
    published = found["published"]
    data = f"{bench.name} bank, {bench.before} to {bench.last}, planted, budget {BUDGET:.0%}"
    names = [name for name in _names(found) if "+" not in name or name == published]
    save_plot(f"{bench.name}-detectors", detectors_beside(_overall(found, names), data=data, champion=published))
    recall: dict[str, dict[str, float]] = {}
    for row in (row for row in found["kinds"] if row["detector"] == published):
        recall.setdefault(row["kind"], {})[row["strength"]] = row["recall"]
    save_plot(f"{bench.name}-kinds", recall_by_kind(recall, data=f"{data}, {published}"))
    ranked = ranker(rounds[0].features)
    curves: dict[str, tuple[npt.NDArray[np.bool_], Vector]] = {
        name: (rounds[0].is_planted, ranked[name]) for name in names if name in ranked
    }
    save_plot(f"{bench.name}-curves", precision_recall(curves, data=f"{data}, all strengths", champion=published))


def _overall(found: Record, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Means over the strengths."""
    keys = ("average_precision", "average_precision_sd", "recall", "recall_sd")
    return {
        name: {key: float(np.mean([r[key] for r in found["strengths"] if r["detector"] == name])) for key in keys}
        for name in names
    }
