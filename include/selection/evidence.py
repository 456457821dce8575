"""The evidence pack: a report for auditors, a short text for the person who decides, and a summary for machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import pyarrow as pa

from include.evaluation.episodes import STRENGTHS
from include.lake.version import code_version
from include.selection import attributions
from include.selection.comparison import AS_IT_IS, COMPARED, Comparison, SelectionVerdict
from include.selection.fold_data import Cost
from include.selection.intervals import LEVEL
from include.selection.plan import SelectionPlan
from include.training.choice import MERIT
from include.training.training_run import merit_metric

MOST_CHARACTERS = 3_000
"""Largest number of characters of the text that a person approves by: a page without scrolling."""
SHOWN = 6
"""Number of ensembles in that text."""
FIGURES = ("average_precision", "recall", "precision")


@dataclass(frozen=True)
class Pack:
    """The result of one selection.

    Attributes
    ----------
    plan, comparison, verdict
        Plan of the selection, its figures and the verdict on them.
    costs
        Cost of every candidate, including those that failed.
    challenger
        Version of the winner's final model; None where there is none.
    note
        Sentence on the final model.
    """

    plan: SelectionPlan
    comparison: Comparison
    verdict: SelectionVerdict
    costs: Mapping[str, Cost]
    challenger: str | None
    note: str

    @property
    def failed(self) -> dict[str, str]:
        """Reasons of the candidates that failed, by name."""
        return {name: _cell(cost.failure) for name, cost in self.costs.items() if cost.failure}

    @property
    def ranked(self) -> list[str]:
        """Ensembles, the highest merit first."""
        return sorted(self.comparison.specs, key=lambda name: (-self.comparison.merit(name).mean, name))

    @property
    def shown(self) -> list[str]:
        """The champion as it is where it competes, which all are held against, then the ensembles."""
        return [*([AS_IT_IS] if AS_IT_IS in self.comparison.known else []), *self.ranked]

    def report(self) -> str:
        """The report for auditors, as Markdown."""
        parts = (
            [f"# Selection {self.plan.selection}", "", f"**{self.verdict.sentence}.**", ""],
            _facts(self),
            ["## On which nights", "", *_nights(self.plan)],
            ["## How it was judged", "", *_rules(self)],
            ["## What was found", "", *_merit_table(self, self.shown)],
            *(_figures(self, figure) for figure in FIGURES),
            ["## What it cost", "", *_costs(self)],
            ["## What is out", "", *([f"- `{n}`: {why}" for n, why in self.failed.items()] or ["No candidate."]), ""],
            ["## Plots", "", *(f"- [{name}]({name}.png)" for name in PLOTS), ""],
        )
        return "\n".join(line for part in parts for line in part)

    def body(self, where: str) -> str:
        """The text that a person approves by, at most `MOST_CHARACTERS` of Markdown; `where` is the pack's place."""
        shown = list(dict.fromkeys([self.verdict.winner, self.comparison.baseline, *self.shown]))
        lines = [
            f"**{self.verdict.sentence}.**",
            "",
            f"Champion: `{self.plan.champion or 'none'}`. Challenger: `{self.challenger or 'none'}`.",
            "",
            *_merit_table(self, [name for name in shown[:SHOWN] if name]),
            *_nights(self.plan),
            *([f"Out: {', '.join(self.failed)}.", ""] if self.failed else []),
            f"The evidence lies in {where}",
        ]
        return _within(lines, MOST_CHARACTERS)


PLOTS = ("precision_recall", "recall_by_kind", "alerts_challenger", "alerts_champion", "cost", attributions.PLOT)
"""Names of the plots; the champion's alerts are missing where its recipe could not be fitted, and what the model looks
at where there is none."""


def evidence_table(comparison: Comparison) -> pa.Table:
    """All figures, as rows of `COMPARED`."""
    return pa.Table.from_pylist(list(comparison.rows), schema=COMPARED)


