"""Keep the cases up to date, and send what there is to tell: of published nights, and of those that are not.

**Purpose.** What a night finds joins the cases of the console within five minutes, whether somebody looks or not, and
decisions that wait for the drop of reviews get there. Each night leaves its messages in the table `outbox`, in its own
transaction. Every five minutes this DAG takes in what is new there, looks by the clock for nights that stopped or are
missed, makes the digests of the queue for those who want one each day (`ADS_DIGESTS`), and sends what is due by mail,
to Slack, to SNS topics and to webhooks. A message goes out at least once to each sink; what was sent is written down at
once, so that only a lost answer brings a repetition, and it has the same key.

**Inputs.** The tables `outbox`, `alerts` and `night_manifest` of the lake, its findings and reviews; the cases beside
it; the states of the runs of `nightly_settlement`; the sinks and routes of the settings (`ADS_ALERT_SINKS`,
`ADS_ALERT_ROUTES`), whose addresses and secrets are Airflow's connections.

**Outputs.** Cases with all published findings; reviews in the drop. Messages, masked: counts, sentences without
identifiers, links by finding id. The deliveries, with time and answer, in a store beside the lake's catalog. A call of
the heartbeat's address (`ADS_ALERT_HEARTBEAT`).

**Params.** `lake` (a name of this installation's list, default: its own).

**What a retry does.** The same again: what was taken in or sent is not taken in or sent again.

**Impact of a failure.** Nothing is lost, and nights do not depend on it. While a sink does not answer, its messages
wait, tried again after 5 minutes up to an hour, and other sinks get theirs. While this DAG stands still nobody is told
of anything, and the cases of a new night appear when somebody looks at the queue; the heartbeat stops, too, so that
somebody outside notices.

**How to triage.** `follow_cases` failed: the lake's findings or the cases' database cannot be read or written; see the
sentence in the *Outcome* tab. What it took in before is kept. `make_digests` failed: the cases cannot be read; all
other messages go out. `collect` failed: the lake or its catalog cannot be read; see the sentence in the *Outcome* tab.
`deliver` says `kept`: its `answer` is what the sink said; a connection that is missing or not allowed is named there.
`beat` failed: the address of the heartbeat does not take calls. All but `follow_cases` skipped: no sinks
are set, and nothing is sent.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import TriggerRule, dag, task
from airflow.sdk.exceptions import AirflowSkipException

from include.orchestration import (
    ALERTING_PARAMS,
    DEFAULT_ARGS,
    LakeRequest,
    Tag,
    TaskResult,
    failed_nights,
    run_for_lake,
)


@dag(
    # Somebody who is told five minutes later of what a night found loses nothing; a run takes some seconds.
    schedule="*/5 * * * *",
    start_date=datetime(1993, 1, 1),
    catchup=False,
    # Two at once could send the same parcel twice.
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=30),
    # A sink that hangs is given up after seconds; one that drips its answer, by this.
    default_args={**DEFAULT_ARGS, "execution_timeout": timedelta(minutes=5)},
    params=ALERTING_PARAMS,
    doc_md=__doc__,
    tags=[Tag.SETTLEMENT],
)
def alerting() -> None:
    """The table of contents of sending."""

    # The first intake of a large lake takes minutes; what was taken in by then is kept.
    @task(execution_timeout=timedelta(minutes=20))
    def follow_cases() -> TaskResult:
        """Take what the nights found and what reviews say into the cases, and bring waiting reviews into the drop."""
        return run_for_lake(_follow_cases)

    @task
    def make_digests() -> TaskResult:
        """Make the digests of the day that are due and not made yet."""
        return run_for_lake(_make_digests)

    # What happened at night is told also where the queue cannot be read.
    @task(trigger_rule=TriggerRule.ALL_DONE)
    def collect() -> list[str]:
        """Take in new messages; name the sinks for which something is due."""
        return run_for_lake(_collect)

    # One task for each sink, so that one that hangs holds up no other.
    @task(map_index_template="{{ task.op_kwargs['sink'] }}")
    def deliver(sink: str) -> TaskResult:
        """Send a sink what is due for it."""
        return run_for_lake(lambda asked: _deliver(asked, sink))

    @task
    def beat() -> TaskResult:
        """Call the heartbeat's address: messages are being collected."""
        return run_for_lake(_beat)

    follow_cases()
    make_digests() >> (due := collect())
    deliver.expand(sink=due)
    due >> beat()


def _follow_cases(asked: LakeRequest) -> TaskResult:
    from include.cases import CaseBook
    from include.lake import Lake

    found = CaseBook.open(asked.lake_uri, asked.settings).follow(Lake.open(asked.lake_uri, asked.settings), asked.now)
    return {"nights": len(found.nights), "opened": found.opened, "joined": found.joined, "changed": found.changed}


def _make_digests(asked: LakeRequest) -> TaskResult:
    if not asked.settings.digests:
        raise AirflowSkipException("ADS_DIGESTS names nobody: no digest is made")
    from include.alerting import AlertDrain
    from include.casework.digests import due_digests

    drain = AlertDrain.open(asked.lake_uri, asked.settings)
    return {"made": drain.address(due_digests(asked.lake_uri, drain, asked.now), asked.now)}


def _collect(asked: LakeRequest) -> list[str]:
    if not asked.settings.alert_sinks:
        raise AirflowSkipException("ADS_ALERT_SINKS names no sinks: nothing is sent")
    from include.alerting import AlertDrain, watched_nights

    failed = failed_nights(watched_nights(asked.now))
    return AlertDrain.open(asked.lake_uri, asked.settings).collect(asked.now, failed)


def _deliver(asked: LakeRequest, sink: str) -> TaskResult:
    from include.alerting import AlertDrain
    from include.sinks import open_sink

    send = open_sink(sink, asked.settings)
    return {**AlertDrain.open(asked.lake_uri, asked.settings).deliver(sink, send, lambda: datetime.now(UTC))}


def _beat(asked: LakeRequest) -> TaskResult:
    settings = asked.settings
    if not settings.alert_heartbeat:
        raise AirflowSkipException("ADS_ALERT_HEARTBEAT names no connection: nobody outside is called")
    from include.errors import SinkError
    from include.sinks import beat

    answer = beat(settings.alert_heartbeat, may_be_private=settings.alert_private_addresses)
    if not answer.is_taken:
        raise SinkError(f"the heartbeat was not taken: {answer.text}")
    return {"answer": answer.text}


alerting()
