"""What sinks answer, in the words of the store of deliveries."""

from __future__ import annotations

from include.alerting.store import Answer
from include.settings import AlertSink

CONNECT_SECONDS, READ_SECONDS = 5, 10
"""Longest times in which a sink must take a connection, and say something; what needs longer is taken for down."""


def no_connection(sink: AlertSink) -> Answer:
    """The answer where Airflow has no connection of the name that the settings give."""
    said = f"Airflow has no connection {sink.connection!r}: make it (type for {sink.kind}), or correct ADS_ALERT_SINKS"
    return Answer(is_taken=False, is_up=False, text=said)


def failed(error: Exception) -> Answer:
    """The answer where nothing came back; the kind of the failure alone, as its text may hold an address with a key."""
    return Answer(is_taken=False, is_up=False, text=f"no answer ({type(error).__name__})")
