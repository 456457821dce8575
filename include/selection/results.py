"""What candidates found and what they cost, as it is handed from their tasks to the comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa

from include.lake.work_folder import WorkFolder
from include.models.base import Vector
from include.models.detectors import Weights
from include.models.ensemble import blend

_CHAMPION = "champion"
_EXPONENTS = "exponents"


@dataclass(frozen=True)
class Cost:
    """What a candidate took, or why it has none.

    Attributes
    ----------
    fit_seconds, score_seconds
        Seconds of all folds together, on one core.
    peak_mib
        The most memory its process held.
    failure
        A sentence; empty where it succeeded.
    """

    fit_seconds: float = 0.0
    score_seconds: float = 0.0
    peak_mib: float = 0.0
    failure: str = ""


def put_cost(folder: WorkFolder, candidate: str, cost: Cost) -> None:
    """Keep what a candidate cost; replaces what an earlier try left."""
    folder.note(f"cost.{candidate}", asdict(cost))


def cost_of(folder: WorkFolder, candidate: str) -> Cost:
    """What a candidate cost; one that was never tried failed."""
    if not folder.has_note(f"cost.{candidate}"):
        return Cost(failure="it was not tried")
    return Cost(**folder.read_note(f"cost.{candidate}"))


def put_exponents(
    folder: WorkFolder, candidate: str, fold: int, rows: str, exponents: Vector, without: Sequence[Vector] = ()
) -> None:
    """Keep how rare a candidate finds each of some rows, fully taught and with each half of the kinds kept from it."""
    columns = {_EXPONENTS: exponents, **{f"without_{n}": vector for n, vector in enumerate(without)}}
    folder.put(_name(candidate, fold, rows), pa.table(columns))


def put_champion(folder: WorkFolder, fold: int, number: int, rarities: Vector) -> None:
    """Keep how rare the champion as it is finds each row of a round."""
    folder.put(_name(_CHAMPION, fold, f"round-{number}"), pa.table({_EXPONENTS: rarities}))


def champion_exponents(folder: WorkFolder, fold: int, number: int) -> Vector:
    """What `put_champion` kept."""
    return _vector(folder.get(_name(_CHAMPION, fold, f"round-{number}")), _EXPONENTS)


def blended(folder: WorkFolder, weights: Weights, fold: int, rows: str) -> Vector:
    """How rare an ensemble of candidates finds each of some rows."""
    return blend(_members(folder, weights, fold, rows, _EXPONENTS), weights)


def blended_without(folder: WorkFolder, weights: Weights, fold: int, rows: str, half: int) -> Vector:
    """The same with one half of the kinds kept from those that learn from examples."""
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
