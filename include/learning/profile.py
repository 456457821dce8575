"""The profile of a night: how many of its postings lie in each bin of rarity, feature by feature."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from include.lake.tables import Table
from include.models.base import Matrix, Vector
from include.models.model import BLEND, MEMBER, Model
from include.relations import DATE
from include.scoring.score import CHUNK_ROWS

BIN_EDGES: Vector = np.concatenate(
    [np.linspace(0.0, 1.95, 40), np.linspace(2.0, 3.9, 20), np.linspace(4.0, 6.0, 5)]
).round(2)
"""Lower edges of the bins of rarity, narrowest where most rows lie; the last bin has no upper edge."""
MISSING = -1
"""Bin of the rows whose value is missing."""

PROFILE_SCHEMA = pa.schema(
    [
        pa.field("model_base", pa.string()),  # the approved model whose trained scale the bins are on
        pa.field("feature", pa.string()),  # a calibration's name: a sign, "detector:<name>", or "score"
        pa.field("bin", pa.int64()),  # index into BIN_EDGES, MISSING where the value is missing
        pa.field("rows", pa.int64()),  # accepted postings of the night
    ]
)
"""One row for each bin of a feature that holds a posting of the night."""
PROFILE_TABLE = Table(
    "night_profile",
    pa.schema([pa.field("settlement_date", DATE), *PROFILE_SCHEMA, pa.field("run_key", pa.string())]),
    "settlement_date",
    ("feature", "bin"),
)
"""Lake table of the nights' profiles, kept with a night's other state."""


def night_profile(model: Model, values: Matrix, raws: Mapping[str, Vector] | None = None) -> pa.Table:
    """The profile of raw rows, on the scale of the model as it was trained; later refreshes do not change it.

    Parameters
    ----------
    model
        Model of the night, as approved or refreshed since.
    values
        Result of `Model.values` for one night or for several.
    raws
        The members' raw scores of these rows, where they are known.

    Returns
    -------
    pyarrow.Table
        Rows of `PROFILE_SCHEMA`, ordered by feature and bin.
    """
    counts: dict[str, npt.NDArray[np.int64]] = {}
    for start in range(0, len(values), CHUNK_ROWS):
        chunk = slice(start, start + CHUNK_ROWS)
        known = None if raws is None else {name: scores[chunk] for name, scores in raws.items()}
        for name, rarities in trained_rarities(model, values[chunk], known):
            found = np.bincount(bins_of(rarities) + 1, minlength=len(BIN_EDGES) + 1)
            counts[name] = counts.get(name, 0) + found
    held = [
        (name, place - 1, int(rows)) for name, of in sorted(counts.items()) for place, rows in enumerate(of) if rows
    ]
    columns = [[model.base_version] * len(held), *(list(column) for column in zip(*held, strict=True))]
    return pa.table(columns if held else [[]] * len(PROFILE_SCHEMA), schema=PROFILE_SCHEMA)


def bins_of(rarities: Vector) -> npt.NDArray[np.int64]:
    """Index of each rarity's bin; `MISSING` where the rarity is not a number.

    Examples
    --------
    >>> bins_of(np.array([0.0, 0.05, 7.0, np.nan])).tolist()
    [0, 1, 64, -1]
    """
    bins = np.searchsorted(BIN_EDGES, rarities, side="right") - 1
    return np.where(np.isnan(rarities), MISSING, bins).astype(np.int64)


def trained_rarities(
    model: Model, values: Matrix, raws: Mapping[str, Vector] | None = None
) -> Iterator[tuple[str, Vector]]:
    """Rarities of raw rows, by name: those of every sign (NaN where missing), then every member's, then the blend's."""
    for place, (name, rarity) in enumerate(zip(model.preparation.features, model.preparation.rarities, strict=True)):
        column = np.asarray(values[:, place], dtype=np.float64)
        yield name, np.where(np.isnan(column), np.nan, rarity.exponents_of(column))
    known = raws or model.raws_of(model.rows(values), everybody=True)
    for member in model.members:
        yield MEMBER + member.name, member.calibration.exponents_of(known[member.name])
    yield BLEND, model.calibration.exponents_of(model.blended(known))
