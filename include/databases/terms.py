"""The terms on which a database's server is dealt with, as the installation sets them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

TlsLevel = Literal["off", "require", "verify-full"]
"""What is asked of a connection: nothing, TLS with whomever, TLS with a server whose certificate is checked."""

# The totals of a million rows take a second: enough for a hundred million, and for a lock's minute before them.
TIMEOUT_SECONDS = 300
"""Longest time that a database may say nothing, where the installation sets no other."""


@dataclass(frozen=True)
class ServerTerms:
    """What is asked of a server, and how long it is waited for.

    Attributes
    ----------
    tls
        Least that is asked of a connection which leaves this machine.
    authorities
        File with the certificates of the authorities that servers' certificates are checked with; those of the system
        where there is none.
    timeout_seconds
        Longest time that the server may say nothing.
    """

    tls: TlsLevel = "verify-full"
    authorities: Path | None = None
    timeout_seconds: float = TIMEOUT_SECONDS


STRICT = ServerTerms()
"""The terms of an installation that sets none."""
