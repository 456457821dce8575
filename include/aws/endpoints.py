"""Endpoints of AWS's interfaces: only TLS is spoken, but with a stand-in on this machine."""

from __future__ import annotations

import functools
import ipaddress
import logging
from urllib.parse import urlsplit

from include.errors import SettingsError

_LOG = logging.getLogger(__name__)


@functools.cache
def require_tls(service: str, endpoint: str) -> None:
    """See that a service is spoken to through TLS; an endpoint on this machine is exempt, which is logged once.

    Raises
    ------
    SettingsError
        When the endpoint is another machine's and has no TLS.

    >>> require_tls("s3", "https://s3.eu-central-1.amazonaws.com")
    """
    split = urlsplit(endpoint)
    if split.scheme == "https":
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
