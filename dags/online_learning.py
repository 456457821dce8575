"""Refresh the champion with published nights, and watch for drift.

**Purpose.** Once a night is published, its ordinary transactions become refresh rows. Once a week the champion is
fitted anew on those of the last year: within bounds of what was approved, and only where its recall and its false
alarms on the canary set hold. The night's notices of drift and performance are read as well, and a model selection is
asked for where a notice does.

**Inputs.** Events of the asset `settlement/published_night`, which name the night, its source and its lake; several
when nights were published faster than they were learned from, as in a backfill: all are taken, in order. Of the lake,
the nights' refresh rows, the champion with its canary set, its refresh baseline and its log of updates, and the night's
notices.

**Outputs.** A line in the champion's log of updates and, where the update was accepted, the updated model, which scores
from the next night on; an event of the asset `settlement/selection_wanted` where a notice asks for a selection.

**Params.** `date` (a published night, for a run by hand; default: the nights of the events), `source` and `lake`
(names of this installation's list; default: those of the event, else the installation's own).

**What a retry does.** Learning from a night again gives the same version; a night whose refresh was taken back is not
learned from again. Watching only reads.

**Impact of a failure.** The model of the last accepted update scores the next night. Nothing else waits for it.

**How to triage.** The run's *Outcome* tab says of each night what was learned, or why its update was dropped: that is
no failure. Dropped because the lake has no champion yet: promote one with `model_selection`. `learn` failed: the
champion, its canary set or its log does not verify; restore the files, or approve a model anew. The champion learned
the wrong thing: trigger `champion_rollback` for the last refresh. A night was published while the DAG was paused:
trigger this DAG with its date.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import dag, task

from include.orchestration import (
    DEFAULT_ARGS,
    LEARNING_PARAMS,
    PUBLISHED_NIGHT,
    SELECTION_WANTED,
    PublishedNight,
    Tag,
    TaskResult,
    announce_wish,
    each_published_night,
)


@dag(
    schedule=[PUBLISHED_NIGHT],
    start_date=datetime(1993, 1, 1),
    catchup=False,
    # A night's update starts from the one before it.
    max_active_runs=1,
    # The next night is scored at two o'clock and would rather wait for nothing.
    dagrun_timeout=timedelta(hours=6),
    # One run may follow a backfill of many nights; a night by itself takes seconds, with a refresh minutes.
    default_args={**DEFAULT_ARGS, "execution_timeout": timedelta(hours=3)},
    params=LEARNING_PARAMS,
    doc_md=__doc__,
    tags=[Tag.SETTLEMENT, Tag.NIGHTLY, Tag.MODELS],
)
def online_learning() -> None:
    """The table of contents of what follows a night."""

    @task
    def learn() -> TaskResult:
        """Learn from each night in order, or say why not."""
        return each_published_night(_learn)

    @task
    def watch() -> TaskResult:
        """Read each night's notices of drift and performance."""
        return each_published_night(_watch)

    @task(outlets=[SELECTION_WANTED])
    def ask_for_selection(watched: TaskResult) -> TaskResult:
        """Ask for a model selection where a notice does; the task is skipped where none does."""
        return announce_wish(watched)

    learn()
    ask_for_selection(watch())


def _learn(published: PublishedNight) -> TaskResult:
    from include import learning

    return learning.learn(published.lake_uri, published.night)


def _watch(published: PublishedNight) -> TaskResult:
    from include import monitoring

    notices = monitoring.watch(published.lake_uri, published.night)["notices"]
    return {"night": published.night.isoformat(), "notices": notices, **published.place}


online_learning()
