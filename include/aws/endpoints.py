"""Endpoints of AWS's interfaces: only TLS is spoken, but with a stand-in on this machine."""

from __future__ import annotations

import functools
import ipaddress
import logging
from urllib.parse import urlsplit

from include.errors import SettingsError

_LOG = logging.getLogger(__name__)


@functools.cache
def require_tls(service: str, endpoint: str, verify: bool | str | None = None) -> None:
    """See that a service is spoken to through TLS; an endpoint on this machine is exempt, which is logged once.

    Parameters
    ----------
    service
        Name of the service as boto3 knows it.
    endpoint
        Address that its client speaks to.
    verify
        How its client was told to check certificates, as Airflow's connections may say: False for not at all.

    Raises
    ------
    SettingsError
        When the endpoint is another machine's and has no TLS, or no certificate is checked.

    >>> require_tls("s3", "https://s3.eu-central-1.amazonaws.com")
    """
    split = urlsplit(endpoint)
    if split.scheme == "https":
        if verify is False:
            raise SettingsError(
                f"the connection to {service} checks no certificate (`verify` is false in its extra), so that anybody "
                "may answer as AWS: leave it out, or name the authorities' file there",
                place=endpoint,
            )
        return
    if not _is_loopback(split.hostname or ""):
        raise SettingsError(
            f"the endpoint of {service} is {endpoint}, which would carry the bank's records without TLS: give an "
            f"https: address in AWS_ENDPOINT_URL_{service.upper()} or AWS_ENDPOINT_URL, or none for AWS's own; only an "
            "endpoint on this machine may do without",
            place=endpoint,
        )
    _LOG.warning("%s is spoken to without TLS at %s, as it is on this machine", service, endpoint)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
