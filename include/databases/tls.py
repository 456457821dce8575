"""TLS to a database's server: what an address asks for, whether that is enough, and the driver's arguments for it.

A connection that stays on this machine (a socket, a loopback address) is exempt. Any other has to be encrypted, with a
server whose certificate is checked, unless the installation asks for less.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, get_args

from sqlalchemy.engine import URL

from include.databases.terms import ServerTerms, TlsLevel
from include.errors import SettingsError

_LOG = logging.getLogger(__name__)

_RANK = {level: rank for rank, level in enumerate(get_args(TlsLevel))}
# libpq's levels by what they come to; `verify-ca` lets a server of any name in that the authority signed.
_SSL_MODES: Mapping[str, TlsLevel] = {
    "disable": "off",
    "allow": "off",
    "prefer": "off",
    "require": "require",
    "verify-ca": "require",
    "verify-full": "verify-full",
}
# PyMySQL's parameters that take something off the check, when they are off.
_MYSQL_CHECKS = ("ssl_check_hostname", "ssl_verify_cert", "ssl_verify_identity")
_MYSQL_PARAMETERS = ("ssl_ca", *_MYSQL_CHECKS)
_OFF = frozenset({"0", "false", "no", "off", "none", ""})
# Older ones are broken (RFC 8996), and no server of a bank has nothing newer.
_BROKEN_PROTOCOLS = frozenset({"TLSv1", "TLSv1.1"})
_OLDEST_PROTOCOL = "TLSv1.2"
# Parameters by which a driver goes to another server than the address's, or takes TLS from somewhere else.
_DETOURS: Mapping[str, frozenset[str]] = {
    "postgresql": frozenset({"hostaddr", "service", "servicefile"}),
    "mysql": frozenset({"host", "port", "read_default_file", "read_default_group", "ssl_disabled"}),
}
# libpq's name for the authorities that the system trusts. The driver brings a TLS of its own, which looks for them in a
# folder that no system has, so that the file is named where Python's knows it.
_SYSTEM = "system"


@dataclass(frozen=True)
class Guarded:
    """An address with the TLS that is asked of its server.

    Attributes
    ----------
    url
        Address for the driver.
    arguments
        What the driver is told beside the address.
    level
        What the connection is held to.
    authorities
        File that the certificate is checked with; None for the system's.
    """

    url: URL
    arguments: Mapping[str, Any]
    level: TlsLevel
    authorities: Path | None = None


def guarded(url: URL, terms: ServerTerms, *, always: bool = False) -> Guarded:
    """An address with the TLS that the terms ask of its server.

    Parameters
    ----------
    url
        Address of a database. It is never shown.
    terms
        What the installation asks for.
    always
        Whether this machine is no exception: a token goes as it is, where a password goes as its digest.

    Raises
    ------
    SettingsError
        When the address asks for less, or the file with the authorities is not there.
    """
    backend = url.get_backend_name()
    if backend not in ("postgresql", "mysql"):
        return Guarded(url, {}, "off")
    if always or terms.tls != "off":
        _require_one_way(url)
    asked = _asked_of_postgres(url) if backend == "postgresql" else _asked_of_mysql(url)
    least = _least(url, terms, always=always)
    if asked is not None and _RANK[asked] < _RANK[least]:
        raise SettingsError(_too_little(url, least), setting="database_tls")
    level = asked or least
    authorities = _authorities(url, terms)
    return _with_libpq(url, level, authorities) if backend == "postgresql" else _with_pymysql(url, level, authorities)


def public_uri(url: URL) -> str:
    """The address without user, password, driver and parameters.

    >>> from sqlalchemy.engine import make_url
    >>> public_uri(make_url("postgresql+psycopg://me:secret@db.bank:5433/core?sslmode=require"))
    'postgresql://db.bank:5433/core'
    """
    backend = url.get_backend_name()
    if backend == "sqlite":
        return f"sqlite:///{Path(url.database or '').resolve()}"
    port = f":{url.port}" if url.port else ""
    return f"{backend}://{url.host or ''}{port}/{url.database or ''}"


def stays_here(url: URL) -> bool:
    """Whether the connection goes over a socket or a loopback address; a name is none but `localhost`.

    >>> from sqlalchemy.engine import make_url
    >>> [stays_here(make_url(f"mysql://u@{host}/b")) for host in ("localhost", "127.0.0.9", "[::1]", "db.bank")]
    [True, True, True, False]
    """
    return all(_is_here(host) for host in _hosts(url))


def has_no_network(url: URL) -> bool:
    """Whether the database is a file, or its server is reached over a socket.

    >>> from sqlalchemy.engine import make_url
    >>> has_no_network(make_url("sqlite:////bank.db")), has_no_network(make_url("mysql://u@localhost/b"))
    (True, False)
    """
    backend = url.get_backend_name()
    if backend == "mysql":
        return bool(url.query.get("unix_socket"))
    return backend == "sqlite" or _hosts(url)[0].startswith(("/", "@"))


def _hosts(url: URL) -> tuple[str, ...]:
    """The server's name and, where the environment gives libpq one, the address that it goes to instead."""
    if url.get_backend_name() == "mysql":
        return ("" if url.query.get("unix_socket") else url.host or "",)
    named = url.host or str(url.query.get("host", "")) or _libpq_default("host")
    return (named,) if named.startswith("/") else (named, _libpq_default("hostaddr"))


def way_of(url: URL) -> tuple[str, int]:
    """Where a PostgreSQL server that is reached over the network listens."""
    name, address = _hosts(url)
    return address or name, url.port or int(_libpq_default("port"))


