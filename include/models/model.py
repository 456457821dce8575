"""A trained model: it turns feature rows into published scores and records where it came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from include.features.catalog import SURPRISES
from include.features.sequences import window_matrix
from include.models.base import Detector, Matrix, Vector
from include.models.calibration import Calibration, published
from include.models.ensemble import Member, blend
from include.models.preparation import Preparation
from include.models.sequence_reader import SequenceReader
from include.models.threshold import AlertBudget, Flags

MEMBER = "detector:"
"""Prefix of the name of a member's calibration; the member's name follows."""
BLEND = "score"
"""Name of the final calibration."""
MOST_MOVED = 0.5
"""How far a refresh may move any row, in powers of ten of rarity: a posting that was one in a hundred may count as one
in thirty or as one in three hundred, however many nights the refresh learned from. Over a simulated year of harsh drift
0.3 gained .005 of average precision, 0.5 .007 and 1.0 .009. Half a power is also what a busy month may raise the
threshold by. A bank that changes by more needs a new model, which a person approves."""


@dataclass(frozen=True)
class Training:
    """Where a model came from.

    Attributes
    ----------
    first_night, last_night
        First and last settlement date of the training rows.
    rows
        Number of training rows.
    planted_rows
        Number of planted rows that the detectors were fitted on or the ensemble was chosen by.
    data_digest
        SHA-256 over identifiers, amounts and windows of all these rows.
    budget
        Alert budget of the threshold.
    threshold_since
        First of the nights (up to `last_night`) on whose scores the threshold was chosen.
    month_rows
        Number of postings in a month of these nights; 0 in models that are older than the figure.
    habit_days
        Days that the habits in its features reach back; scoring must use the same number.
    notes
        Sentences for people about what the source lacked.
    cases
        Number of confirmed frauds that the detectors were fitted on.
    """

    first_night: date
    last_night: date
    rows: int
    planted_rows: int
    data_digest: str
    seed: int
    budget: float
    threshold_since: date
    habit_days: int
    notes: tuple[str, ...] = ()
    month_rows: int = 0
    cases: int = 0

    @classmethod
    def from_card(cls, card: dict[str, Any]) -> Self:
        """Rebuild the training from its part of a model's card."""
        dates = {name: date.fromisoformat(card[name]) for name in ("first_night", "last_night", "threshold_since")}
        return cls(**{**card, **dates, "notes": tuple(card["notes"])})


@dataclass(frozen=True)
class Rows:
    """Raw rows, and the same rows as a model's detectors see them.

    Attributes
    ----------
    values
        Raw values, with columns in the order of the model's `features`.
    prepared
        The same rows as the model's preparation returns them.
    origins
        Place of the raw column that each prepared column is made from.
    refreshed
        The same rows for the model's refresh; None where it has none.
    columns
        Places of the raw columns that the refresh sees, in its order.
    """

    values: Matrix
    prepared: Matrix
    origins: npt.NDArray[np.intp]
    refreshed: Rows | None = None
    columns: tuple[int, ...] = ()

    def mixed(self, others: Rows, places: npt.NDArray[np.intp], takes_own: Flags) -> Rows:
        """New rows that take each raw column either from these rows or from others; nothing is prepared again.

        Parameters
        ----------
        others
            Rows of the same model, as many as these.
        places
            Place of the row, here and in `others`, that each new row is made from.
        takes_own
            Whether the value comes from these rows, for each new row and raw column.
        """
        own = takes_own[:, self.origins]
        return Rows(
            np.where(takes_own, self.values[places], others.values[places]),
            np.where(own, self.prepared[places], others.prepared[places]),
            self.origins,
            self.refreshed
            and others.refreshed
            and self.refreshed.mixed(others.refreshed, places, takes_own[:, list(self.columns)]),
            self.columns,
        )


