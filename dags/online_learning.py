"""Let each published night teach the champion a little, and watch what changes.

**Purpose.** Once a night is published, its ordinary transactions are kept for learning, and once a week the champion is
refreshed with those of the last year: fitted anew, within bounds of what was approved, and only where it holds its
recall and its false alarms on the canary set. Beside that,
the night's notices of drift and performance are read, and a model selection is asked for where one of them does.

**Inputs.** Events of the asset `settlement/published_night`, which name the night, its source and its lake; several
when nights were published faster than they were learned from, as in a backfill: all are taken, in order. Of the lake,
the nights' lessons, the champion, its canary set, its own lesson and its log of updates, and the night's notices.

**Outputs.** A line in the champion's log of updates and, where the update was accepted, the updated model, which scores
from the next night on; an event of the asset `settlement/selection_wanted` where a notice asks for a selection.

**Params.** `date` (a published night, for a run by hand; default: the nights of the events), `source` and `lake`
(names of this installation's list; default: those of the event, else the installation's own).

**What a retry does.** Learning a night again gives the same version; a night whose learning was taken back stays
untaught. Watching reads only.

**Impact of a failure.** The next night is scored by the model the last accepted update left. Nothing else waits for it.

**How to triage.** The run's *Outcome* tab says of each night what was learned, or why its update was dropped: that is
no failure. Dropped because the lake has no champion yet: promote one with `model_selection`. `learn` failed: the
champion, its canary set or its log does not verify; restore the files, or approve a model anew. Learned the wrong
thing: trigger `champion_rollback` for the last refresh. A night without a run while the DAG was paused: trigger
this one with its date.
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
        """Let each night teach the champion in order, or say why it does not."""
        return each_published_night(_teach)

    @task
    def watch() -> TaskResult:
        """Read what each night told of drift and performance."""
        return each_published_night(_watch)

    @task(outlets=[SELECTION_WANTED])
    def ask_for_selection(watched: TaskResult) -> TaskResult:
        """Ask for a model selection where a notice does; else this is skipped and nobody is asked."""
        return announce_wish(watched)

    learn()
    ask_for_selection(watch())


def _teach(published: PublishedNight) -> TaskResult:
    from include import learning

    return learning.learn(published.lake_uri, published.night)


def _watch(published: PublishedNight) -> TaskResult:
    from include import monitoring

    notices = monitoring.watch(published.lake_uri, published.night)["notices"]
    return {"night": published.night.isoformat(), "notices": notices, **published.place}


online_learning()