def _is_here(host: str) -> bool:
    if host.startswith(("/", "@")) or host in ("", "localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _libpq_default(name: str) -> str:
    """The value that libpq takes for a parameter that an address does not give."""
    from psycopg.pq import Conninfo

    values = [option.val or b"" for option in Conninfo.get_defaults() if option.keyword == name.encode()]
    return values[0].decode() if values else ""


def _asked_of_postgres(url: URL) -> TlsLevel | None:
    mode = url.query.get("sslmode")
    if mode is None:
        return None
    if mode not in _SSL_MODES:
        raise SettingsError(
            f"the database's address has a sslmode that there is none of: use one of {', '.join(_SSL_MODES)}",
            setting="sslmode",
        )
    return _SSL_MODES[str(mode)]


def _asked_of_mysql(url: URL) -> TlsLevel | None:
    given = {name: str(url.query[name]).lower() for name in _MYSQL_PARAMETERS if name in url.query}
    if not given:
        return None
    return "require" if any(given.get(name) in _OFF for name in _MYSQL_CHECKS) else "verify-full"


def _require_one_way(url: URL) -> None:
    """What is judged by its host goes to that host; sources' addresses know none of these parameters in any case."""
    refused = set(_DETOURS[url.get_backend_name()] & url.query.keys())
    if url.host and "host" in url.query:
        refused.add("host")
    if refused:
        raise SettingsError(
            f"the database's address gives {', '.join(sorted(refused))}, by which the driver goes to another server "
            "than the one after the @, or passes TLS over: leave it out and write the server after the @",
            setting="database_tls",
        )


def _least(url: URL, terms: ServerTerms, *, always: bool) -> TlsLevel:
    if always:
        _require_no_detour(url)
        return max(terms.tls, "require", key=lambda level: _RANK[level])
    if stays_here(url):
        _say_exempt(url.host or "a socket")
        return "off"
    if terms.tls != "off":
        _require_no_detour(url)
    return terms.tls


@cache
def _say_exempt(place: str) -> None:
    """Once in a process."""
    _LOG.info("The database at %s is on this machine: no TLS is asked of it", place)


def _require_no_detour(url: URL) -> None:
    """Kerberos' encryption goes before TLS, which then checks nothing; broken versions of TLS protect nothing."""
    if url.query.get("gssencmode", "disable") != "disable":
        raise SettingsError(
            "the database's address gives a gssencmode, with which the connection may go without TLS: leave it out, or "
            "let ADS_DATABASE_TLS=off allow it",
            setting="database_tls",
        )
    if url.query.get("ssl_min_protocol_version") in _BROKEN_PROTOCOLS:
        raise SettingsError(
            "the database's address allows TLS 1.0 or 1.1, which are broken: leave ssl_min_protocol_version out, or "
            "give TLSv1.2 or TLSv1.3",
            setting="database_tls",
        )


def _too_little(url: URL, least: TlsLevel) -> str:
    what = "TLS with a checked certificate" if least == "verify-full" else "TLS"
    mend = "sslmode=verify-full" if url.get_backend_name() == "postgresql" else "ssl_verify_identity=true"
    return (
        f"the address of the database at {url.host or 'this machine'} asks for less than {what}: write {mend}, or "
        "leave the parameters of TLS out. ADS_DATABASE_TLS (verify-full, require or off) says what is asked of servers "
        "that are not on this machine"
    )


def _authorities(url: URL, terms: ServerTerms) -> Path | None:
    """The file of the address, else the installation's."""
    given = str(url.query.get("sslrootcert" if url.get_backend_name() == "postgresql" else "ssl_ca", ""))
    file = None if given in ("", _SYSTEM) else Path(given)
    file = file or (None if given == _SYSTEM else terms.authorities)
    if file is not None and not file.is_file():
        raise SettingsError(
            f"there is no file {file} with the authorities that databases' certificates are checked with: correct "
            "ADS_DATABASE_AUTHORITIES, or the address's sslrootcert or ssl_ca",
            setting="database_authorities",
        )
    return file


def _with_libpq(url: URL, level: TlsLevel, authorities: Path | None) -> Guarded:
    """All of it as parameters, which the address takes."""
    if level == "off":
        return Guarded(url, {}, level)
    query: dict[str, Any] = {**url.query, "gssencmode": "disable"}
    query.setdefault("sslmode", level)
    query.setdefault("ssl_min_protocol_version", _OLDEST_PROTOCOL)  # the environment may name an older one
    if query["sslmode"] in ("verify-ca", "verify-full"):
        query["sslrootcert"] = str(authorities or ssl.get_default_verify_paths().cafile or _SYSTEM)
    ordered = dict(sorted(query.items()))
    return Guarded(url.set(query=ordered), {}, level, authorities)


def _with_pymysql(url: URL, level: TlsLevel, authorities: Path | None) -> Guarded:
    """A context of its own: of the driver's parameters several orders have no check at all."""
    url = url.difference_update_query(_MYSQL_PARAMETERS)
    if level == "off":
        return Guarded(url, {}, level)
    return Guarded(url, {"ssl": context_of(level, authorities)}, level, authorities)


def context_of(level: TlsLevel, authorities: Path | None) -> ssl.SSLContext:
    """What Python's TLS holds a server to."""
    context = ssl.create_default_context(cafile=authorities)
    # As the driver does: from Python 3.13 on certificates would be refused that databases' authorities issue.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if level == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