def metrics_of(pack: Pack) -> dict[str, float]:
    """Metrics for MLflow beside the training's own: merits of all ensembles, and the winner's figures by strength."""
    merits = {merit_metric(name): pack.comparison.merit(name).mean for name in pack.ranked}
    found = {
        f"{figure}/{strength}": interval.mean
        for figure in FIGURES
        for strength in STRENGTHS
        if (interval := pack.comparison.figure(pack.verdict.winner, figure, strength)) is not None
    }
    return {**merits, **found}


def summary_of(pack: Pack) -> dict[str, Any]:
    """The content of `selection.json` beyond the result of `compare`."""
    plan, comparison = pack.plan, pack.comparison
    best = comparison.best_member(pack.verdict.winner)
    return {
        "before": plan.before.isoformat(),
        "winner": pack.verdict.winner,
        "best_member": {"name": best, "winner_beyond": asdict(comparison.difference(pack.verdict.winner, best))},
        "difference": None if pack.verdict.difference is None else asdict(pack.verdict.difference),
        "merits": {name: asdict(comparison.merit(name)) for name in pack.ranked},
        "costs": {name: asdict(cost) for name, cost in pack.costs.items()},
        "failed": pack.failed,
        "folds": [{key: getattr(fold, name) for key, name in _FOLD_SUMMARY.items()} for fold in plan.folds],
        "data_digest": plan.data_digest,
        "code_version": code_version(),
        "seed": plan.seed,
    }


_FOLD_SUMMARY = {
    "check_from": "validation_from",
    "before": "before",
    "seeds": "seeds",
    "planted": "planted",
    "cases": "confirmed",
    "checked_cases": "confirmed_to_find",
}
"""The key of `selection.json` under which each attribute of a fold is written."""


def _facts(pack: Pack) -> list[str]:
    plan, winner = pack.plan, pack.verdict.winner
    best = pack.comparison.best_member(winner)
    return [
        f"- champion: `{plan.champion or 'none'}`, its recipe here: {pack.comparison.champion or 'not fitted'}",
        f"- challenger: `{pack.challenger or 'none'}`; {pack.note}",
        f"- the winner beside its best member {best}: {pack.comparison.difference(winner, best)} in merit",
        f"- nothing dated {plan.before} or later was read",
        f"- data: SHA-256 {plan.data_digest}",
        f"- code: {code_version()}; seed {plan.seed}, with a fold's number added for its fits; "
        f"training {plan.training}; alert budget {plan.budget:.2%}; habits of {plan.habit_days} days",
        "",
    ]


def _nights(plan: SelectionPlan) -> list[str]:
    rows = [
        [
            f"{fold.first} to {fold.validation_from - timedelta(days=1)} ({fold.training_rows:,})",
            f"{fold.validation_from} to {fold.before - timedelta(days=1)} ({fold.validation_rows:,})",
            ", ".join(map(str, fold.seeds)),
            str(fold.planted),
            f"{fold.confirmed} to train on, {fold.confirmed_to_find} to be found",
        ]
        for fold in plan.folds
    ]
    return _table(
        ["trained on (postings)", "measured on (postings)", "seeds of the rounds", "planted", "confirmed cases"], rows
    )


def _rules(pack: Pack) -> list[str]:
    precision, recall, unknown = MERIT
    return [
        f"The merit of a round is a weighted mean of average precision ({precision}), of recall within the budget kind "
        f"by kind ({recall}), and of the same recall for kinds that no example showed ({unknown}); each over all "
        "strengths. The champion as it is was trained on them all and cannot show the last: it has no merit but one of "
        "known kinds, which stands beside everybody's where it competes, and differences to it are of that one.",
        "",
        f"Intervals hold with {LEVEL:.0%}. They are Student's over the rounds, paired where two are compared. Their "
        "error is the larger of two: that of the rounds, corrected for what they share of their training (Nadeau and "
        "Bengio, 2003), and that of the months' means, for the rounds of a month share its ordinary nights and one "
        "fit. The degrees of freedom lie half way between the months' and the rounds'. The verdict's interval is to "
        "hold for all ensembles together (Bonferroni), since the best of many is the best partly by luck; those in the "
        "table hold each for itself.",
        "",
        "What they cover: which accounts and days were planted into, the luck of a fit (each month has a seed of its "
        "own), and how much these months differ. How much other months differ is known from these few alone: with two "
        "months of three rounds an interval lies above zero by chance in 2.6 % of cases (2.5 % are claimed) where "
        "months differ as much as the rounds of one, in 6 % where twice as much; the verdict's, among 25 ensembles, in "
        "0.2 % and 1.2 %. What was planted is what somebody thought of, and no interval covers that.",
        "",
        "Postings that analysts confirmed are one more kind to be found where a month has enough of them. Most were "
        "found because a champion flagged them, so that this figure favours what ranks as it did.",
        "",
        "The winner has the fewest members among those within one standard error of the best (Breiman and others, "
        "1984). An ensemble worse than its best member is never chosen. The winner is better than the champion when "
        "the whole interval of their difference lies above zero.",
        "",
    ]


