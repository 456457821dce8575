"""Opens a sink by its name in the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from threading import Thread

from include.alerting.drain import Send
from include.alerting.letter import Letter
from include.alerting.store import Answer
from include.errors import SettingsError
from include.settings import AlertSink, Settings
from include.sinks.email import send_email
from include.sinks.ses import send_by_ses
from include.sinks.slack import send_to_slack
from include.sinks.sns import send_to_sns
from include.sinks.webhook import send_to_webhook

LONGEST_SECONDS = 60
"""Longest time of one try: the limits of connecting and reading, four times over."""

_SENDERS: Mapping[str, Callable[..., Send]] = {
    "email": lambda sink, _: partial(send_email, sink),
    "ses": lambda sink, _: partial(send_by_ses, sink),
    "slack": lambda sink, _: partial(send_to_slack, sink),
    "sns": lambda sink, _: partial(send_to_sns, sink),
    "webhook": lambda sink, may_be_private: partial(send_to_webhook, sink, may_be_private=may_be_private),
}


def open_sink(name: str, settings: Settings) -> Send:
    """The sink of a name.

    Raises
    ------
    SettingsError
        When the settings name no such sink.
    """
    sink: AlertSink | None = settings.alert_sinks.get(name)
    if sink is None:
        raise SettingsError(
            f"there is no sink {name!r} to send messages to; the installation has "
            f"{', '.join(sorted(settings.alert_sinks)) or 'none'}: name it in ADS_ALERT_SINKS",
            setting="alert_sinks",
        )
    return _limited(_SENDERS[sink.kind](sink, settings.alert_private_addresses))


def _limited(send: Send) -> Send:
    """The sink, given up where it does not come to an end, as one that drips its answer byte by byte."""

    def sent(letter: Letter) -> Answer:
        answer: Future[Answer] = Future()
        # Not one that the process waits for at its end.
        Thread(target=_settle, args=(answer, send, letter), daemon=True).start()
        try:
            return answer.result(LONGEST_SECONDS)
        except TimeoutError:
            return Answer(is_taken=False, is_up=False, text=f"no answer within {LONGEST_SECONDS} seconds")

    return sent


def _settle(answer: Future[Answer], send: Send, letter: Letter) -> None:
    try:
        answer.set_result(send(letter))
    except Exception as error:
        answer.set_exception(error)
