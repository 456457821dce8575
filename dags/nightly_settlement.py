"""Play one settlement night: from the bank's sources to published findings.

**Purpose.** Takes in one settlement date, checks what must hold (balances that chain, standing orders, loans, fees),
scores what is unusual, and publishes both, with Data Docs. One night is one transaction over the lake: readers see
all of it once `publish` has written its manifest row, and nothing of it before.

**Inputs.** The eight relations of the bank at `source`; of the lake, the nights of the look-back and the state as of
the day before. Where the night before was never published, the state is built from the source's history.

**Outputs.** The night's partition of `fin_transaction`, `anomaly_scores`, `settlement_breaks`, `quarantine`, `alerts`
and its row in `night_manifest`; the extracts for Tableau and the Data Docs site of the lake; an event of the asset
`settlement/published_night`.

**Params.** `date` (settlement date, default: the date of the run's data interval), `source` and `lake` (names of this
installation's list, never addresses; default: the installation's own; a lake takes nights from the one source that it
belongs to). A scheduled run starts at 02:00 UTC for the date that ended at midnight. For a span of dates:
`airflow backfill create --dag-id nightly_settlement --from-date 1994-01-01 --to-date 1994-01-31`; its nights are played
in order, one at a time.

**What a retry does.** Every task may be run again, killed anywhere, or cleared after success: it overwrites what its
earlier try left in the run's work folder, and `publish` replaces the night's partitions under a guard. Lost
connections, lost races and a full disk are tried again three times, 30 seconds, 1 minute and 2 minutes apart; what
another try cannot change (a missing column, a relation that fails its suite) fails at once. To play a whole night
again, clear the run from its first task on: its outputs are the same.

**Impact of a failure.** The night is not published, and readers keep what they had. The next night still runs: it
builds its state from the source's history, which takes longer.

**How to triage.** The run's *Outcome* tab has the sentence of the task that failed: what, where (relation, file, line
or key) and the fix. `validate` failed: open Data Docs, the relation's suite shows figures; fix the source and clear the
run. `extract` failed: the source refused, changed meanwhile or said nothing for too long (`ADS_SOURCE_TIMEOUT_SECONDS`;
every task ends after an hour); clear when it is back. `extract` or `publish` failed on a KMS key: it is disabled,
denied or gone; clear once it is back. `publish` failed: the lake could not be written, see the disk or the catalog; or
another run published the night since: clear this one from its first task. `export_extracts` skipped: the night is
published, but not in its extracts for Tableau; the task's sentence says why, and the next night writes what is missing.
`score` skipped: no model yet, train one with `python -m include train`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import dag, task
from airflow.sdk.bases.operator import chain

from include.orchestration import (
    DEFAULT_ARGS,
    NIGHT_PARAMS,
    PUBLISHED_NIGHT,
    STEP_LIMIT,
    SettlementNights,
    Tag,
    TaskResult,
    announce_publication,
    earlier_night_is_running,
    run_dispensable_step,
    run_step,
)


@dag(
    schedule=SettlementNights(),
    # The real bank of the examples begins in 1993, so that a backfill can go back to it.
    start_date=datetime(1993, 1, 1),
    catchup=False,
    # A night reads the state that the night before left.
    max_active_runs=1,
    # Starts at two, analysts at eight: a night that hangs is a failure by then, and makes room for the next.
    dagrun_timeout=timedelta(hours=6),
    default_args={**DEFAULT_ARGS, "execution_timeout": STEP_LIMIT},
    params=NIGHT_PARAMS,
    doc_md=__doc__,
    tags=[Tag.SETTLEMENT, Tag.NIGHTLY],
)
def nightly_settlement() -> None:
    """The table of contents of a night."""

    # Ten seconds is a quarter of a night: little is lost, and nine nights of a backfill may wait at once.
    @task.sensor(mode="reschedule", poke_interval=30)
    def await_earlier_nights() -> bool:
        """Wait while an earlier night is playing, so that a backfill plays its nights in order."""
        return not earlier_night_is_running()

    @task
    def extract() -> TaskResult:
        """Take the night's records from one snapshot of the source."""
        from include import night

        return run_step(night.extract)

    @task
    def restate_late_nights() -> TaskResult:
        """Play the nights of the last days again for which records came late."""
        from include import night

        return run_step(night.restate_late_nights)

    @task
    def validate() -> TaskResult:
        """Let in records that can be read and typed, quarantine the others; a relation that fails stops the night."""
        from include import night

        return run_step(night.validate)

    @task
    def check_settlement() -> TaskResult:
        """Check what must hold: balances, standing orders, loans and fees."""
        from include import night

        return run_step(night.check_settlement)

    @task
    def score() -> TaskResult:
        """Score every posting by how unusual it is, with reasons."""
        from include import night

        return run_step(night.score)

    @task(outlets=[PUBLISHED_NIGHT])
    def publish() -> TaskResult:
        """Replace the night's partitions, and write the manifest row last."""
        from include import night

        figures = run_step(night.publish)
        announce_publication(figures)
        return figures

    @task
    def export_extracts() -> TaskResult:
        """Bring the extracts for Tableau up to date; the night stays published without them."""
        from include import night

        return run_dispensable_step(night.export_extracts)

    # Skipped is well: an extract that could not be written costs nobody the sheet and the Data Docs.
    @task(trigger_rule="none_failed")
    def report() -> TaskResult:
        """Render the Data Docs and write the sheet of alerts."""
        from include import night

        return run_step(night.report)

    chain(
        await_earlier_nights(),
        extract(),
        restate_late_nights(),
        validate(),
        check_settlement(),
        score(),
        publish(),
        export_extracts(),
        report(),
    )


nightly_settlement()
