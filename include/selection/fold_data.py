"""What the tasks of a selection hand to each other: rows that all candidates share, what each one found, and its cost.

Rows are raw values of features, with account numbers where rounds are measured; they lie in the work folder only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from include.evaluation.rounds import InjectedSample
from include.lake.work_folder import WorkFolder
from include.models.base import Examples, Matrix, Vector
from include.models.detectors import Weights, reader_class
from include.models.ensemble import blend
from include.models.preparation import Preparation
from include.models.threshold import Days
from include.selection.candidates import Candidate
from include.training.fitting import FitContext, Labels
from include.training.split import TrainingSplit

LEARNING, NIGHTS = "learning", "nights"
"""Names of the training rows, and of the validation nights without anything planted."""
_CHAMPION = "champion"
_EXPONENTS = "exponents"


def round_name(number: int) -> str:
    """Name of a validation round's rows."""
    return f"round-{number}"


@dataclass(frozen=True)
class SharedFold:
    """The rows of one fold that all candidates share.

    Attributes
    ----------
    folder
        Work folder of the selection.
    number
        Number of the fold.
    """

    folder: WorkFolder
    number: int

    def write(
        self, context: FitContext, split: TrainingSplit, features: pa.Table, cases: Sequence[InjectedSample] = ()
    ) -> None:
        """Keep everything that candidates need.

        Parameters
        ----------
        context
            Fit context that was learned on the training nights.
        split
            The fold's planted rounds.
        features
            Features of all nights; those of the validation nights are taken from it.
        cases
            Confirmed frauds known before the validation nights, for candidates that are fitted on them.
        """
        nights = split.later(features)
        self._put(LEARNING, context, context.values, {})
        self._put(NIGHTS, context, context.read(nights), {"settlement_date": nights["settlement_date"]})
        self._put("examples", context, *_positives(context, (*split.training_rounds, *cases)))
        for number, round_ in enumerate(split.validation_rounds, start=1):
            self._put(round_name(number), context, context.read(round_.features), _labels(round_))
        self._put_preparation(context.preparation)

    def context(self, candidate: Candidate, seed: int) -> FitContext:
        """The fit context of a candidate, without the features that it does not see."""
        preparation = self._preparation().without(candidate.without)
        kind = reader_class([candidate.detector])
        # Its surprises are among the rows already; nothing asks this one to read.
        reader = None if kind is None else kind(seed)
        return FitContext(reader, preparation, self.values(LEARNING, preparation))

    def values(self, name: str, preparation: Preparation) -> Matrix:
        """Raw rows in the preparation's order."""
        table = self.folder.get(self._name(name))
        return np.column_stack([table[column].to_numpy() for column in preparation.columns])

    def examples(self, context: FitContext, missing: frozenset[str] = frozenset()) -> Examples:
        """The examples of anomalies, without some kinds."""
        table = self.folder.get(self._name("examples"))
        kept = ~np.isin(_column(table, "kind").astype(str), sorted(missing))
        kinds, strengths = (_column(table, of)[kept] for of in ("kind", "strength"))
        return context.weigh(self.values("examples", context.preparation)[kept], kinds, strengths)

    def round(self, number: int) -> InjectedSample:
        """A validation round as far as figures need it: the account of each row, and what was planted."""
        table = self.folder.get(self._name(round_name(number)))
        return InjectedSample(table.select(["account_id"]), _column(table, "kind"), _column(table, "strength"))

    def nights(self) -> Days:
        """Settlement dates of the measured nights' rows."""
        dates = self.folder.get(self._name(NIGHTS))["settlement_date"].to_numpy()
        return np.asarray(dates, dtype="datetime64[D]")

    def _put(self, name: str, context: FitContext, values: Matrix, others: Mapping[str, Any]) -> None:
        columns = dict(zip(context.preparation.columns, values.T, strict=True))
        self.folder.put(self._name(name), pa.table({**columns, **others}))

    def _put_preparation(self, preparation: Preparation) -> None:
        arrays = {name: pa.array([array]) for name, array in preparation.arrays().items()}
        self.folder.put(self._name("preparation"), pa.table(arrays))
        codes = list(zip(preparation.features, preparation.codes, strict=True))
        self.folder.note(self._name("preparation"), {"codes": codes, "context": preparation.context})

    def _preparation(self) -> Preparation:
        table, names = (of(self._name("preparation")) for of in (self.folder.get, self.folder.read_note))
        arrays = {name: table[name][0].values.to_numpy(zero_copy_only=False) for name in table.column_names}
        return Preparation.restore(dict(names["codes"]), tuple(names["context"]), arrays)

    def _name(self, name: str) -> str:
        return f"fold-{self.number}.{name}"


