"""Explains flagged postings: exact Shapley values of the reason codes, each with a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from include.explaining.correlated_features import LEAST_RARITY, weighing_codes
from include.explaining.sequence_reading import read_sequences
from include.explaining.shapley import coalitions, shapley_values
from include.explaining.words import NO_READING, FeatureRow, SequenceReading, finding
from include.features.catalog import FEATURES_BY_NAME, SURPRISES
from include.models.base import Matrix, Vector
from include.models.calibration import published
from include.models.model import Model
from include.models.threshold import Flags

MAX_REASONS = 5
"""Largest number of reasons, as the contract demands; the rest goes into `other`."""
MIN_SHARE = 0.05
"""Least share of the excess over the typical score that a reason must have; smaller ones go into `other` too."""
OTHER = "other"
"""Code of the contributions that are not named."""
SMALLEST_SPOKEN = 0.005
"""Least contribution that is given as a number; smaller ones round to zero at two decimals and are said to."""
SMALLEST_DROP = 0.001
"""Least drop of the score for which a feature is named; where the score is saturated and no single feature lowers it by
as much, the rarest one is named."""
BATCH_POSTINGS = 32
"""Postings whose coalitions are scored in one call: 32 of nine players are 17,600 rows, 7 MB."""


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
    """Contributions to the difference between a row's score and that of the typical row in the same context.

    Attributes
    ----------
    excess
        The difference score - typical_score.
    codes
        Shapley value of every reason code that has a feature off its typical value; they sum to `excess`.
    weighed
        Code that each feature counts under, see `include.explaining.correlated_features`.
    drops
        Drop of the score when one feature alone takes its typical value, by feature.
    rarities
        Rarity of each feature by itself in powers of ten, from the model's preparation; -1 where it is at most typical.
    """

    excess: float
    codes: Mapping[str, float]
    weighed: Mapping[str, str]
    drops: Mapping[str, float]
    rarities: Mapping[str, float]


def explain(model: Model, values: Matrix, rows: Sequence[FeatureRow]) -> list[list[dict[str, object]]]:
    """The reasons of each posting, strongest first, `other` last; contributions sum to score - typical_score.

    Parameters
    ----------
    model
        The model that flagged the postings.
    values
        Raw values of the postings in the model's order, shape (n_rows, n_columns), NaN where missing.
    rows
        Complete feature rows of the postings, for the sentences.
    """
    solved = contributions(model, values)
    asked = [position for position, parts in enumerate(solved) if _asks_sequence(parts)]
    surprises = _surprises(model, values[asked])
    readings = read_sequences(model.sequence, [rows[position] for position in asked], surprises)
    read = dict(zip(asked, readings, strict=True))
    return [
        [asdict(reason) for reason in _reasons(parts, row, read.get(position, NO_READING))]
        for position, (parts, row) in enumerate(zip(solved, rows, strict=True))
    ]


def contributions(model: Model, values: Matrix) -> list[Contributions]:
    """Exact Shapley values of the published scores; codes outside a coalition take the typical row's values.

    Context columns (how much habit there was to see) keep the posting's own values throughout and are never a reason.

    The players are the reason codes, not the features: features of one code say the same thing twice (the amount
    against the habit and against the largest), and three dozen features would need 2**36 scores where nine codes need
    512. The values equal those of shap's ExactExplainer (a test compares them), which would cost ten seconds of import
    and compilation in every process that explains anything.
    """
    starts = range(0, len(values), BATCH_POSTINGS)
    return [parts for start in starts for parts in _contributions(model, values[start : start + BATCH_POSTINGS])]


def _contributions(model: Model, values: Matrix) -> list[Contributions]:
    """The contributions of a few postings; their variants are scored in one call, which costs as much as 100 rows."""
    own, typical = model.rows(values), model.rows(model.typical_of(values))
    rarities = _rarities(model, values, own.prepared)
    games = [_Game.of(model, *row) for row in zip(values, typical.values, rarities, strict=True)]
    masks = [mask for game in games for mask in (game.coalitions, game.without)]
    places = np.repeat(np.arange(len(games)), [len(game.coalitions) + len(game.without) for game in games])
    variants = own.mixed(typical, places, np.vstack(masks))
    parts = np.split(published(model.rarities_of(variants)), np.cumsum([len(mask) for mask in masks])[:-1])
    return [game.solved(*parts[2 * number : 2 * number + 2]) for number, game in enumerate(games)]


@dataclass(frozen=True)
class _Game:
    """The variants of one posting that are to be scored.

    Attributes
    ----------
    weighed
        Code that each column counts under.
    rarities
        Rarity of each feature.
    players
        Codes that have a column off its typical value (a missing value is), in a fixed order.
    coalitions
        Whether each column has the posting's own value (as columns of the coalition's codes do) or the typical row's,
        one row per coalition.
    without
        The same with one row per column: the posting with the typical value in that column.
    """

    weighed: Mapping[str, str]
    rarities: Mapping[str, float]
    players: Sequence[str]
    coalitions: Flags
    without: Flags

    @classmethod
    def of(cls, model: Model, values: Vector, typical: Vector, rarities: Mapping[str, float]) -> _Game:
        weighed = weighing_codes(rarities)
        codes = np.array([weighed.get(name, OTHER) for name in model.features])
        players = sorted({str(code) for code in codes[(values != typical) & (codes != OTHER)]})
        member_of = np.array([codes == player for player in players]).reshape(len(players), len(codes))
        in_play = coalitions(len(players)).astype(np.int64) @ member_of.astype(np.int64) > 0
        without = ~np.eye(len(weighed), len(values), dtype=np.bool_)
        return cls(weighed, rarities, players, in_play, without)

    def solved(self, worths: Vector, without: Vector) -> Contributions:
        """The Shapley values, from the scores of the variants."""
        shares = shapley_values(worths, len(self.players))
        return Contributions(
            excess=float(worths[-1] - worths[0]),
            codes=dict(zip(self.players, shares.tolist(), strict=True)),
            weighed=self.weighed,
            drops=dict(zip(self.weighed, (worths[-1] - without).tolist(), strict=True)),
            rarities=self.rarities,
        )


def _rarities(model: Model, values: Matrix, prepared: Matrix) -> list[dict[str, float]]:
    """Rarity of every feature except context; -1 where the feature is missing or at most typical."""
    names = model.preparation.features
    is_above = values[:, : len(names)] > model.typical[: len(names)]
    rarities = np.where(is_above, prepared[:, : len(names)], -1.0)
    return [dict(zip(names, row, strict=True)) for row in rarities.tolist()]


def _surprises(model: Model, values: Matrix) -> list[dict[str, float]]:
    """The sequence model's surprises, read from the raw rows."""
    held = [name for name in SURPRISES if name in model.features]
    columns = [model.features.index(name) for name in held]
    return [dict(zip(held, row, strict=True)) for row in values[:, columns].tolist()]


