"""Logins that an address does not hold: asked for anew for each connection, as tokens end and secrets are rotated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy.engine import URL

from include.connections import login_in
from include.databases.tokens import aws_token

_TRUE = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True)
class Credentials:
    """Where the login of each new connection comes from.

    Attributes
    ----------
    connection
        Airflow's connection that has it; the address itself where it is empty.
    is_token
        Whether the password is a token of IAM.
    region
        AWS region of the server, for a token that is signed by this process's own AWS credentials.
    """

    connection: str = ""
    is_token: bool = False
    region: str = ""

    PARAMETERS: ClassVar[frozenset[str]] = frozenset({"connection", "iam", "region"})
    """Parameters of an address that say so."""

    @classmethod
    def of(cls, url: URL) -> Credentials:
        """What an address says of them."""
        given = {name: str(url.query.get(name, "")) for name in cls.PARAMETERS}
        return cls(given["connection"], given["iam"].lower() in _TRUE, given["region"])

    @property
    def may_change(self) -> bool:
        """Whether another try may come with another login."""
        return self.is_token or bool(self.connection)

    def fresh(self, url: URL) -> URL:
        """The address with the login of the moment.

        Raises
        ------
        SettingsError, SecretError, SecretUnavailableError
            When the connection cannot be read.
        TransientError
            When there are no credentials or no region to sign a token with.
        """
        if self.connection:
            return url.set(**login_in(self.connection)._asdict())
        return url.set(password=aws_token(url, self.region)) if self.is_token else url
