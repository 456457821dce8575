"""Sums over the cases that are not closed, which the database makes: a backlog may hold a hundred thousand of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa

from include.cases.queue import is_in
from include.cases.showing import Showing, money_of
from include.cases.tables import CASES, Row
from include.cases.terms import CaseState
from include.cases.views import BacklogSum, DeskFilter, OnDesk

_COUNT = sa.func.count().label("cases")
_OF_NOBODY_ELSE = (CaseState.OPEN, CaseState.WAITING)


def backlog_sums(connection: sa.Connection, showing: Showing, now: datetime) -> list[BacklogSum]:
    """The cases that are not closed by the day of their oldest finding, where they stand, and who holds them."""
    is_held = is_in(CaseState.IN_REVIEW, now)
    state = sa.case((is_held, CaseState.IN_REVIEW.value), (is_in(CaseState.WAITING, now), CaseState.WAITING.value))
    # PostgreSQL takes two parameters for two values, be they the same: what is grouped by is worked out once, within.
    each = sa.select(
        CASES.c.oldest,
        state.label("state"),
        sa.case((is_held, CASES.c.holder)).label("holder"),
        sa.case((is_held, CASES.c.held_until)).label("lapse"),
        _money(showing).label("money"),
    )
    of = each.where(~CASES.c.is_closed).subquery().c
    lapse, money = sa.func.min(of.lapse).label("first_lapse"), sa.func.sum(of.money).label("money")
    query = sa.select(of.oldest, of.state, of.holder, _COUNT, money, lapse).group_by(of.oldest, of.state, of.holder)
    return [_sum(row, showing) for row in connection.execute(query.order_by(of.oldest)).mappings()]


def _sum(row: Row, showing: Showing) -> BacklogSum:
    return BacklogSum(
        oldest=row["oldest"],
        state=CaseState(row["state"] or CaseState.OPEN),
        holder=showing.person(row["holder"]),
        cases=row["cases"],
        money=_summed(row["money"]),
        first_lapse=row["first_lapse"],
    )


def on_desk(connection: sa.Connection, wanted: DeskFilter, showing: Showing, now: datetime) -> OnDesk:
    """How many cases are somebody's to look at, with the findings that the most urgent of them begin with."""
    conditions = [*_conditions(wanted, now)]
    row = (
        connection.execute(sa.select(_COUNT, sa.func.sum(_money(showing)).label("money")).where(*conditions))
        .mappings()
        .one()
    )
    urgent = sa.select(CASES.c.headline_id).where(*conditions).order_by(CASES.c.points.desc(), CASES.c.case_id)
    findings = connection.scalars(urgent.limit(wanted.most))
    return OnDesk(row["cases"], _summed(row["money"]), tuple(findings))


def _conditions(wanted: DeskFilter, now: datetime) -> Iterator[sa.ColumnElement[bool]]:
    own = sa.and_(is_in(CaseState.IN_REVIEW, now), CASES.c.holder == wanted.who)
    states = _OF_NOBODY_ELSE if wanted.with_waiting else (CaseState.OPEN,)
    yield sa.or_(own, *(is_in(state, now) for state in states))
    yield ~CASES.c.is_closed
    if wanted.newer_than:
        yield CASES.c.newest > wanted.newer_than
    if wanted.oldest_between:
        yield CASES.c.oldest.between(*wanted.oldest_between)


def _money(showing: Showing) -> sa.Column[int]:
    return CASES.c.money_cents if showing.sees_accounts else CASES.c.masked_money_cents


def _summed(cents: int | Decimal | None) -> Decimal:
    # PostgreSQL sums whole numbers up to a decimal one, and nothing to null.
    return money_of(int(cents or 0)) or Decimal(0)
