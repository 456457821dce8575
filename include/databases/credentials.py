"""Logins that an address does not hold: asked for anew for each connection, as they change or end.

A token of AWS's identity management (IAM) lasts fifteen minutes, and a secret that is rotated ends whenever it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from include.errors import SettingsError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

_PORTS = {"postgresql": 5432, "mysql": 3306}
_TRUE = frozenset({"1", "true", "yes", "on"})


class Login(NamedTuple):
    """Who comes, and the password or token of the moment."""

    user: str | None
    password: str | None


LoginOf = Callable[[str], Login]
"""Gives the login of the connection of a name as it is now."""


@dataclass
class _Logins:
    """Who knows the logins of connections in this process; nobody on the command line."""

    of: LoginOf | None = None


_LOGINS = _Logins()


def ask_for_logins(of: LoginOf) -> None:
    """Name who knows the logins of connections, for the whole of this process."""
    _LOGINS.of = of


@dataclass(frozen=True)
class Credentials:
    """Where the login of each new connection comes from.

    Attributes
    ----------
    connection
        Name of the connection that has it.
    is_token
        Whether the password is a token that this process's own AWS credentials sign.
    region
        AWS region of the server; AWS's own client finds one where it is empty.
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
    def is_secret_everywhere(self) -> bool:
        """Whether the login goes over TLS even on this machine: a server takes a token as it is, not its digest."""
        return self.is_token

    @property
    def may_change(self) -> bool:
        """Whether another try may come with another login."""
        return self.is_token or bool(self.connection)

    def fresh(self, url: URL) -> URL:
        """The address with the login of the moment.

        Raises
        ------
        SettingsError
            When nobody in this process knows the connection.
        TerminalError
            When AWS's own client has no credentials or region.
        """
        if self.connection:
            return self._from_connection(url)
        return url.set(password=aws_token(url, self.region)) if self.is_token else url

    def _from_connection(self, url: URL) -> URL:
        if _LOGINS.of is None:
            raise SettingsError(
                f"the database's address takes its login from the connection {self.connection!r}, and connections are "
                "Airflow's: play the night there, or give user and password in ADS_SOURCE_URI",
                setting="connection",
            )
        return url.set(**_LOGINS.of(self.connection)._asdict())


def aws_token(url: URL, region: str = "") -> str:
    """A token with which a server of RDS lets the address's user in, signed by this process's own AWS credentials."""
    from include.aws.clients import client
    from include.aws.refusals import told

    where = {"Region": region} if region else {}
    with told(
        "the token for the database",
        "give this process AWS credentials and a region (`region` in the address), with the permission rds-db:connect",
    ):
        token: str = client("rds").generate_db_auth_token(
            DBHostname=url.host,
            Port=url.port or _PORTS[url.get_backend_name()],
            DBUsername=url.username,
            **where,
        )
    return token
