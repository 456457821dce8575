"""What a selection compares, on which nights, with which seeds, within which limits: a note that all its tasks read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal, Self

from include.errors import SettingsError, TerminalError
from include.lake.work_folder import WorkFolder, folder_name
from include.selection.candidates import Candidate
from include.training.recipe import Recipe

SELECTIONS = "selection"
"""Group of the work folders of selections."""
_PLAN = "plan"


class SelectionError(TerminalError):
    """Raised when a selection has nothing to compare."""


class CandidateError(SelectionError):
    """Raised when one candidate cannot be fitted, or not within its limits; the others are not concerned."""


@dataclass(frozen=True)
class Limits:
    """What one candidate may cost.

    Attributes
    ----------
    seconds
        Seconds of all its folds together, reading included. A decision: eleven candidates, two at a time, are
        to end within half an hour with the rest of a selection. The dearest (`contrast_wide`) took 42 s on the
        real bank and 80 s on one of a million postings.
    mib
        Memory its process may hold. A decision: two at a time, with Airflow's 1.1 GB beside them, stay below 6 GiB. The
        dearest (`local_outlier_factor`) held 980 MiB on a bank of a million postings, 384 on the real one.
    """

    seconds: int = 300
    mib: int = 2048


@dataclass(frozen=True)
class Fold:
    """One stretch of the past: what lies before it teaches, its own nights measure.

    Attributes
    ----------
    number
        From 1, in the order of time.
    first
        First night that teaches.
    validation_from, before
        First night that measures, and the night after the last.
    seeds
        Seeds of the rounds that measure.
    training_rows, validation_rows
        Postings of the nights that teach and of those that measure, as they really were.
    planted
        Postings planted into the rounds that measure, together.
    confirmed, confirmed_to_find
        Confirmed ones: those that were known before the nights that measure and may teach, and those among a round that
        measures.
    held_out_kinds
        The kinds of anomaly cut in two, each kept once from what learns from examples.
    reader_seconds
        What the sequence reader and the preparation took, which all candidates share.
    measures_champion
        Whether the champion saw none of the nights that measure, so that it competes as it is.
    """

    number: int
    first: date
    validation_from: date
    before: date
    seeds: tuple[int, ...]
    training_rows: int
    validation_rows: int
    planted: int
    confirmed: int
    confirmed_to_find: int
    held_out_kinds: tuple[frozenset[str], ...]
    reader_seconds: float
    measures_champion: bool

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Self:
        """The fold again, from JSON."""
        dates = {name: date.fromisoformat(found[name]) for name in ("first", "validation_from", "before")}
        held_out_kinds = tuple(frozenset(half) for half in found["held_out_kinds"])
        return cls(**{**found, **dates, "seeds": tuple(found["seeds"]), "held_out_kinds": held_out_kinds})


@dataclass(frozen=True)
class SelectionPlan:
    """One selection.

    Attributes
    ----------
    selection
        Its name.
    before
        The first night nobody looked at.
    seed, budget, habit_days, training
        As in the settings when it was prepared.
    folds
        In the order of time.
    candidates
        By name.
    champion
        The version that is to be beaten; None where there is none.
    data_digest
        Digest of everything that is learned from and measured on.
    note
        A sentence: what will be compared, or why nothing can be.
    """

    selection: str
    before: date
    seed: int
    budget: float
    habit_days: int
    training: Literal["full", "quick"]
    folds: tuple[Fold, ...]
    candidates: Mapping[str, Candidate]
    champion: str | None
    data_digest: str
    limits: Limits
    note: str

    @property
    def recipe(self) -> Recipe:
        """What candidates differ from."""
        return Recipe.of(self.training)

    def fit_seed(self, fold: int) -> int:
        """Seed of everything random in the fits of a fold; each fold has its own, so that luck is measured too."""
        return self.seed + fold

    @property
    def rounds(self) -> list[tuple[Fold, int]]:
        """Every round that measures: its fold and its number in it, from 1."""
        return [(fold, number) for fold in self.folds for number in range(1, len(fold.seeds) + 1)]

    def candidate(self, name: str) -> Candidate:
        """The candidate of that name.

        Raises
        ------
        SettingsError
            When there is none.
        """
        if name not in self.candidates:
            known = ", ".join(self.candidates) or "none"
            raise SettingsError(f"selection {self.selection} has no candidate {name!r}; it has {known}")
        return self.candidates[name]

    def keep(self, folder: WorkFolder) -> None:
        """Write it where `read` finds it."""
        content = {**asdict(self), "folds": [_plain(asdict(fold)) for fold in self.folds]}
        content["candidates"] = [_plain(asdict(candidate)) for candidate in self.candidates.values()]
        folder.note(_PLAN, content)

    @staticmethod
    def is_kept(folder: WorkFolder) -> bool:
        """Whether there is a plan to read."""
        return folder.has_note(_PLAN)

    @classmethod
    def read(cls, folder: WorkFolder) -> Self:
        """The plan that `keep` wrote.

        Raises
        ------
        MissingStateError
            When the selection was not prepared, or its folder was removed since.
        """
        found = folder.read_note(_PLAN)
        candidates = [Candidate(**{**c, "without": frozenset(c["without"])}) for c in found["candidates"]]
        return cls(
            **{
                **found,
                "before": date.fromisoformat(found["before"]),
                "folds": tuple(Fold.from_dict(fold) for fold in found["folds"]),
                "candidates": {candidate.name: candidate for candidate in candidates},
                "limits": Limits(**found["limits"]),
            }
        )


def work_folder(lake_uri: str, selection_id: str) -> WorkFolder:
    """Where a selection's tasks hand to each other what they made."""
    return WorkFolder.at(lake_uri, SELECTIONS, folder_name(selection_id))


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON has no narrower type
    """Sets as sorted lists, which JSON has."""
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
