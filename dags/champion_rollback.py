"""Take back the champion, or its last refresh.

**Purpose.** One click for a person who does not trust the scores: the champion before the current one is champion
again, or the champion's newest refresh is undone, and no later refresh learns from the nights that led to it.

**Inputs.** The champion, its history and its log of updates in the lake.

**Outputs.** A line in the champion's history or in its log of updates: what was taken back, by whom, when and why. It
takes effect with the next night that is played; published nights stay, and are replayed with the model that they had.

**Params.** `which` (the last refresh or the champion), `why` (the reason, required: it stands in the history),
`lake` (a name of this installation's list, default: its own). Whoever triggers the run is named as the one who decided;
users who may only read cannot trigger it.

**What a retry does.** `look` records once what is asked for and in force, sealed in the lake and bound to this run;
`take_back` reads that record and takes back nothing else. A run goes back one step, however often it is tried or
cleared. A second run goes one step further back.

**Impact of a failure.** Nothing was taken back: the same model scores the next night.

**How to triage.** The run's *Outcome* tab has the sentence. No champion before this one: promote another version with
`model_selection`. Another champion by now: somebody was faster; look at the *Models* page and decide again. The one
before does not verify: restore its files.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from airflow.sdk import dag, task

from include.orchestration import CHAMPION, DEFAULT_ARGS, ROLLBACK_PARAMS, ModelRequest, Tag, TaskResult, run_for_models


@dag(
    schedule=None,
    start_date=datetime(1993, 1, 1),
    # One step back at a time.
    max_active_runs=1,
    # It runs when somebody asks and never by itself: nobody in a hurry should have to find the switch first.
    is_paused_upon_creation=False,
    dagrun_timeout=timedelta(hours=1),
    # It reads and writes a few small files.
    default_args={**DEFAULT_ARGS, "execution_timeout": timedelta(minutes=10)},
    params=ROLLBACK_PARAMS,
    doc_md=__doc__,
    tags=[Tag.SETTLEMENT, Tag.MODELS],
)
def champion_rollback() -> None:
    """The table of contents of a rollback."""

    @task
    def look() -> TaskResult:
        """Record once what is in force: the champion, and its newest refresh."""
        return run_for_models(_look)

    @task
    def take_back() -> TaskResult:
        """Go back to the champion before, or undo the newest refresh, as `look` recorded them."""
        return run_for_models(_go_back)

    look() >> take_back()


def _look(asked: ModelRequest) -> TaskResult:
    wanted = {"which": asked.params["which"], "why": asked.params["why"], "by": asked.by}
    return asked.decisions.keep_first_look({**wanted, **_in_force(asked)})


def _in_force(asked: ModelRequest) -> TaskResult:
    from include import learning, selection

    champions = [reign["version"] for reign in selection.history(asked.lake_uri)]
    nights = [update["night"] for update in learning.updates(asked.lake_uri) if _is_in_force(update)]
    return {"champion": next(iter(champions), None), "learned": next(iter(nights), None)}


def _is_in_force(update: TaskResult) -> bool:
    return update["accepted"] and not update["rolled_back_by"]


def _go_back(asked: ModelRequest) -> TaskResult:
    from include import learning, selection
    from include.errors import SettingsError

    seen = asked.decisions.first_look()
    said = {"by": seen["by"], "why": seen["why"], "champion": seen["champion"], "run": asked.run}
    if seen["which"] == CHAMPION:
        return selection.rollback(asked.lake_uri, **said)
    if seen["learned"] is None:
        raise SettingsError(f"{seen['champion'] or 'no model'} is champion and nothing it learned is in force")
    return learning.rollback_learning(asked.lake_uri, night=date.fromisoformat(seen["learned"]), **said)


champion_rollback()
