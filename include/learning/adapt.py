"""Moves a model's calibrations by what lately was usual, within bounds that no number of nights can pass."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.learning.profile import BIN_EDGES, MISSING
from include.learning.teaching import window_rows
from include.models.base import Vector
from include.models.model import Model

MOST_IN_ALL = 0.3
"""How far a rarity may be moved from the approved model's, in powers of ten: what was one in a hundred may count as one
in fifty, however many nights say so. Beyond that the bank is another, and a new model is for a person to approve."""
MOST_A_NIGHT = 0.02
"""How far one night's update may move it: 5 %. All the way takes fifteen nights, in which somebody may look."""
EVIDENCE_ROWS = 20.0
"""A tail that rests on as many rows counts half; one in twenty thousand of what teaches says nothing by itself."""
LEAST_SLOPE = 0.1
"""What was rarer stays rarer: after a move, a rarity rises at least a tenth as fast as it did."""


def shifts(approved: Model, before: Model, profiles: pa.Table, reference: pa.Table) -> dict[str, Vector]:
    """How far every calibration is moved from the approved model's.

    The share of teaching rows that lately lay beyond a rarity is held against the share of rows that the draft met on
    the nights it had not seen, chosen in the same way: nothing flagged, nobody with more than his share. Where fewer
    rows taught than `window_rows`, the reference fills up: the first nights after an approval move little.

    Parameters
    ----------
    approved
        As it was trained.
    before
        Adapted by the nights before; the approved one where there were none.
    profiles
        `PROFILE_SCHEMA` of the nights that teach, of the approved model's scale.
    reference
        The same of the nights held back in training.

    Returns
    -------
    dict
        `Calibration.shift` by the calibration's name, of those that both tables know.
    """
    now = before.shifts()
    still = np.zeros(len(BIN_EDGES))
    return {
        name: bounded(wanted, now.get(name, still)) for name, wanted in unbounded(approved, profiles, reference).items()
    }


def unbounded(approved: Model, profiles: pa.Table, reference: pa.Table) -> dict[str, Vector]:
    """What `shifts` moves towards: the whole way at once. Parameters as there."""
    lately, usual = _taught(profiles), _taught(reference)
    still, room = np.zeros(len(BIN_EDGES)), window_rows(approved)
    known = [name for name in approved.calibrations() if name in usual]
    return {name: _wanted(lately.get(name, still), usual[name], room) for name in known}


def adapted(approved: Model, before: Model, profiles: pa.Table, reference: pa.Table, night: date) -> Model:
    """The model for the nights after `night`; parameters as of `shifts`."""
    return approved.moved(shifts(approved, before, profiles, reference), night)


def bounded(wanted: Vector, now: Vector) -> Vector:
    """The shift nearest to `wanted` that the bounds allow after `now`; both in powers of ten at `BIN_EDGES`.

    The result is within `MOST_IN_ALL` of 0 and, given that `now` came from here, within `MOST_A_NIGHT` of it; a rarer
    value stays rarer.
    """
    allowed = np.clip(np.round(wanted, _DIGITS), -MOST_IN_ALL, MOST_IN_ALL)
    limited = np.clip(allowed, now - MOST_A_NIGHT, now + MOST_A_NIGHT)
    # A running maximum of what rises at the least slope: each point is moved to where a point before it was allowed.
    steep = limited + (1 - LEAST_SLOPE) * BIN_EDGES
    return np.round(np.maximum.accumulate(steep) - (1 - LEAST_SLOPE) * BIN_EDGES, _DIGITS)


# Millionths, so that another build of the mathematics library names the same version.
_DIGITS = 6


def _wanted(lately: Vector, usual: Vector, room: float) -> Vector:
    """Minus the logarithm of how much more often than usual each rarity was reached; little evidence says little."""
    if usual.sum() <= 0:
        return np.zeros(len(BIN_EDGES))
    filled = lately + usual / usual.sum() * max(room - lately.sum(), 0.0)
    seen, known = _reaching(filled), _reaching(usual)
    # The thinner side of the comparison decides how much it says.
    scale = filled.sum() / usual.sum()
    doubt = EVIDENCE_ROWS * max(scale, 1.0)
    return np.asarray(-np.log10((seen + doubt) / (known * scale + doubt)), dtype=np.float64)


def _reaching(counts: Vector) -> Vector:
    """Rows at or beyond each edge."""
    return np.asarray(np.cumsum(counts[::-1])[::-1], dtype=np.float64)


def _taught(profiles: pa.Table) -> Mapping[str, Vector]:
    """Taught weight by bin, of every calibration in a profile; rows without the value are left out."""
    known = profiles.filter(pc.not_equal(profiles["bin"], MISSING))
    sums = known.group_by(["feature", "bin"]).aggregate([("taught", "sum")])
    found: dict[str, Vector] = {}
    for name, place, taught in zip(*(sums[c].to_pylist() for c in ("feature", "bin", "taught_sum")), strict=True):
        found.setdefault(name, np.zeros(len(BIN_EDGES)))[place] = taught
    return found
