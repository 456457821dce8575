"""Saved views: filters of the queue that a person keeps under names."""

from __future__ import annotations

import json

import sqlalchemy as sa

from include.cases.refusals import CaseRefusedError
from include.cases.tables import VIEWS
from include.cases.views import QueueFilter, SavedView

MOST_VIEWS = 30
"""Views of a person: what a list shows at once. A decision."""
LONGEST_NAME = 60


def views_of(connection: sa.Connection, who: str) -> list[SavedView]:
    """A person's views, by name."""
    rows = connection.execute(sa.select(VIEWS).where(VIEWS.c.who == who).order_by(VIEWS.c.name))
    return [SavedView(row.name, QueueFilter.of_dict(json.loads(row.wanted))) for row in rows]


def save(connection: sa.Connection, who: str, view: SavedView) -> None:
    """Keep a view; one of the same name is replaced."""
    name = view.name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise CaseRefusedError(f"a view's name has 1 to {LONGEST_NAME} characters: give it another one")
    forget(connection, who, name)
    if (connection.scalar(sa.select(sa.func.count()).where(VIEWS.c.who == who)) or 0) >= MOST_VIEWS:
        raise CaseRefusedError(f"you have {MOST_VIEWS} views, which is as many as are kept: remove one first")
    row = {"who": who, "name": name, "wanted": json.dumps(view.wanted.as_dict())}
    connection.execute(sa.insert(VIEWS), row)


def forget(connection: sa.Connection, who: str, name: str) -> None:
    """Remove a view."""
    connection.execute(sa.delete(VIEWS).where(VIEWS.c.who == who, VIEWS.c.name == name))
