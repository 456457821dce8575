"""Checks a database's address: the drivers and parameters that it may name, and the part that may be shown.

Drivers take parameters that read local files, name another server than the host, or run statements. What is listed here
does neither; anything else is refused by its name and without its value, which may be a secret.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from sqlalchemy import exc
from sqlalchemy.engine import URL, make_url

from include.errors import SettingsError
from include.sources.database.credentials import Credentials

_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    # How Airflow and other tools write it; the same server, and the same parameters, through libpq.
    "postgresql+psycopg2": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mysql+pymysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "mariadb+pymysql": "mysql+pymysql",
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
}
"""Driver that is used for each driver that an address may name."""

# Left out of libpq's: hostaddr, port, a second host (another server than the one that certificate and password belong
# to), service and servicefile (set all others), passfile, sslkey, sslcert, sslpassword (files of this account; who
# needs them sets PGPASSFILE, PGSSLKEY and PGSSLCERT for it), replication, and whatever is not needed.
# Left out of PyMySQL's: local_infile (the server asks for any file and gets it), client_flag (switches that on, too),
# init_command, read_default_file, ssl_key, ssl_cert, auth_plugin_map, conv, cursorclass.
PARAMETERS: Mapping[str, frozenset[str]] = {
    "postgresql": frozenset(
        {
            "host",  # the folder of a socket on this machine, where the address names no server
            "options",  # the session's settings below
            "application_name",
            "connect_timeout",
            "keepalives",
            "keepalives_idle",
            "keepalives_interval",
            "keepalives_count",
            "tcp_user_timeout",
            "target_session_attrs",
            "channel_binding",
            "gssencmode",
            "require_auth",
            "sslmode",
            "sslrootcert",
            "sslnegotiation",
            "ssl_min_protocol_version",
        }
    ),
    "mysql": frozenset(
        {
            "unix_socket",  # as host above
            "charset",
            "connect_timeout",
            "read_timeout",
            "write_timeout",
            "program_name",
            "ssl_ca",
            "ssl_check_hostname",
            "ssl_verify_cert",
            "ssl_verify_identity",
        }
    ),
    "sqlite": frozenset({"mode", "timeout"}),
}
"""Names of the parameters that an address may have, by kind of database."""

SESSION_SETTINGS = frozenset({"search_path", "role", "statement_timeout", "lock_timeout", "datestyle", "timezone"})
"""Settings that PostgreSQL's `options` may contain, each as `-cname=value`: schema, role, time limits and formats."""

_SOCKETS = {"postgresql": "host", "mysql": "unix_socket"}
_LARGEST_PORT = 65_535
# The server splits at blanks and takes a backslash for an escape: without either it reads what is read here.
_SETTING = re.compile(r"(?:^|\s)-c\s*(\w+)=[^\s\\]+", re.ASCII)
_SETTINGS = re.compile(rf"(?:{_SETTING.pattern})+\s*", re.ASCII)


def parse_url(uri: str) -> URL:
    """The parts of a database's address, with the driver the environment holds where it names none.

    Raises
    ------
    SettingsError
        When it is no address of a database, its driver is another one, or it has a parameter that is not allowed. The
        address is never shown.
    """
    try:
        url = make_url(uri)
    except (exc.ArgumentError, ValueError):
        raise SettingsError(
            "the database's address cannot be read: write postgresql+psycopg://user:password@host:5432/bank, "
            "mysql+pymysql://user:password@host/bank or sqlite:////folder/bank.db; percent-encode @ : / % in a password"
        ) from None
    url = url.set(drivername=_driver(url))
    _require_plain(url)
    _require_allowed(url)
    if url.get_backend_name() in _SOCKETS:
        _require_one_server(url)
    if options := url.query.get("options"):
        _require_settings(str(options))
    return url


def _driver(url: URL) -> str:
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        raise SettingsError(
            f"there is no driver {url.drivername!r} for a database's address: use postgresql+psycopg:, mysql+pymysql: "
            "or sqlite:"
        )
    return driver


def _require_plain(url: URL) -> None:
    """A NUL or line break, also a percent-encoded one, ends in a driver's own error or cuts what follows off."""
    parts = (url.username, url.password, url.host, url.database, *url.query.values())
    if any(unicodedata.category(c) == "Cc" for part in parts if part for c in str(part)):
        raise SettingsError(
            "the database's address holds a control character (a NUL, a tab or a line break), maybe percent-encoded: "
            "write it without"
        )
    if url.port is not None and not 0 < url.port <= _LARGEST_PORT:
        raise SettingsError(f"the database's address has a port out of range: give one from 1 to {_LARGEST_PORT}")


def _require_allowed(url: URL) -> None:
    allowed = PARAMETERS[url.get_backend_name()] | _own_parameters(url)
    if refused := sorted(url.query.keys() - allowed):
        raise SettingsError(
            f"the database's address has parameters that are not allowed: {', '.join(map(repr, refused))}. Allowed for "
            f"{url.get_backend_name()} are {', '.join(sorted(allowed))}, and of the bank rounding, zone and holidays"
        )
    if doubled := sorted(name for name, value in url.query.items() if not isinstance(value, str)):
        raise SettingsError(f"the database's address gives {', '.join(doubled)} more than once: keep one of each")
    if url.query.get("mode", "ro") != "ro":
        raise SettingsError("the database's address gives a mode other than ro: a source is only ever read")


def _own_parameters(url: URL) -> frozenset[str]:
    """Those that no driver sees."""
    return frozenset() if url.get_backend_name() == "sqlite" else Credentials.PARAMETERS


def _require_one_server(url: URL) -> None:
    """One host, in its place, or the socket of a server on this machine."""
    name = _SOCKETS[url.get_backend_name()]
    socket = str(url.query.get(name, ""))
    if socket and (url.host or not socket.startswith("/") or "," in socket):
        raise SettingsError(
            f"the database's address gives its server by the parameter {name!r}, which is only for the folder of a "
            "socket on this machine (an absolute path) where no host is given: write the host after the @"
        )
    if "," in (url.host or ""):
        raise SettingsError("the database's address names several hosts: name one")


def _require_settings(options: str) -> None:
    names = {name.lower() for name in _SETTING.findall(options)}
    if not _SETTINGS.fullmatch(options) or names - SESSION_SETTINGS:
        raise SettingsError(
            "the database's address has `options` that are not allowed: each is -cname=value without blanks (as "
            f"?options=-csearch_path%3Dbank), and the names allowed are {', '.join(sorted(SESSION_SETTINGS))}"
        )
