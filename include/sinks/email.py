"""Mail through an SMTP connection; its Message-ID is made of the parcel's key, by which a repetition is known."""

from __future__ import annotations

import smtplib

from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException

from include.alerting.letter import Letter
from include.alerting.store import Answer
from include.settings import AlertSink
from include.sinks.answers import failed, no_connection


class _OneTry(SmtpHook):
    """Sends once: what is tried again is recorded, and not tried again here."""

    @property
    def smtp_retry_limit(self) -> int:
        return 0


def send_email(sink: AlertSink, letter: Letter) -> Answer:
    """Send a parcel to the sink's recipients as one mail."""
    try:
        SmtpHook.get_connection(sink.connection)
    except AirflowNotFoundException:
        return no_connection(sink)
    try:
        with _OneTry(sink.connection) as hook:
            _send(hook, sink, letter)
    except smtplib.SMTPResponseException as error:
        # 5xx is for good, 4xx for now (RFC 5321, section 4.2.1).
        return Answer(is_taken=False, is_up=error.smtp_code >= 500, text=f"{error.smtp_code} by the mail server")
    except smtplib.SMTPRecipientsRefused:
        return Answer(is_taken=False, is_up=True, text="the mail server refused every recipient")
    except (OSError, AirflowException) as error:
        return failed(error)
    return Answer(is_taken=True, is_up=True, text="taken by the mail server")


def _send(hook: SmtpHook, sink: AlertSink, letter: Letter) -> None:
    sender = hook.from_email or ""
    domain = sender.rpartition("@")[2].rstrip("> ") or "localhost"
    hook.send_email_smtp(
        to=[each.strip() for each in sink.to.split(",")],
        subject=letter.subject,
        html_content=letter.html,
        # A mail program that answers by itself leaves such mail alone (RFC 3834).
        custom_headers={"Message-ID": f"<{letter.key}@{domain}>", "Auto-Submitted": "auto-generated"},
    )
