"""Writes what somebody looked at into the audit, before it is shown."""

from __future__ import annotations

from datetime import UTC, datetime

from include.settings import Settings
from plugins.settlement_console.visitors import Visitor


def audited(
    settings: Settings, visitor: Visitor, action: str, subject: str, *, account: int | None = None, **detail: str | int
) -> None:
    """Write an entry; what it is about may be shown once it stands.

    Parameters
    ----------
    action
        What was done, such as `viewed` or `unsealed`.
    subject
        Opaque id of what it was about.
    account
        Account that it is about; the audit keeps a keyed digest of it.
    **detail
        Further facts, without identifiers.

    Raises
    ------
    IntegrityError
        When the audit cannot be continued.
    """
    # The server loads this module at its start; code that writes is imported only when somebody looks.
    from include.cases.audit import AuditLog

    log = AuditLog.open(settings.lake_uri, settings)
    log.record(visitor.name, action, subject, datetime.now(UTC), account=account, detail=detail)