def _asks_sequence(parts: Contributions) -> bool:
    """Whether a sentence of the sequence model may be needed; only then the model is called."""
    return any(feature in SURPRISES for code in _strongest(parts) for feature in _voices(parts, code))


def _reasons(parts: Contributions, row: FeatureRow, reading: SequenceReading) -> list[Reason]:
    """The reasons of the strongest codes that have a sentence, then `other` for the rest of the score."""
    spoken = [reason for code in _strongest(parts) if (reason := _reason(code, parts, row, reading))][:MAX_REASONS]
    if len(spoken) < len(parts.codes) or not spoken:
        spoken.append(_other(spoken, parts))
    return spoken


def _strongest(parts: Contributions) -> list[str]:
    named = [code for code, share in parts.codes.items() if share >= MIN_SHARE * parts.excess]
    return sorted(named, key=lambda code: (-parts.codes[code], code))


def _reason(code: str, parts: Contributions, row: FeatureRow, reading: SequenceReading) -> Reason | None:
    """The reason with the sentence of the code's first feature that shows something unusual; None where none does."""
    for feature in _voices(parts, code):
        said = finding(feature, row, reading)
        if said.stands:
            return Reason(code, feature, said.value, said.typical, parts.codes[code], said.text)
    return None


def _voices(parts: Contributions, code: str) -> list[str]:
    """The code's unusual features: first those that the score depends on most, then the others by rarity."""
    own = [name for name in parts.rarities if FEATURES_BY_NAME[name].code == code == parts.weighed[name]]
    unusual = [name for name in own if parts.rarities[name] >= LEAST_RARITY]
    return sorted(unusual, key=lambda name: _voice(parts, name), reverse=True)


def _voice(parts: Contributions, feature: str) -> tuple[float, float]:
    drop = parts.drops[feature]
    return (drop if drop >= SMALLEST_DROP else 0.0, parts.rarities[feature])


def _other(spoken: Sequence[Reason], parts: Contributions) -> Reason:
    """The reason `other`, with the rest of the score."""
    left = parts.excess - sum(reason.contribution for reason in spoken)
    text = "Everything else together changes the score by next to nothing."
    if abs(left) >= SMALLEST_SPOKEN:
        text = f"Everything else together {'adds' if left > 0 else 'takes'} {abs(left):.2f}."
    return Reason(OTHER, "", "", "", left, text)
