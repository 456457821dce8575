"""Opens a sink by its name in the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from include.alerting.drain import Send
from include.errors import SettingsError
from include.settings import AlertSink, Settings
from include.sinks.email import send_email
from include.sinks.slack import send_to_slack
from include.sinks.sns import send_to_sns
from include.sinks.webhook import send_to_webhook

_SENDERS: Mapping[str, Callable[..., Send]] = {
    "email": lambda sink, _: partial(send_email, sink),
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
    return _SENDERS[sink.kind](sink, settings.alert_private_addresses)
