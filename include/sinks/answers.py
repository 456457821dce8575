"""What sinks answer, in the words of the store of deliveries."""

from __future__ import annotations

from include.alerting.store import Answer
from include.connections import why_unread
from include.settings import AlertSink

CONNECT_SECONDS, READ_SECONDS = 5, 10
"""Longest times in which a sink must take a connection, and say something; what needs longer is taken for down."""


def no_connection(sink: AlertSink) -> Answer:
    """The answer where the connection of a sink was not to be had."""
    return not_had(sink.connection, sink.kind, "ADS_ALERT_SINKS")


def not_had(connection: str, kind: str, setting: str) -> Answer:
    """The answer where a secrets backend does not give a connection, or Airflow has none of that name.

    Parameters
    ----------
    connection
        Id of the connection.
    kind
        What it is for.
    setting
        Name of the setting that names it.
    """
    missing = f"Airflow has no connection {connection!r}: make it (type for {kind}), or correct {setting}"
    return Answer(is_taken=False, is_up=False, text=str(why_unread(connection) or missing))


def failed(error: Exception) -> Answer:
    """The answer where nothing came back; the kind of the failure alone, as its text may hold an address with a key."""
    return Answer(is_taken=False, is_up=False, text=f"no answer ({type(error).__name__})")