def _positives(context: FitContext, rounds: Sequence[InjectedSample]) -> tuple[Matrix, dict[str, Labels]]:
    rows = [np.asarray(context.read(round_.positives), dtype=np.float64) for round_ in rounds]
    kinds, strengths = (
        np.concatenate([getattr(round_, of)[round_.is_planted] for round_ in rounds]) for of in ("kinds", "strengths")
    )
    return np.vstack(rows), {"kind": kinds, "strength": strengths}


def _labels(round_: InjectedSample) -> dict[str, Any]:
    kinds, strengths = (pa.array(labels, pa.string()) for labels in (round_.kinds, round_.strengths))
    return {"account_id": round_.features["account_id"], "kind": kinds, "strength": strengths}


def _column(table: pa.Table, name: str) -> Labels:
    """Labels as objects, None where nothing was planted."""
    return np.array(table[name].to_pylist(), dtype=object)


@dataclass(frozen=True)
class Cost:
    """The cost of a candidate, or the reason why it failed.

    Attributes
    ----------
    fit_seconds, score_seconds
        Seconds of fitting and of scoring, all folds together, on one core.
    peak_mib
        The most memory that its process held, in MiB.
    failure
        Sentence that says why the candidate failed; empty where it succeeded.
    """

    fit_seconds: float = 0.0
    score_seconds: float = 0.0
    peak_mib: float = 0.0
    failure: str = ""


def put_cost(folder: WorkFolder, candidate: str, cost: Cost) -> None:
    """Keep the cost of a candidate; it replaces that of an earlier try."""
    folder.note(f"cost.{candidate}", asdict(cost))


def cost_of(folder: WorkFolder, candidate: str) -> Cost:
    """The cost of a candidate; one that was never tried counts as failed."""
    if not folder.has_note(f"cost.{candidate}"):
        return Cost(failure="it was not tried")
    return Cost(**folder.read_note(f"cost.{candidate}"))


def put_exponents(
    folder: WorkFolder, candidate: str, fold: int, rows: str, exponents: Vector, without: Sequence[Vector] = ()
) -> None:
    """Keep the rarities that a candidate gives to some rows, fitted on all kinds and without each half of them."""
    columns = {_EXPONENTS: exponents, **{f"without_{n}": vector for n, vector in enumerate(without)}}
    folder.put(_name(candidate, fold, rows), pa.table(columns))


def put_champion(folder: WorkFolder, fold: int, number: int, rarities: Vector) -> None:
    """Keep the rarities that the champion as it is gives to the rows of a round."""
    folder.put(_name(_CHAMPION, fold, f"round-{number}"), pa.table({_EXPONENTS: rarities}))


def champion_exponents(folder: WorkFolder, fold: int, number: int) -> Vector:
    """The rarities that `put_champion` kept."""
    return _vector(folder.get(_name(_CHAMPION, fold, f"round-{number}")), _EXPONENTS)


def blended(folder: WorkFolder, weights: Weights, fold: int, rows: str) -> Vector:
    """The rarities that an ensemble of candidates gives to some rows."""
    return blend(_members(folder, weights, fold, rows, _EXPONENTS), weights)


def blended_without(folder: WorkFolder, weights: Weights, fold: int, rows: str, half: int) -> Vector:
    """The same, where detectors that learn from examples were fitted without one half of the kinds."""
    return blend(_members(folder, weights, fold, rows, f"without_{half}"), weights)


def _members(folder: WorkFolder, weights: Weights, fold: int, rows: str, column: str) -> Mapping[str, Vector]:
    tables = {name: folder.get(_name(name, fold, rows)) for name in weights}
    return {
        name: _vector(table, column if column in table.column_names else _EXPONENTS) for name, table in tables.items()
    }


def _vector(table: pa.Table, column: str) -> Vector:
    return np.asarray(table[column].to_numpy(), dtype=np.float64)


def _name(candidate: str, fold: int, rows: str) -> str:
    return f"{candidate}.fold-{fold}.{rows}"
