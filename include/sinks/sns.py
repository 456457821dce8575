"""An SNS topic, by an AWS connection; the parcel's key is an attribute, and deduplicates messages of a FIFO topic."""

from __future__ import annotations

from typing import Any

from airflow.providers.amazon.aws.hooks.sns import SnsHook
from airflow.sdk import Connection

from include.alerting.letter import Letter
from include.alerting.store import Answer
from include.settings import AlertSink
from include.sinks.amazon import LIMITS, answered, over_tls

_SUBJECT_LENGTH = 99  # SNS takes fewer than 100 characters


def send_to_sns(sink: AlertSink, letter: Letter) -> Answer:
    """Publish a parcel to the sink's topic."""

    def publish(_: Connection) -> str:
        region = (sink.to.split(":") + [""] * 4)[3]
        hook = SnsHook(aws_conn_id=sink.connection, region_name=region, config=LIMITS)  # type: ignore[no-untyped-call]
        over_tls(hook)
        said = hook.publish_to_target(
            sink.to,
            letter.text,
            subject=letter.subject[:_SUBJECT_LENGTH],
            message_attributes={"message_key": letter.key},
            **_fifo(sink.to, letter.key),
        )
        return str(said["MessageId"])

    return answered(sink, "SNS", publish)


def _fifo(topic: str, key: str) -> dict[str, Any]:
    return {"message_deduplication_id": key, "message_group_id": "alerts"} if topic.endswith(".fifo") else {}
