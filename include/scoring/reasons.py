"""Why a posting was flagged: exact Shapley values of the reason codes, each put into a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from include.features.catalog import FEATURES_BY_NAME
from include.models.base import Vector
from include.models.model import Model
from include.scoring.sentences import Row, finding
from include.scoring.shapley import coalitions, shapley_values

MAX_REASONS = 5
"""The contract's own figure; what is left goes into `other`."""
MIN_SHARE = 0.05
"""A reason below a twentieth of what sets the score apart convinces nobody; it goes into `other` too."""
OTHER = "other"
"""The code of what is not named, and of context, which is no reason by itself."""
SMALLEST_SPOKEN = 0.005
"""Contributions are spoken with two decimals; what rounds to none is called so."""


@dataclass(frozen=True)
class Reason:
    """One reason, in the fields of the published struct."""

    code: str
    feature: str
    value: str
    typical: str
    contribution: float
    text: str


@dataclass(frozen=True)
class Contributions:
    """What sets one row's score apart from the typical row's.

    Attributes
    ----------
    excess
        score - typical_score.
    codes
        Shapley value of every reason code with a feature that is not typical; they sum to `excess`.
    drops
        By how much the score falls when one feature alone takes its typical value.
    """

    excess: float
    codes: Mapping[str, float]
    drops: Mapping[str, float]


def explain(model: Model, values: Vector, row: Row) -> list[dict[str, object]]:
    """The reasons of one posting, strongest first, `other` last; contributions sum to score - typical_score.

    Parameters
    ----------
    model
        The model that flagged it.
    values
        The row's raw feature values in the model's order, NaN where missing.
    row
        The whole feature row, for the sentences.
    """
    parts = contributions(model, values)
    named = _named(parts)
    reasons = [_reason(model, code, parts, row) for code in named]
    if len(named) < len(parts.codes) or not named:
        reasons.append(_other(parts.excess - sum(parts.codes[code] for code in named)))
    return [asdict(reason) for reason in reasons]


def contributions(model: Model, values: Vector) -> Contributions:
    """Exact Shapley values of the published score, with the typical row's values for whatever is out of play.

    The players are the reason codes, not the features: features of one code say the same thing twice (the amount
    against the habit and against the largest), and a dozen features would need 4,096 scores where eight codes need
    256, in one call of the model. The values are those of shap's ExactExplainer (a test holds them together), which
    costs ten seconds of import and compilation in every process that explains anything.
    """
    players = _players(model, values)
    coalition_rows = _coalition_rows(model, values, players)
    alternatives = np.tile(values, (len(values), 1))
    np.fill_diagonal(alternatives, model.typical)
    scores = model.score(np.vstack([coalition_rows, alternatives]))
    worths, without = scores[: len(coalition_rows)], scores[len(coalition_rows) :]
    shares = shapley_values(worths, len(players))
    return Contributions(
        excess=float(worths[-1] - worths[0]),
        codes=dict(zip(players, shares.tolist(), strict=True)),
        drops=dict(zip(model.features, (worths[-1] - without).tolist(), strict=True)),
    )


def _codes(model: Model) -> list[str]:
    """Reason code of every raw column; context is published under `other`."""
    return [FEATURES_BY_NAME[name].code if name in FEATURES_BY_NAME else OTHER for name in model.features]


def _players(model: Model, values: Vector) -> list[str]:
    """The codes that have a feature off its typical value (a missing one is); in one order."""
    differs = values != model.typical
    return sorted({code for code, off in zip(_codes(model), differs, strict=True) if off})


def _coalition_rows(model: Model, values: Vector, players: list[str]) -> Vector:
    """One feature row per coalition: the row's own values for its members, the typical row's for the others."""
    member_of = np.array([[code == player for code in _codes(model)] for player in players], dtype=np.int64)
    in_play = coalitions(len(players)).astype(np.int64) @ member_of.reshape(len(players), len(values))
    return np.where(in_play > 0, values, model.typical)


def _named(parts: Contributions) -> list[str]:
    strongest = sorted(parts.codes, key=lambda code: (-parts.codes[code], code))
    spoken = [code for code in strongest if code != OTHER]
    return [code for code in spoken if parts.codes[code] >= MIN_SHARE * parts.excess][:MAX_REASONS]


def _reason(model: Model, code: str, parts: Contributions, row: Row) -> Reason:
    """The sentence of the feature that the score would miss most."""
    candidates = [name for name, its_code in zip(model.features, _codes(model), strict=True) if its_code == code]
    feature = max(candidates, key=lambda name: parts.drops[name])
    said = finding(feature, row)
    return Reason(code, feature, said.value, said.typical, parts.codes[code], said.text)


def _other(contribution: float) -> Reason:
    return Reason(OTHER, "", "", "", contribution, _other_text(contribution))


def _other_text(contribution: float) -> str:
    if abs(contribution) < SMALLEST_SPOKEN:
        return "Everything else together changes the score by next to nothing."
    return f"Everything else together {'adds' if contribution > 0 else 'takes'} {abs(contribution):.2f}."