def _merit_table(pack: Pack, names: Sequence[str]) -> list[str]:
    """The ensembles' merits; also those of known kinds where the champion as it is, which has no others, competes."""
    beside = "to the champion as it is (known kinds)" if pack.comparison.baseline == AS_IT_IS else "to the champion"
    header = ["ensemble", "merit", *_known(pack, "of known kinds alone"), beside, "seconds"]
    return _table(header, [_merit_row(pack, name) for name in names])


def _known(pack: Pack, cell: str) -> list[str]:
    return [cell] if AS_IT_IS in pack.comparison.known else []


def _merit_row(pack: Pack, name: str) -> list[str]:
    comparison = pack.comparison
    shown = f"**{name}**" if name == pack.verdict.winner else name
    marked = f"{shown} (champion)" if name == comparison.baseline else shown
    to_champion = "-"
    if comparison.baseline and name != comparison.baseline:
        to_champion = str(comparison.difference(name, comparison.baseline))
    merit = "-" if name == AS_IT_IS else str(comparison.merit(name))
    known = _known(pack, str(comparison.known_merit(name) or "-"))
    return [marked, merit, *known, to_champion, _seconds(pack, name)]


def _seconds(pack: Pack, name: str) -> str:
    if name == AS_IT_IS:
        return "-"
    members = [pack.costs[member] for member in pack.comparison.specs[name].weights]
    return f"{sum(cost.fit_seconds + cost.score_seconds for cost in members):.1f}"


def _figures(pack: Pack, figure: str) -> list[str]:
    rows = [
        [name, *(str(pack.comparison.figure(name, figure, strength) or "-") for strength in STRENGTHS)]
        for name in pack.shown
        if pack.comparison.is_measured(name)
    ]
    return [f"### {figure.replace('_', ' ').capitalize()}", "", *_table(["ensemble", *STRENGTHS], rows)]


def _costs(pack: Pack) -> list[str]:
    reading = sum(fold.reader_seconds for fold in pack.plan.folds)
    rows = [
        [
            name,
            pack.plan.candidates[name].question,
            f"{c.fit_seconds:.1f}",
            f"{c.score_seconds:.1f}",
            f"{c.peak_mib:.0f}",
        ]
        for name, c in pack.costs.items()
        if not c.failure
    ]
    limits = pack.plan.limits
    return [
        f"Seconds on one core over {len(pack.plan.folds)} folds. The sequence reader and the preparation, which all "
        f"share, took {reading:.1f}. A candidate may take {limits.seconds} s and {limits.mib} MiB.",
        "",
        *_table(["candidate", "what it is tried for", "fitting: s", "scoring: s", "peak MiB"], rows),
    ]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [" | ".join(cells) for cells in (header, ["---"] * len(header), *rows)]
    return [*(f"| {line} |" for line in lines), ""]


def _cell(text: str) -> str:
    """A sentence on one line of a table or list, not too long for it."""
    line = " ".join(text.replace("|", "/").replace("`", "'").split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


_LONGEST = 300


def _within(lines: Sequence[str], characters: int) -> str:
    """As many of the lines as have room; the last one always has."""
    kept, last = list(lines[:-1]), lines[-1]
    while kept and len("\n".join([*kept, last])) > characters:
        kept.pop()
    return "\n".join([*kept, last])
