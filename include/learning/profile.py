"""What one night's postings looked like to a model: how many lay in each bin of rarity, feature by feature."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from include.lake.tables import Table
from include.models.base import Matrix, Vector
from include.models.calibration import RARITY_EDGES
from include.models.model import BLEND, MEMBER, Model, raw_scores
from include.relations import DATE
from include.scoring.score import CHUNK_ROWS

BIN_EDGES = RARITY_EDGES
"""Lower edges of the bins of rarity; the last bin has no upper one."""
MISSING = -1
"""Bin of rows that lack the value: they count for drift, and teach nothing."""

PROFILE_SCHEMA = pa.schema(
    [
        pa.field("model_base", pa.string()),  # the approved model whose trained scale the bins are on
        pa.field("feature", pa.string()),  # a calibration's name: a sign, "detector:<name>", or "score"
        pa.field("bin", pa.int64()),  # index into BIN_EDGES, MISSING where the value is missing
        pa.field("rows", pa.int64()),  # accepted postings of the night
        pa.field("taught", pa.float64()),  # weight of those that may teach
    ]
)
"""One row for each bin of a feature that holds a posting of the night."""
PROFILE_TABLE = Table(
    "night_profile",
    pa.schema([pa.field("settlement_date", DATE), *PROFILE_SCHEMA, pa.field("run_key", pa.string())]),
    "settlement_date",
    ("feature", "bin"),
)
"""The nights' profiles in the lake, kept with a night's other state."""


def night_profile(model: Model, values: Matrix, weights: Vector) -> pa.Table:
    """The profile of raw rows on the trained scale of a model.

    A feature's rarity is the trained one. A detector's is that of its score on what it is shown tonight, so on features
    as they are adapted by now, by its trained calibration; the score's likewise on adapted members: each level shows
    what the levels below leave to learn.

    Parameters
    ----------
    model
        The night's; as approved or adapted since.
    values
        Its `Model.values` of one night or of several.
    weights
        What each row may teach, 0 and up.

    Returns
    -------
    pyarrow.Table
        `PROFILE_SCHEMA`, ordered by feature and bin.
    """
    tally = Tally(model.base_version)
    for start in range(0, len(values), CHUNK_ROWS):
        tally.add(model, values[start : start + CHUNK_ROWS], weights[start : start + CHUNK_ROWS])
    return tally.table()


class Tally:
    """Counts of rows and of what they teach, by feature and bin.

    Parameters
    ----------
    model_base
        Version whose scale the bins are on.
    """

    def __init__(self, model_base: str) -> None:
        self.model_base = model_base
        self.counts: dict[str, npt.NDArray[np.float64]] = {}

    def add(self, model: Model, values: Matrix, weights: Vector) -> None:
        """Count raw rows of the model's features."""
        for name, rarities in trained_rarities(model, values):
            bins = bins_of(rarities)
            counts = self.counts.setdefault(name, np.zeros((2, len(BIN_EDGES) + 1)))
            counts[0] += np.bincount(bins + 1, minlength=len(BIN_EDGES) + 1)
            counts[1] += np.bincount(bins + 1, weights=weights, minlength=len(BIN_EDGES) + 1)

    def table(self) -> pa.Table:
        """What was counted, as `PROFILE_SCHEMA`."""
        held = [
            (name, place - 1, int(rows), taught)
            for name, (all_rows, all_taught) in sorted(self.counts.items())
            for place, (rows, taught) in enumerate(zip(all_rows, all_taught, strict=True))
            if rows
        ]
        columns = [[self.model_base] * len(held), *(list(column) for column in zip(*held, strict=True))]
        return pa.table(columns if held else [[]] * 5, schema=PROFILE_SCHEMA)


def bins_of(rarities: Vector) -> npt.NDArray[np.int64]:
    """Index of each rarity's bin; `MISSING` where it is not a number.

    Examples
    --------
    >>> bins_of(np.array([0.0, 0.05, 7.0, np.nan])).tolist()
    [0, 1, 64, -1]
    """
    bins = np.searchsorted(BIN_EDGES, rarities, side="right") - 1
    return np.where(np.isnan(rarities), MISSING, bins).astype(np.int64)


def trained_rarities(model: Model, values: Matrix) -> Iterator[tuple[str, Vector]]:
    """Of raw rows: every sign's rarity, NaN where missing, then every member's and the blend's; by name."""
    for place, (name, rarity) in enumerate(zip(model.preparation.features, model.preparation.rarities, strict=True)):
        column = np.asarray(values[:, place], dtype=np.float64)
        yield name, np.where(np.isnan(column), np.nan, rarity.trained_exponents_of(column))
    prepared = model.preparation.apply(values)
    for member in model.members:
        raw = raw_scores(member.detector, model.preparation, values, prepared)
        yield MEMBER + member.name, member.calibration.trained_exponents_of(raw)
    yield BLEND, model.calibration.trained_exponents_of(model.rarity(values))
