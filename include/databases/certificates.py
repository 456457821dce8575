"""What is wrong with a server's certificate, as a sentence; the drivers' own words leave it out or bury it."""

from __future__ import annotations

import re
import socket
import ssl
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import event, exc
from sqlalchemy.engine import URL, Engine, ExceptionContext

from include.databases.tls import Guarded, context_of, public_uri, way_of
from include.errors import SettlementError

# Seen on libpq 18 and PyMySQL 2.2: what they say where TLS is not had, or where a certificate is not to be trusted.
_NO_TLS = re.compile(r"does not support SSL|server doesn't support it")
_DISTRUST = re.compile(r"certificate verify failed|signature failure|does not match host name")
# OpenSSL's own words for it, by which one is told from another.
_REASONS: Mapping[str, tuple[str, str]] = {
    r"has expired": ("has expired", "have it renewed"),
    r"not yet valid": ("is not valid yet", "set this machine's clock, or have the certificate renewed"),
    r"[Hh]ostname mismatch|IP address mismatch|does not match host name": (
        "is for another host",
        "write the host as the certificate names it, or have one made for this name",
    ),
    r"self-signed certificate$": (
        "nobody vouches for but itself (it is self-signed)",
        "have one signed by an authority, and name the authority's file in ADS_DATABASE_AUTHORITIES",
    ),
    r"": (
        "none of the known authorities has signed",
        "name the file with the authority's certificate in ADS_DATABASE_AUTHORITIES (for RDS the global bundle)",
    ),
}
# libpq's first message where it asks for TLS: its length, and a number that stands for the wish.
_TLS_PLEASE = struct.pack("!II", 8, 80877103)
_LOOK_SECONDS = 5


@contextmanager
def certificates_told(reach: Guarded, error: type[SettlementError]) -> Iterator[None]:
    """Raise a server's lack of TLS, or of a certificate that can be trusted, as an error that says what mends it.

    Parameters
    ----------
    reach
        How the server is reached.
    error
        Kind of the error.
    """
    try:
        yield
    except exc.DBAPIError as refused:
        if sentence := _distrust(refused.orig, reach):
            raise error(sentence, place=public_uri(reach.url)) from None
        raise


def tell_certificates(engine: Engine, reach: Guarded, error: type[SettlementError]) -> None:
    """As `certificates_told`, for every connection that an engine makes."""

    def told(context: ExceptionContext) -> None:
        if sentence := _distrust(context.original_exception, reach):
            raise error(sentence, place=public_uri(reach.url)) from None

    event.listen(engine, "handle_error", told)


def _distrust(refused: BaseException | None, reach: Guarded) -> str | None:
    """What keeps a server from being trusted, None where a driver's error is about something else."""
    words, place = str(refused), public_uri(reach.url)
    if _NO_TLS.search(words):
        return _without_tls(place, reach)
    return _untrusted(place, _reason(words, reach), reach.authorities) if _DISTRUST.search(words) else None


def _without_tls(place: str, reach: Guarded) -> str:
    return (
        f"{place} offers no TLS, and {reach.level} is asked of it: switch TLS on at the server. Nothing was sent to "
        "it; ADS_DATABASE_TLS=off would let passwords and records go in the clear"
    )


def _untrusted(place: str, reason: str, authorities: Path | None) -> str:
    what, mend = next(told for pattern, told in _REASONS.items() if re.search(pattern, reason))
    known = authorities or "the system's own"
    return f"{place} shows a certificate that {what}: {mend}. The authorities are {known}; nothing was sent to it"


def _reason(words: str, reach: Guarded) -> str:
    """OpenSSL's words for what is wrong; libpq keeps them to itself, so that the certificate is looked at once more."""
    if found := re.search(r"certificate verify failed: (.+?) ?\(_ssl", words):
        return found[1]
    return words if "does not match" in words else _seen(reach.url, reach.authorities)


def _seen(url: URL, authorities: Path | None) -> str:
    """What Python says of a PostgreSQL server's certificate; empty where it cannot look or finds nothing wrong."""
    try:
        with socket.create_connection(way_of(url), _LOOK_SECONDS) as plain:
            plain.sendall(_TLS_PLEASE)
            plain.recv(1)
            with context_of("verify-full", authorities).wrap_socket(plain, server_hostname=url.host):
                return ""
    except ssl.SSLCertVerificationError as error:
        return str(error.verify_message)
    except OSError:
        return ""
