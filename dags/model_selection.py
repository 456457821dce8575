"""Compare candidates with the champion on the past, and let a person decide.

**Purpose.** Fits every candidate (detectors, their settings, groups of features) on the same months of the past, lays
planted anomalies into them, and compares what each finds with what the champion finds. A challenger that is better
beyond noise is shown to a person with its evidence; once approved, it is champion from the next night on.

**Inputs.** The bank's relations at `source`, of which nothing dated `before` or later is read; of the lake, the
champion and its updates. Runs on Sundays at 04:00 UTC, by hand, and when the asset `settlement/selection_wanted` has an
event: `online_learning` emits one when a notice of drift asks for it.

**Outputs.** The evidence pack at `selections/<run>/` of the lake (`evidence.md`, `evidence.csv`, plots,
`selection.json`), the challenger's model in the registry, both recorded in MLflow; after the approval, the champion
with a line of its history: since when, by whom, why.

**Params.** `before` (first night nobody looks at, default: the night after the newest published one), `source` and
`lake` (names of this installation's list, default: those of the event, else its own; a lake takes models from the one
source that it belongs to), `approve_headlessly` (default off: a better challenger is promoted without asking, in the
name of whoever triggered the run; only where the installation allows it with `ADS_HEADLESS_APPROVAL`).

**What a retry does.** `prepare` lays the folds out anew; a candidate tried again replaces what its earlier try left;
`compare` gives the same result when it is run again; promoting the champion again changes nothing. A candidate that
fails or takes more than its limits of time and memory is out and is not tried again; the others go on. To repeat a
selection that did not ask yet, clear the run from `prepare` on: its evidence then lies beside the earlier one, as
`selections/<run>--2`. Airflow shows the words of a run's first question again; where they are of an earlier comparison
`await_approval` fails: trigger a new run. An answer within a second of the question can fail `await_approval`; its
retry asks again.

**What a promotion rests on.** What `compare` found and what was answered lie sealed in the lake, bound to this run; the
answer is Airflow's own record of who responded. What tasks hand on through XCom, and a task marked as done, promote
nothing. An answer promotes once, and so does a run, however often it is cleared: taken back, its challenger needs
another one.

**Impact of a failure.** None on the nights: the champion stays, as it does when the challenger is refused, when nobody
answers within five days (the default answer is *Reject*: the run ends well, `promote` skipped), and when nothing is
better.

**How to triage.** The run's *Outcome* tab has the sentence of the task or candidate that failed. `prepare` failed: the
source is away, no night is published yet, or the run asks for what the installation does not allow. One `try_candidate`
failed: its sentence names the limit or the error; the comparison says who is out. All of them failed: `compare` repeats
the reasons; most likely memory, or a source that changed. `promote` failed: its sentence says whether the model does
not verify (restore its files and clear the task), nobody approved (somebody marked the question as done: clear
`await_approval`), or another one became champion while the question waited (run the selection again). Regret: trigger
`champion_rollback`.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable, TriggerRule, dag, task

from include.approval import AskForPromotion
from include.errors import SettingsError
from include.orchestration import (
    APPROVAL_PARAMS,
    DECISION_DAYS,
    DEFAULT_ARGS,
    SELECTION_PARAMS,
    SELECTION_WANTED,
    ModelRequest,
    Tag,
    TaskResult,
    run_for_models,
)


@dag(
    # Sunday after the night's run, when nobody waits for the machine; the answer is wanted in the week. Without a date
    # to start from, switching it on waits for the next Sunday instead of making up for the last.
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("0 4 * * SUN", timezone="UTC", run_immediately=False), assets=SELECTION_WANTED
    ),
    catchup=False,
    # Two challengers that wait at once would each be compared with a champion the other may depose.
    max_active_runs=1,
    # An answer on the last day still has a day to be acted on.
    dagrun_timeout=timedelta(days=DECISION_DAYS + 1),
    default_args=DEFAULT_ARGS,
    params=SELECTION_PARAMS,
    doc_md=__doc__,
    tags=[Tag.SETTLEMENT, Tag.MODELS],
)
def model_selection() -> None:
    """The table of contents of a selection."""

    # Half an hour is what a selection on a million postings may take as a whole.
    @task(execution_timeout=timedelta(minutes=30))
    def prepare() -> TaskResult:
        """Cut the past into folds, plant anomalies into them, and name the candidates."""
        return run_for_models(_prepared)

    @task(execution_timeout=timedelta(minutes=10))
    def name_candidates(prepared: TaskResult) -> list[str]:
        """Return the candidates' names; none where the history is too short, so that nothing is tried."""
        return list(prepared["candidates"])

    @task(
        map_index_template="{{ task.op_kwargs['name'] }}",
        # Two at a time stay below the memory that candidates' own limits are made for.
        max_active_tis_per_dagrun=2,
        # Its process is ended after five minutes by its own limit; this is for one that hangs outside of it.
        execution_timeout=timedelta(minutes=10),
    )
    def try_candidate(name: str) -> TaskResult:
        """Fit one candidate on every fold, and keep its findings and its cost."""
        from include import selection

        return run_for_models(lambda asked: selection.try_candidate(asked.lake_uri, asked.run_id, name))

    @task(execution_timeout=timedelta(minutes=30))
    def compare() -> TaskResult:
        """Compare the candidates with the champion, train the winner, write the evidence and seal the result."""
        return run_for_models(_compared)

    @task.branch(execution_timeout=timedelta(minutes=10))
    def decide_who_decides() -> str | None:
        """Ask a person only where the challenger is better; headless runs promote it at once."""
        return run_for_models(_next_task)

    # Where it is skipped by a headless run `promote` still follows; refused, the operator itself skips it.
    @task(trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS, execution_timeout=timedelta(minutes=10))
    def promote() -> TaskResult:
        """Make the challenger champion, in the name of whoever approved, as the lake records the approval."""
        return run_for_models(_promoted)

    prepared = prepare()
    # Ends well once every candidate has ended, however it ended: some may fail, and a short history names none.
    tried = EmptyOperator(task_id="all_tried", trigger_rule=TriggerRule.ALL_DONE, doc="Wait for every candidate.")
    compared = compare()
    approval = AskForPromotion(
        task_id="await_approval",
        doc="Show the evidence to a person and wait for the answer.",
        params=APPROVAL_PARAMS,
        # Nobody answered: the champion stays, and the run ends well.
        defaults=AskForPromotion.REJECT,
        response_timeout=timedelta(days=DECISION_DAYS),
    )

    try_candidate.expand(name=name_candidates(prepared)) >> tried
    [prepared, tried] >> compared >> (decided := decide_who_decides())
    decided >> [approval, (promoted := promote())]
    approval >> promoted


def _prepared(asked: ModelRequest) -> TaskResult:
    from include import selection

    asked.check_promotable()
    return selection.prepare(asked.source_uri, asked.lake_uri, asked.before, asked.run_id)


def _compared(asked: ModelRequest) -> TaskResult:
    from include import selection

    return selection.compare(asked.lake_uri, asked.source_uri, asked.run_id, asked.dag_id)


def _next_task(asked: ModelRequest) -> str | None:
    found = asked.decisions.require_found()
    if not found["is_better"] or found["challenger"] is None:
        return None
    return "promote" if asked.promotes_headlessly() else "await_approval"


def _promoted(asked: ModelRequest) -> TaskResult:
    from include import selection

    asked.check_promotable()
    found = asked.decisions.require_found()
    if not found["is_better"] or found["challenger"] is None:
        raise SettingsError(f"this run's comparison found nothing to promote: {found['verdict']}")
    said = asked.decided(found, asked.decisions.answer())
    return selection.promote(asked.lake_uri, found["challenger"], champion=found["champion"], **said)


model_selection()
