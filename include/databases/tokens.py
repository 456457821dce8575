"""Tokens of AWS's identity management (IAM), with which a server of RDS lets a user in for fifteen minutes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

DEFAULT_PORTS = {"postgresql": 5432, "mysql": 3306}
"""Ports of the servers by kind of database, where an address names none; a token is signed for one."""


def aws_token(url: URL, region: str = "") -> str:
    """A token for the address's user, signed by this process's own AWS credentials.

    Parameters
    ----------
    url
        Address of the database.
    region
        AWS region of the server; AWS's own client finds one where it is empty.

    Raises
    ------
    TransientError
        When there are no credentials or no region now.
    """
    from include.aws.clients import client

    port = url.port or DEFAULT_PORTS[url.get_backend_name()]
    where = {"Region": region} if region else {}
    with token_told():
        token: str = client("rds").generate_db_auth_token(
            DBHostname=url.host, Port=port, DBUsername=url.username, **where
        )
    return token


def token_told() -> AbstractContextManager[None]:
    """Raise what keeps AWS's own client from signing a token as an error that says what mends it."""
    from include.aws.refusals import told

    return told(
        "the token for the database's server",
        "Give this process a role of AWS that may do rds-db:connect, and a region",
    )
