"""Mail through Amazon SES, by an AWS connection.

SES gives each mail a Message-ID of its own, whatever was sent
(https://docs.aws.amazon.com/ses/latest/dg/header-fields.html), so that the parcel's key, by which a repetition is
known, stands in a header of its own.
"""

from __future__ import annotations

from airflow.providers.amazon.aws.hooks.ses import SesHook
from airflow.sdk import Connection

from include.alerting.letter import Letter
from include.alerting.store import Answer
from include.settings import AlertSink
from include.sinks.amazon import LIMITS, answered, over_tls

KEY_HEADER = "X-Message-Key"


def send_by_ses(sink: AlertSink, letter: Letter) -> Answer:
    """Send a parcel to the sink's recipients as one mail, from the address in the connection's extra, `from_email`."""

    def send(connection: Connection) -> str:
        hook = SesHook(aws_conn_id=sink.connection, config=LIMITS)
        over_tls(hook)
        said = hook.send_email(
            mail_from=connection.extra_dejson.get("from_email", ""),
            to=[each.strip() for each in sink.to.split(",")],
            subject=letter.subject,
            html_content=letter.html,
            # A mail program that answers by itself leaves such mail alone (RFC 3834).
            custom_headers={KEY_HEADER: letter.key, "Auto-Submitted": "auto-generated"},
        )
        return str(said["MessageId"])

    return answered(sink, "SES", send)
