"""Give everybody in the masked tables a new pseudonym, under a new key.

**Purpose.** Whoever has gathered pseudonyms, or learned whose one of them is, cannot follow anybody any further. Every
night is rewritten under a new key beside the old one, then all readers change at one moment, then the old rows are
removed and the old key is destroyed: nobody can make the old pseudonyms again. Finding ids stay.

**Inputs.** The published nights, the static relations and the sealed keys of the lake.

**Outputs.** The masked tables in the new key version; the row of `pseudonym_keys` that says which version readers see;
where the installation writes them (`ADS_EXTRACTS`), the masked extracts for Tableau under the new pseudonyms.

**Params.** `lake` (a name of this installation's list, default: its own). Run it by hand: when a key or a list of
pseudonyms may have got about, when somebody who knew some leaves, or as often as the bank's rules ask.

**What a retry does.** Each task begins with what it finds: `begin` goes on with a rotation that is under way, `rewrite`
with the nights that lack the new version, `switch` with what is left of the old one. To clear `begin` after the run has
ended begins another rotation. Nights and readers go on meanwhile; maintenance and erasures wait for a task, and it for
them.

**Impact of a failure.** Until `switch` readers keep the old pseudonyms, afterwards all have the new ones; nights are
published throughout, during a rotation in both versions. Extracts that were not written again hold old pseudonyms until
the next night.

**How to triage.** The run's *Outcome* tab has the sentence; clear the failed task once its cause is mended. Keys that
are missing or do not open: restore the lake's folder `keys` and the master key from their backup. Nights published
again and again: a backfill was at work; clear `switch` when it is through. Other upkeep at work: see which maintenance
or erasure hangs. Old pseudonyms in older snapshots: they go with the next maintenance after the safe age.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import dag, task

from include.orchestration import DEFAULT_ARGS, LAKE_PARAMS, LakeRequest, Tag, TaskResult, run_for_lake


@dag(
    schedule=None,
    start_date=datetime(1993, 1, 1),
    catchup=False,
    # A second run would find the first one's key coming, and complete it beside it.
    max_active_runs=1,
    dagrun_timeout=timedelta(days=1),
    # A night takes some three seconds, a year of them twenty minutes: time for ten years at twice that.
    default_args={**DEFAULT_ARGS, "execution_timeout": timedelta(hours=7)},
    params=LAKE_PARAMS,
    doc_md=__doc__,
    tags=[Tag.SETTLEMENT, Tag.LAKE],
)
def key_rotation() -> None:
    """The table of contents of a rotation."""

    @task
    def begin() -> TaskResult:
        """Seal a new key as the coming one, unless a rotation is under way."""
        return run_for_lake(lambda asked: _step(asked, "begin"))

    @task
    def rewrite() -> TaskResult:
        """Write every published night and the static relations under the coming key, beside the current one."""
        return run_for_lake(lambda asked: _step(asked, "rewrite"))

    @task
    def switch() -> TaskResult:
        """Let all readers change to the coming key at once, remove the old rows and destroy the old key."""
        return run_for_lake(lambda asked: _step(asked, "switch"))

    @task
    def write_extracts() -> TaskResult:
        """Write the masked extracts for Tableau under the new pseudonyms."""
        return run_for_lake(_write_extracts)

    begin() >> rewrite() >> switch() >> write_extracts()


def _step(asked: LakeRequest, name: str) -> TaskResult:
    from include.night.rotation import STEPS, Rotation

    return dict(STEPS[name](Rotation.open(asked.lake_uri, asked.settings)))


def _write_extracts(asked: LakeRequest) -> TaskResult:
    from include.night.extracts import refresh_extracts
    from include.stages import tell

    return dict(refresh_extracts(asked.lake_uri, asked.settings, say=tell))


key_rotation()
