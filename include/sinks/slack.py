"""Slack, by an incoming webhook: a connection of type Slack Incoming Webhook."""

from __future__ import annotations

from airflow.providers.slack.hooks.slack_webhook import SlackWebhookHook
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException

from include.alerting.letter import Letter
from include.alerting.store import Answer
from include.settings import AlertSink
from include.sinks.answers import READ_SECONDS, failed, no_connection


def send_to_slack(sink: AlertSink, letter: Letter) -> Answer:
    """Post a parcel; Slack knows no idempotency keys, so that people tell a repetition by the key in its last line."""
    text = f"*{_escaped(letter.subject)}*\n{_escaped(letter.text)}"
    try:
        # Without handlers of its own the client does not try again.
        hook = SlackWebhookHook(slack_webhook_conn_id=sink.connection, timeout=READ_SECONDS, retry_handlers=[])
        hook.send_dict({"text": text, "unfurl_links": False})
    except AirflowNotFoundException:
        return no_connection(sink)
    except (OSError, AirflowException) as error:
        return failed(error)
    return Answer(is_taken=True, is_up=True, text="taken by Slack")


def _escaped(text: str) -> str:
    """The text for Slack, which reads three characters as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
