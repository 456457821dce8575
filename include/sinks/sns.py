"""An SNS topic, by an AWS connection; the parcel's key is an attribute, and deduplicates messages of a FIFO topic."""

from __future__ import annotations

from typing import Any

from airflow.providers.amazon.aws.hooks.sns import SnsHook
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from include.alerting.letter import Letter
from include.alerting.store import Answer
from include.settings import AlertSink
from include.sinks.answers import CONNECT_SECONDS, READ_SECONDS, failed, no_connection

_SUBJECT_LENGTH = 99  # SNS takes fewer than 100 characters


def send_to_sns(sink: AlertSink, letter: Letter) -> Answer:
    """Publish a parcel to the sink's topic."""
    limits = Config(connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": 1})
    region = (sink.to.split(":") + [""] * 4)[3]
    try:
        hook = SnsHook(aws_conn_id=sink.connection, region_name=region, config=limits)  # type: ignore[no-untyped-call]
        said = hook.publish_to_target(
            sink.to,
            letter.text,
            subject=letter.subject[:_SUBJECT_LENGTH],
            message_attributes={"message_key": letter.key},
            **_fifo(sink.to, letter.key),
        )
    except AirflowNotFoundException:
        return no_connection(sink)
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "an error"))
        is_up = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500) < 500
        return Answer(is_taken=False, is_up=is_up, text=f"SNS refused it: {code}")
    except (BotoCoreError, OSError, AirflowException) as error:
        return failed(error)
    return Answer(is_taken=True, is_up=True, text=f"taken by SNS as {said['MessageId']}")


def _fifo(topic: str, key: str) -> dict[str, Any]:
    return {"message_deduplication_id": key, "message_group_id": "alerts"} if topic.endswith(".fifo") else {}
