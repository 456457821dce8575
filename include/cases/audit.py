"""The audit log: who looked at which account, exported what, decided what.

It only grows: the database refuses changes and removals, each entry carries a keyed digest of itself and of the entry
before it, and the number of entries is kept beside the key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from include.settings import Settings


@dataclass(frozen=True)
class AuditEntry:
    """One entry of the log.

    Attributes
    ----------
    number
        Its place, from 1.
    at, who, action
        When somebody did what: `viewed`, `exported`, `unsealed`, `claimed`, `decided` and so on.
    subject
        Opaque id of what it was about: a case, a finding, a night; empty for none.
    account
        Keyed digest of the account that it was about; empty for none.
    detail
        Further facts, without identifiers.
    digest
        Keyed digest of the entry and of the digest before it.
    """

    number: int
    at: datetime
    who: str
    action: str
    subject: str
    account: str
    detail: Mapping[str, Any]
    digest: str


class AuditLog:
    """The audit log of one lake."""

    @classmethod
    def open(cls, lake_uri: str, settings: Settings) -> Self:
        """The log beside a lake's catalog, which is made where there is none.

        Raises
        ------
        IntegrityError
            When the lake's keys cannot be used.
        """
        raise NotImplementedError

    def record(
        self,
        who: str,
        action: str,
        subject: str,
        now: datetime,
        *,
        account: int | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> int:
        """Add an entry, and give its number.

        Parameters
        ----------
        who, action, subject, now
            As in `AuditEntry`.
        account
            Number of the account that it is about; only its keyed digest is kept.
        detail
            Further facts, as JSON has them; no identifier of a person, an account or a posting.
        """
        raise NotImplementedError

    def entries(self, first: int = 1, last: int | None = None) -> Iterator[AuditEntry]:
        """Entries by their numbers, the oldest first."""
        raise NotImplementedError

    def entries_about(self, account: int) -> Iterator[AuditEntry]:
        """Entries about one account, the oldest first."""
        raise NotImplementedError

    def faults(self) -> list[str]:
        """A sentence on each entry that is not as it was written, and on entries that are missing."""
        raise NotImplementedError
