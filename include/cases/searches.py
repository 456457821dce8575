"""Searches by an account or a posting, which a person keeps for a day under a random name.

An address is written into logs and sent to colleagues: it holds that name, which means something to this person alone.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from include.cases.acts import Act, as_id
from include.cases.refusals import CaseRefusedError
from include.cases.tables import SEARCHES

KEPT = timedelta(days=1)
"""Time for which a search is kept: a working day with an open page. A decision."""
_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class NamedSearch:
    """What somebody searches by.

    Attributes
    ----------
    account, posting
        Numbers; None for what is not asked for.
    """

    account: int | None = None
    posting: int | None = None


def keep(act: Act, search: NamedSearch) -> str:
    """Keep a search, and give its name; searches whose time is over go.

    Raises
    ------
    CaseRefusedError
        When a number is larger than any account or posting can have.
    """
    if max(search.account or 0, search.posting or 0) > _LARGEST:
        raise CaseRefusedError("no account and no posting has so large a number: write it as the bank does")
    token = uuid.uuid4().hex
    row = {"token": token, "who": act.who, "at": act.now, "account": search.account, "posting": search.posting}
    act.connection.execute(sa.delete(SEARCHES).where(SEARCHES.c.at <= act.now - KEPT))
    act.connection.execute(sa.insert(SEARCHES), row)
    asked = [name for name in ("account", "posting") if row[name] is not None]
    act.audited = act.chain.append(
        act.connection, act.who, "searched", token, act.now, account=search.account, detail={"by": " and ".join(asked)}
    )
    return token


def kept(connection: sa.Connection, token: str, who: str, now: datetime) -> NamedSearch | None:
    """The search of a name; None where it is somebody else's, or its time is over."""
    mine = (SEARCHES.c.token == as_id(token), SEARCHES.c.who == who, SEARCHES.c.at > now - KEPT)
    found = connection.execute(sa.select(SEARCHES).where(*mine)).first()
    return None if found is None else NamedSearch(found.account, found.posting)
