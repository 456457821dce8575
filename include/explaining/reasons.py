"""Why postings were flagged: exact Shapley values of the reason codes, each put into a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from include.explaining.correlated_features import LEAST_RARITY, weighing_codes
from include.explaining.sequence_reading import read_sequences
from include.explaining.shapley import coalitions, shapley_values
from include.explaining.words import NO_READING, Row, SequenceReading, finding
from include.features.catalog import FEATURES_BY_NAME
from include.models.base import Matrix, Vector
from include.models.calibration import published
from include.models.lstm import PARTS
from include.models.model import Model
from include.models.threshold import Flags

MAX_REASONS = 5
"""The contract's own figure; what is left goes into `other`."""
MIN_SHARE = 0.05
"""A reason below a twentieth of what sets the score apart convinces nobody; it goes into `other` too."""
OTHER = "other"
"""The code of what is not named."""
SMALLEST_SPOKEN = 0.005
"""Contributions are spoken with two decimals; what rounds to none is called so."""
SMALLEST_DROP = 0.001
"""Where the score is saturated no single feature lowers it by more; the rarest one speaks then."""
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
    """What sets one row's score apart from that of the typical row in the same context.

    Attributes
    ----------
    excess
        score - typical_score.
    codes
        Shapley value of every reason code with a feature that is not typical; they sum to `excess`.
    weighed
        The code that each feature weighed with, see `include.explaining.correlated_features`.
    drops
        By how much the score falls when one feature alone takes its typical value.
    rarities
        How unusual each feature by itself is, as the model's preparation has it; -1 where it is no more than typical.
    """

    excess: float
    codes: Mapping[str, float]
    weighed: Mapping[str, str]
    drops: Mapping[str, float]
    rarities: Mapping[str, float]


def explain(model: Model, values: Matrix, rows: Sequence[Row]) -> list[list[dict[str, object]]]:
    """The reasons of each posting, strongest first, `other` last; contributions sum to score - typical_score.

    Parameters
    ----------
    model
        The model that flagged them.
    values
        Their raw values in the model's order, NaN where missing, shape (n_rows, n_columns).
    rows
        Their whole feature rows, for the sentences.
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
    """Exact Shapley values of the published scores, with the typical row's values for whatever is out of play.

    How much habit there was to see is context: it stays the posting's own throughout and is nobody's reason.

    The players are the reason codes, not the features: features of one code say the same thing twice (the amount
    against the habit and against the largest), and three dozen features would need 2**36 scores where nine codes need
    512. The values are those of shap's ExactExplainer (a test holds them together), which costs ten seconds of import
    and compilation in every process that explains anything.
    """
    starts = range(0, len(values), BATCH_POSTINGS)
    return [parts for start in starts for parts in _contributions(model, values[start : start + BATCH_POSTINGS])]


def _contributions(model: Model, values: Matrix) -> list[Contributions]:
    """The same of few postings, all whose variants are scored at once: a call costs as much as a hundred rows."""
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
        The code that each column weighs with.
    rarities
        Of each feature.
    players
        The codes that have a column off its typical value (a missing one is), in one order.
    coalitions
        One row per coalition: where it has the posting's own values, which is its members'; elsewhere it has the
        typical row's.
    without
        The same, one row per column: the posting with the typical value in that one.
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
    """Rarity of every feature, context left out; -1 where it is missing or no more than typical."""
    names = model.preparation.features
    is_above = values[:, : len(names)] > model.typical[: len(names)]
    rarities = np.where(is_above, prepared[:, : len(names)], -1.0)
    return [dict(zip(names, row, strict=True)) for row in rarities.tolist()]


def _surprises(model: Model, values: Matrix) -> list[dict[str, float]]:
    """The sequence model's surprises, which raw rows hold."""
    held = [name for name in PARTS if name in model.features]
    columns = [model.features.index(name) for name in held]
    return [dict(zip(held, row, strict=True)) for row in values[:, columns].tolist()]


def _asks_sequence(parts: Contributions) -> bool:
    """Whether a sentence of the sequence model may be said: only then it is worth asking."""
    return any(feature in PARTS for code in _strongest(parts) for feature in _voices(parts, code))


def _reasons(parts: Contributions, row: Row, reading: SequenceReading) -> list[Reason]:
    """The strongest codes that can be spoken of, then what is left of the score."""
    spoken = [reason for code in _strongest(parts) if (reason := _reason(code, parts, row, reading))][:MAX_REASONS]
    if len(spoken) < len(parts.codes) or not spoken:
        spoken.append(_other(spoken, parts))
    return spoken


def _strongest(parts: Contributions) -> list[str]:
    named = [code for code, share in parts.codes.items() if share >= MIN_SHARE * parts.excess]
    return sorted(named, key=lambda code: (-parts.codes[code], code))


def _reason(code: str, parts: Contributions, row: Row, reading: SequenceReading) -> Reason | None:
    """The sentence of the first feature that has something unusual to say; None where none has."""
    for feature in _voices(parts, code):
        said = finding(feature, row, reading)
        if said.stands:
            return Reason(code, feature, said.value, said.typical, parts.codes[code], said.text)
    return None


def _voices(parts: Contributions, code: str) -> list[str]:
    """The code's unusual features: those the score would miss most, then by rarity those it would not miss."""
    own = [name for name in parts.rarities if FEATURES_BY_NAME[name].code == code == parts.weighed[name]]
    unusual = [name for name in own if parts.rarities[name] >= LEAST_RARITY]
    return sorted(unusual, key=lambda name: _voice(parts, name), reverse=True)


def _voice(parts: Contributions, feature: str) -> tuple[float, float]:
    drop = parts.drops[feature]
    return (drop if drop >= SMALLEST_DROP else 0.0, parts.rarities[feature])


def _other(spoken: Sequence[Reason], parts: Contributions) -> Reason:
    """What is left of the score."""
    left = parts.excess - sum(reason.contribution for reason in spoken)
    text = "Everything else together changes the score by next to nothing."
    if abs(left) >= SMALLEST_SPOKEN:
        text = f"Everything else together {'adds' if left > 0 else 'takes'} {abs(left):.2f}."
    return Reason(OTHER, "", "", "", left, text)
