"""What SNS and SES share: clients that try once, and what AWS answers in the words of the store of deliveries."""

from __future__ import annotations

from collections.abc import Callable

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowException, AirflowNotFoundException
from botocore.config import Config
from botocore.exceptions import ClientError

from include.alerting.store import Answer
from include.aws.endpoints import require_tls
from include.aws.refusals import UNANSWERED, code_of, is_passing
from include.errors import SettingsError
from include.settings import AlertSink
from include.sinks.answers import CONNECT_SECONDS, READ_SECONDS, failed, no_connection

LIMITS = Config(connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": 1})
"""Configuration of the clients: what is tried again is recorded, and not tried again here."""


def over_tls(hook: AwsBaseHook) -> None:
    """See that a hook speaks TLS and checks certificates, but with a stand-in on this machine.

    Raises
    ------
    SettingsError
        When it does not.
    """
    meta = hook.get_conn().meta
    require_tls(meta.service_model.service_name, meta.endpoint_url, hook.verify)


def answered(sink: AlertSink, service: str, send: Callable[[Connection], str]) -> Answer:
    """The answer of a service of AWS.

    Parameters
    ----------
    sink
        Sink whose connection is used.
    service
        Name of the service, for people.
    send
        Sends by the connection; gives the id of what was taken.
    """
    try:
        # The provider's hooks would go on without it, with whatever credentials the process has.
        connection = BaseHook.get_connection(sink.connection)
        return Answer(is_taken=True, is_up=True, text=f"taken by {service} as {send(connection)}")
    except AirflowNotFoundException:
        return no_connection(sink)
    except SettingsError as error:
        return Answer(is_taken=False, is_up=False, text=str(error))
    except ClientError as error:
        return Answer(is_taken=False, is_up=not is_passing(error), text=f"{service} refused it: {code_of(error)}")
    except (*UNANSWERED, OSError, AirflowException) as error:
        return failed(error)
