"""The last task of a selection: it compares the candidates, trains the winner and writes the evidence."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

from include.lake import Lake
from include.lake.work_folder import WorkFolder
from include.learning.save_model import keep_model
from include.registry import ModelRegistry
from include.registry.tracking import TrainingRun
from include.reviews import confirmed_before
from include.selection import attributions, evidence, evidence_store
from include.selection.candidates import EnsembleSpec, ensemble_spec_of, ensemble_specs_of, name_among
from include.selection.comparison import compare_ensembles, judge
from include.selection.decisions import COMMAND_LINE, Decisions, Record
from include.selection.fold_data import cost_of
from include.selection.plan import SelectionError, SelectionPlan, work_folder
from include.selection.plots import draw
from include.settings import get_settings
from include.training import TrainingOutcome, TrainingSpec, train
from include.training.history import read_history
from include.training.training_run import training_run

_KEPT_KEYS = ("selection", "challenger", "champion", "is_better", "verdict", "evidence", "markdown", "note")


def compare(lake_uri: str, source_uri: str, selection_id: str, dag_id: str = COMMAND_LINE) -> Record:
    """Compare what the candidates found, train the winner on the whole past, and lay out the evidence.

    The winner's model is kept in the registry and not promoted. What was found is sealed for the run. The selection's
    work folder is removed at the end; a call after that gives what the first one gave. One that was prepared again
    leaves the evidence it had before as it is, and lays out its own beside it, under a numbered name.

    Parameters
    ----------
    lake_uri, source_uri, selection_id
        Arguments that `prepare` was given.
    dag_id
        Name of the DAG whose run the selection is.

    Returns
    -------
    dict
        `selection` (what the pack is called), `challenger` (a version; None when the history does not suffice),
        `champion` (the one that was to be beaten, or None), `is_better`, `verdict` (a sentence), `evidence` (where the
        pack lies), `markdown` (what a person approves by; at most 3,000 characters, with no text of any record in it)
        and `note` (what MLflow could not record; mostly empty).

    Raises
    ------
    SelectionError
        When every candidate failed, with the reasons.
    MissingStateError
        When the selection was not prepared.
    """
    folder = work_folder(lake_uri, selection_id)
    decisions = Decisions(lake_uri, dag_id, selection_id)
    ended = decisions.found()
    if ended is not None and not SelectionPlan.is_kept(folder):
        return {key: ended[key] for key in _KEPT_KEYS}
    plan = SelectionPlan.read(folder)
    plan = replace(plan, selection=evidence_store.free_name(lake_uri, plan.selection))
    found = _Comparing(folder, plan, lake_uri, source_uri).conclude() if plan.candidates else _nothing(plan, lake_uri)
    decisions.keep_found({**found, "before": plan.before})
    folder.clear()
    return found


def _nothing(plan: SelectionPlan, lake_uri: str) -> Record:
    """The result where there was too little history to compare anything."""
    where = evidence_store.folder_of(lake_uri, plan.selection)
    told = f"**{plan.note}.** The champion stays."
    values = (plan.selection, None, plan.champion, False, plan.note, where, told, "")
    result = dict(zip(_KEPT_KEYS, values, strict=True))
    files = {"evidence.md": f"# Selection {plan.selection}\n\n{told}\n".encode()}
    evidence_store.write_pack(
        lake_uri, plan.selection, {**files, **_summary({**result, "before": plan.before.isoformat()})}
    )
    return result


def _summary(found: Record) -> dict[str, bytes]:
    return evidence_store.summary_file({**found, "made_at": datetime.now(UTC).isoformat(timespec="seconds")})


class _Comparing:
    """A selection whose candidates have all been tried."""

    def __init__(self, folder: WorkFolder, plan: SelectionPlan, lake_uri: str, source_uri: str) -> None:
        self.folder = folder
        self.plan = plan
        self.lake_uri = lake_uri
        self.source_uri = source_uri

    def conclude(self) -> Record:
        """Compare, train, write."""
        costs = {name: cost_of(self.folder, name) for name in self.plan.candidates}
        usable = {name: c for name, c in self.plan.candidates.items() if not costs[name].failure}
        if not usable:
            reasons = "; ".join(f"{name}: {cost.failure}" for name, cost in costs.items())
            raise SelectionError(f"no candidate of selection {self.plan.selection} is left to compare ({reasons})")
        champion = self._champion()
        specs = ensemble_specs_of(usable, self.plan.recipe, champion)
        comparison = compare_ensembles(self.folder, self.plan, specs, name_among(specs, champion))
        verdict = judge(self.plan, comparison)
        began = time.monotonic()
        outcome = self._train(comparison.specs[verdict.winner])
        run = training_run(outcome, time.monotonic() - began)
        version = None if outcome.model is None else outcome.model.version
        pack = evidence.Pack(self.plan, comparison, verdict, costs, version, self._note(outcome, verdict.winner))
        return self._keep(pack, outcome, run)

    def _champion(self) -> EnsembleSpec | None:
        if self.plan.champion is None:
            return None
        model = ModelRegistry.open(self.lake_uri, get_settings()).load(self.plan.champion)
        return ensemble_spec_of(model, self.plan.candidates, self.plan.recipe)

    def _train(self, winner: EnsembleSpec) -> TrainingOutcome:
        plan = self.plan
        recipe, weights = winner.recipe(plan.candidates, plan.recipe)
        confirmed = confirmed_before(Lake.open(self.lake_uri), plan.before)
        history = read_history(self.source_uri, plan.before, plan.habit_days, get_settings().server_terms)
        return train(history, TrainingSpec(plan.before, plan.seed, plan.budget, recipe, weights, confirmed))

    def _note(self, outcome: TrainingOutcome, winner: str) -> str:
        if outcome.model is None:
            return outcome.note
        training = outcome.model.training
        said = f"it is {winner}, trained on {training.rows:,} postings before {self.plan.before}"
        is_same = training.data_digest == self.plan.data_digest
        return said if is_same else f"{said}; its source was changed since the comparison was prepared"

    def _keep(self, pack: evidence.Pack, outcome: TrainingOutcome, run: TrainingRun) -> Record:
        report, table, plots = pack.report(), evidence.evidence_table(pack.comparison), draw(self.folder, pack)
        looks = attributions.attributions_of(outcome, self.plan.seed)
        plots |= {} if looks is None else {attributions.PLOT: attributions.beeswarm(looks)}
        where = evidence_store.folder_of(self.lake_uri, self.plan.selection)
        recorded = replace(
            run,
            metrics={**run.metrics, **evidence.metrics_of(pack)},
            tags={**run.tags, "selection": self.plan.selection, "verdict": pack.verdict.sentence},
            figures=plots,
            tables={"selection": table},
            documents={"evidence": report},
        )
        wrong = keep_model(outcome, recorded, self.lake_uri)
        values = (
            *(self.plan.selection, pack.challenger, self.plan.champion, pack.verdict.is_better),
            # MLflow's own words may be long, and the verdict becomes the reason of a promotion.
            *(pack.verdict.sentence, where, pack.body(where), wrong.removeprefix("; ")),
        )
        result = dict(zip(_KEPT_KEYS, values, strict=True))
        files = {f"{name}.png": evidence_store.png_file(plot) for name, plot in plots.items()}
        files |= {"evidence.md": report.encode(), "evidence.csv": evidence_store.csv_file(table)}
        files |= {} if looks is None else {attributions.FILE: looks.as_file()}
        summary = _summary({**evidence.summary_of(pack), **result})
        evidence_store.write_pack(self.lake_uri, self.plan.selection, {**files, **summary})
        return result
