"""The plan of a selection: what is compared, on which nights, with which seeds and within which limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal, Self

from include.errors import MissingStateError, SettingsError, TerminalError
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
    """One stretch of the past: candidates are fitted on the nights before it and measured on its own nights.

    Attributes
    ----------
    number
        Number of the fold, from 1, in the order of time.
    first
        First night that candidates are fitted on.
    validation_from, before
        First night that candidates are measured on, and the night after the last.
    seeds
        Seeds of the validation rounds.
    training_rows, validation_rows
        Number of real postings of the training nights and of the validation nights.
    planted
        Number of postings planted into the validation rounds, together.
    confirmed, confirmed_to_find
        Number of confirmed frauds that were known before the validation nights, so that detectors may be fitted on
        them, and number of those to be found in one validation round.
    held_out_kinds
        The planted kinds in two halves; each half is left out once where a detector learns from examples.
    reader_seconds
        Seconds that the sequence reader and the preparation took, which all candidates share.
    measures_champion
        Whether the champion was trained on none of the validation nights, so that it competes as it is.
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
        """Rebuild the fold from its form in JSON."""
        dates = {name: date.fromisoformat(found[name]) for name in ("first", "validation_from", "before")}
        held_out_kinds = tuple(frozenset(half) for half in found["held_out_kinds"])
        return cls(**{**found, **dates, "seeds": tuple(found["seeds"]), "held_out_kinds": held_out_kinds})


@dataclass(frozen=True)
class SelectionPlan:
    """The plan of one selection.

    Attributes
    ----------
    selection
        Name of the selection.
    before
        First night that the selection does not look at.
    seed, budget, habit_days, training
        Values of the settings when the selection was prepared.
    folds
        Folds in the order of time.
    candidates
        Candidates by name.
    champion
        Version of the champion; None where there is none.
    data_digest
        Digest of all rows that are trained or measured on.
    limits
        Limits of every candidate.
    note
        Sentence that says what will be compared, or why nothing can be.
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
        """The recipe that every candidate changes."""
        return Recipe.of(self.training)

    def fit_seed(self, fold: int) -> int:
        """Seed of everything random in the fits of a fold; each fold has its own, so that luck is measured too."""
        return self.seed + fold

    @property
    def rounds(self) -> list[tuple[Fold, int]]:
        """Every validation round: its fold, and its number in the fold, from 1."""
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
        """Write the plan where `read` finds it."""
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
            When the selection was not prepared, its folder was removed since, or another version prepared it.
        """
        found = folder.read_note(_PLAN)
        try:
            return cls._of(found)
        except (KeyError, TypeError) as error:
            raise MissingStateError(
                "another version of the product prepared this selection: clear its run from its first task on"
            ) from error

    @classmethod
    def _of(cls, found: Mapping[str, Any]) -> Self:
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
    """The work folder that the tasks of a selection share."""
    return WorkFolder.at(lake_uri, SELECTIONS, folder_name(selection_id))


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON has no narrower type
    """Sets as sorted lists, which JSON has."""
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