@dataclass(frozen=True)
class Model:
    """Sequence reader, preparation, members, calibration and threshold, fitted together.

    A posting's raw values are its feature columns and, where there is a sequence reader, the surprises that it reads.
    From there on every row is scored by itself; explanations depend on that.

    Attributes
    ----------
    sequence
        Sequence reader of each posting's window; None where none was trained.
    preparation
        Preparation that turns raw values into what the detectors see.
    members
        Detectors of the ensemble; at least one has a weight above 0.
    calibration
        Calibration from blended rarities to published scores.
    versions
        Versions of the libraries that trained the model.
    refresh
        The same ensemble fitted again on later nights; it sees the same raw columns. None for a model that is as it
        was trained.
    adapted_from
        Version of the trained model that this one refreshes; empty for a model that is as it was trained.
    """

    sequence: SequenceReader | None
    preparation: Preparation
    members: tuple[Member, ...]
    calibration: Calibration
    threshold: float
    training: Training
    versions: dict[str, str]
    refresh: Model | None = None
    adapted_from: str = ""

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the raw columns that the model sees, in order: signs, then context."""
        return self.preparation.columns

    @property
    def typical(self) -> Vector:
        """The typical raw row."""
        return self.preparation.typical

    @property
    def alert_budget(self) -> AlertBudget:
        """The budget from which each night's threshold follows."""
        return AlertBudget(self.threshold, self.training.budget, self.training.month_rows)

    @property
    def weights(self) -> dict[str, float]:
        """Weight of every member, by name."""
        return {member.name: member.weight for member in self.members}

    @cached_property
    def version(self) -> str:
        """The model's name: a member's name or "ensemble", and a hash over everything that decides a score.

        The same training gives the same name. The hash covers what made the detectors (data, parameters, seed,
        libraries) and not their bits, so that the name can be checked on another kind of machine, where scores may
        differ in the last bit.
        """
        digest = hashlib.sha256(json.dumps(self.card(), sort_keys=True).encode())
        for _, array in sorted(self.arrays().items()):
            digest.update(array.tobytes())
        voting = [member.name for member in self.members if member.weight > 0]
        return f"{voting[0] if len(voting) == 1 else 'ensemble'}-{digest.hexdigest()[:16]}"

    @property
    def base_version(self) -> str:
        """Version of the trained model that this one is, or was adapted from."""
        return self.adapted_from or self.version

    def refreshed(self, refresh: Model) -> Model:
        """The same model with its ranking refreshed; it may score the nights after those that `refresh` learned from.

        Members, threshold and calibration stay as trained and bound what the refresh may change: see `rarities_of`.
        """
        training = replace(self.training, last_night=refresh.training.last_night)
        return replace(self, refresh=refresh, training=training, adapted_from=self.base_version)

    def trained(self) -> Model:
        """The same model without its refresh: the one that the threshold was chosen for."""
        return replace(self, refresh=None)

    @cached_property
    def typical_score(self) -> float:
        """The published score of the typical row."""
        return float(self.score(self.typical.reshape(1, -1))[0])

    def typical_of(self, values: Matrix) -> Matrix:
        """The typical row in each raw row's own context: an ordinary posting of an account with as much habit."""
        signs = len(self.preparation.features)
        rows = np.tile(self.typical, (len(values), 1))
        rows[:, signs:] = values[:, signs:]
        return rows

    def typical_scores(self, values: Matrix) -> Vector:
        """Published score of the typical row in each raw row's own context."""
        # Only few contexts differ, so each is scored once; comparing all columns would sort for nothing.
        around = np.column_stack([np.zeros(len(values)), values[:, len(self.preparation.features) :]])
        _, firsts, places = np.unique(around, axis=0, return_index=True, return_inverse=True)
        return np.asarray(self.score(self.typical_of(values[firsts]))[places.reshape(-1)], dtype=np.float64)

    def values(self, features: pa.Table) -> Matrix:
        """The raw rows of a feature table in the order of `features`, NaN where missing.

        A reversal gets the typical row's values: a finding belongs to the posting that it takes back.
        """
        plain = tuple(name for name in self.features if name not in SURPRISES)
        known = dict(zip(plain, feature_values(features, plain).T, strict=True))
        if self.sequence is not None:
            known |= zip(SURPRISES, self.sequence.surprises(window_matrix(features)).T, strict=True)
        rows = np.column_stack([known[name] for name in self.features]).reshape(features.num_rows, len(self.features))
        if "is_reversal" in features.column_names:
            reversals = np.asarray(features["is_reversal"].to_numpy(), dtype=bool)
            rows[reversals] = self.typical_of(rows[reversals])
        return rows

    def rows(self, values: Matrix) -> Rows:
        """Raw rows together with their form for every part of the model."""
        mine = Rows(values, self.preparation.apply(values), self.preparation.origins)
        if self.refresh is None:
            return mine
        columns = [self.features.index(name) for name in self.refresh.features]
        return replace(mine, refreshed=self.refresh.rows(values[:, columns]), columns=tuple(columns))

    def score(self, values: Matrix) -> Vector:
        """The published scores of raw rows."""
        return published(self.rarities(values))

    def rarities(self, values: Matrix) -> Vector:
        """The final rarity of raw rows, in powers of ten, 0 and up."""
        return self.rarities_of(self.rows(values))

    def rarities_of(self, rows: Rows, raws: Mapping[str, Vector] | None = None) -> Vector:
        """The final rarity of rows, in powers of ten, 0 and up.

        A refresh moves each row by at most `MOST_MOVED` from the trained model's rarity, whatever the refresh was
        fitted on.

        Parameters
        ----------
        rows
            Rows that `Model.rows` returned.
        raws
            Result of `raws_of` for these rows, where it is known.
        """
        trained = self.calibration.exponents_of(self.blended(self.raws_of(rows) if raws is None else raws))
        if self.refresh is None or rows.refreshed is None:
            return trained
        said = self.refresh.rarities_of(rows.refreshed) - trained
        return np.maximum(trained + np.clip(said, -MOST_MOVED, MOST_MOVED), 0.0)

    def rarity(self, values: Matrix) -> Vector:
        """The blended rarity of raw rows, which is the input of the final calibration."""
        return self.blended(self.raws_of(self.rows(values)))

    def blended(self, raws: Mapping[str, Vector]) -> Vector:
        """The blended rarity from the members' own scores; members of weight 0 need none."""
        voting = [member for member in self.members if member.weight > 0]
        return blend({m.name: m.calibration.exponents_of(raws[m.name]) for m in voting}, self.weights)

    def raws_of(self, rows: Rows, *, everybody: bool = False) -> dict[str, Vector]:
        """Raw scores by member, for the members with a weight above 0, or with `everybody` for all."""
        asked = [member for member in self.members if everybody or member.weight > 0]
        return {m.name: raw_scores(m.detector, self.preparation, rows.values, rows.prepared) for m in asked}

    def detector_scores(self, values: Matrix) -> dict[str, Vector]:
        """Every member's own score of raw rows on the published scale, members of weight 0 included."""
        return self.published_raws(self.raws_of(self.rows(values), everybody=True))

    def published_raws(self, raws: Mapping[str, Vector]) -> dict[str, Vector]:
        """Every member's score on the published scale, from the members' raw scores."""
        return {m.name: m.calibration.apply(raws[m.name]) for m in self.members}

    def card(self) -> dict[str, Any]:
        """The description of the model in types that JSON has; dates are in ISO form."""
        training = {key: _plain(value) for key, value in vars(self.training).items()}
        for name in ("month_rows", "cases"):  # an older model, which has none, keeps its name
            if not training[name]:
                del training[name]
        adapted = {} if self.refresh is None else {"adapted_from": self.adapted_from, "refresh": self.refresh.card()}
        return {
            **adapted,
            "members": [
                {"detector": m.name, "weight": m.weight, "parameters": m.detector.parameters()} for m in self.members
            ],
            "sequence": None if self.sequence is None else self.sequence.parameters(),
            "codes": list(zip(self.preparation.features, self.preparation.codes, strict=True)),
            "context": list(self.preparation.context),
            "threshold": self.threshold,
            "training": training,
            "versions": self.versions,
        }

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All learned arrays outside the detectors, by name."""
        calibrations = {"blend": self.calibration, **{m.name: m.calibration for m in self.members}}
        return {
            **self.preparation.arrays(),
            **{f"raw.{name}": calibration.raw for name, calibration in calibrations.items()},
            **{f"exponents.{name}": calibration.exponents for name, calibration in calibrations.items()},
            **{f"refresh.{name}": array for name, array in (self.refresh.arrays() if self.refresh else {}).items()},
        }

    @classmethod
    def restore(
        cls,
        card: dict[str, Any],
        arrays: dict[str, npt.NDArray[Any]],
        detectors: Mapping[str, Detector],
        sequence: SequenceReader | None,
    ) -> Self:
        """Rebuild the model as trained from its `card()`, its `arrays()`, its detectors by name and its reader."""

        def calibration(name: str) -> Calibration:
            return Calibration(arrays[f"raw.{name}"], arrays[f"exponents.{name}"])

        return cls(
            sequence=sequence,
            preparation=Preparation.restore(dict(card["codes"]), tuple(card["context"]), arrays),
            members=tuple(
                Member(detectors[m["detector"]], calibration(m["detector"]), m["weight"]) for m in card["members"]
            ),
            calibration=calibration("blend"),
            threshold=card["threshold"],
            training=Training.from_card(card["training"]),
            versions=card["versions"],
        )


def raw_scores(detector: Detector, preparation: Preparation, values: Matrix, prepared: Matrix) -> Vector:
    """A detector's raw scores; for the sequence reader they are the sum of its surprises, which `values` contains."""
    if isinstance(detector, SequenceReader):
        return detector.total(values[:, [preparation.columns.index(name) for name in SURPRISES]])
    return detector.score(preparation.view(prepared, detector.sees))


def feature_values(features: pa.Table, names: tuple[str, ...]) -> Matrix:
    """The named columns as a matrix of floats, NaN where null."""
    columns = [pc.cast(features[name], pa.float64()).to_numpy() for name in names]
    return np.column_stack(columns).reshape(features.num_rows, len(names))


def _plain(value: object) -> object:
    """The value in a type that JSON has: a date as text, a tuple as a list."""
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value
