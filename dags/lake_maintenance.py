"""Keep the lake small, and as quick to read after years of nights as after a month.

**Purpose.** Every night leaves a data file and a manifest in each table, and every change leaves the files that it
replaced. Once a day the manifests are rewritten into one for each month of nights, snapshots that were replaced long
ago expire, and their files, and those that killed runs left, are removed. Rows are removed only where the installation
bounds how long a table is kept (`ADS_RETENTION`).

**Inputs.** The tables of the lake, their metadata, and the times of the files in their folders.

**Outputs.** The same rows in fewer files; figures of each table before and after; where retention removed rows of a
night, a record in the table `retired_rows`, by which `verify` still holds the night to its hash.

**Params.** `lake` (a name of this installation's list, default: its own), `dry_run` (tell what would be done, and
change nothing).

**What a retry does.** Each task looks at the lake again and does what is left to do; a second run right after the first
changes nothing. Nights, backfills and readers go on meanwhile: nothing younger than the safe age
(`ADS_SAFE_AGE_HOURS`) is touched.

**Impact of a failure.** None for nights and readers. The lake grows, and its nights take longer to plan, until a run
gets through.

**How to triage.** `measure` or `retire` failed over `ADS_RETENTION`: the sentence says which table and which days are
allowed. `retire` failed over a night that does not verify: nothing of it was removed; run `python -m include verify`
and restore the night. `remove_files` failed over missing files: the lake was damaged or moved; restore it from a
backup. Lost races: a backfill was at work in the same tables; the next run catches up.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import dag, task

from include.orchestration import DEFAULT_ARGS, MAINTENANCE_PARAMS, LakeRequest, Tag, TaskResult, run_for_lake


@dag(
    # The night of two o'clock has six hours; what it wrote is not touched anyway.
    schedule="0 10 * * *",
    start_date=datetime(1993, 1, 1),
    catchup=False,
    # Two at once would do no harm, and the same work twice.
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    # A year of nights takes a minute on a disk; a first run over an object store removes some hundred files a second.
    default_args={**DEFAULT_ARGS, "execution_timeout": timedelta(hours=2)},
    params=MAINTENANCE_PARAMS,
    doc_md=__doc__,
    tags=[Tag.SETTLEMENT, Tag.LAKE],
)
def lake_maintenance() -> None:
    """The table of contents of a maintenance."""

    @task
    def measure() -> TaskResult:
        """Count files, bytes, snapshots and manifests of each table."""
        return run_for_lake(_measure)

    @task
    def retire() -> TaskResult:
        """Remove rows that retention keeps no longer, each night verified and on record before."""
        return run_for_lake(lambda asked: _step(asked, "retire"))

    @task
    def compact() -> TaskResult:
        """Rewrite many manifests into few, and what one run left for one night into one data file."""
        return run_for_lake(lambda asked: _step(asked, "compact"))

    @task
    def expire() -> TaskResult:
        """Expire snapshots that were replaced longer ago than they are kept for."""
        return run_for_lake(lambda asked: _step(asked, "expire"))

    @task
    def remove_files() -> TaskResult:
        """Remove files that no snapshot names and nobody can be using."""
        return run_for_lake(lambda asked: _step(asked, "remove_files"))

    @task
    def compare(before: TaskResult) -> TaskResult:
        """Count again, and put the figures beside those from before."""
        return run_for_lake(lambda asked: _compare(asked, before))

    measured = measure()
    measured >> retire() >> compact() >> expire() >> remove_files() >> compare(measured)


def _measure(asked: LakeRequest) -> TaskResult:
    from include.maintenance import Maintenance

    work = Maintenance.of(asked.lake_uri, asked.settings, asked.now, asked.is_dry)
    work.require_retention()
    return {name: figures.as_dict() for name, figures in work.measure().items()}


def _step(asked: LakeRequest, name: str) -> TaskResult:
    from include.maintenance import STEPS, Maintenance

    return dict(STEPS[name](Maintenance.of(asked.lake_uri, asked.settings, asked.now, asked.is_dry)))


def _compare(asked: LakeRequest, before: TaskResult) -> TaskResult:
    from include.maintenance import Figures, Maintenance, compared

    after = Maintenance.of(asked.lake_uri, asked.settings, asked.now).measure()
    return compared({name: Figures(**figures) for name, figures in before.items()}, after)


lake_maintenance()
