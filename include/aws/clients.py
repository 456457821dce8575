"""Clients of AWS's services, with the endpoints, region and credentials that AWS's own client finds."""

from __future__ import annotations

from typing import Any

from include.aws.endpoints import require_tls

# A service of AWS in reach accepts a connection within a second. No single request of ours reads for a minute.
_CONNECT_SECONDS = 5
_READ_SECONDS = 60
# AWS's own default of its mode `standard`, which pauses between tries and tries only what may pass.
_ATTEMPTS = 3


def client(service: str, *, attempts: int = _ATTEMPTS, region: str | None = None) -> Any:  # noqa: ANN401 - boto3 makes its clients' classes while it runs
    """A client of one service.

    Parameters
    ----------
    service
        Name of the service as boto3 knows it, such as `s3`.
    attempts
        Tries of one request in all; 1 where a repetition that the caller does not see would do harm.
    region
        Name of the region, where the request's subject has one of its own; the environment's when None.

    Raises
    ------
    SettingsError
        When the endpoint is another machine's and has no TLS.
    """
    # Together they take half a second, which an installation without AWS does not spend.
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    made = boto3.client(service, region_name=region, config=config)
    require_tls(service, made.meta.endpoint_url)
    return made
