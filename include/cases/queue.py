"""The queue: which cases somebody should look at, the most urgent first, a page at a time.

Pages follow the points and the id that the last case of the page before had, so that a page costs the same however far
down it lies, and cases that come, change or go in between move nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from include.cases.acts import as_id, no_such
from include.cases.paging import PAGE_KEY, Place
from include.cases.ranking import rank_parts
from include.cases.refusals import CaseRefusedError, NotYoursToSeeError
from include.cases.showing import Showing, money_of
from include.cases.tables import CASES, FINDINGS, IS_UNDECIDED, NIGHTS, Row
from include.cases.terms import CaseState
from include.cases.views import QueueFilter, QueuePage, QueueRow

MOST_COUNTED = 1000
"""Number of cases up to which a page counts them: nobody works through more, and counting all takes long."""
_FEW = 5_000
"""Findings whose cases are looked up one by one within some tens of milliseconds."""
_ID = re.compile(r"[0-9a-f]{32}")
_LARGEST = 2**63 - 1
_NUMBER = re.compile(r"[0-9]{1,18}")

_HEADLINE = FINDINGS.alias("headline")
_ROWS = sa.select(
    CASES,
    _HEADLINE.c.text.label("headline"),
    _HEADLINE.c.masked_text.label("masked_headline"),
    _HEADLINE.c.severity,
).join(_HEADLINE, _HEADLINE.c.finding_id == CASES.c.headline_id)


def queue_page(
    connection: sa.Connection, wanted: QueueFilter, showing: Showing, now: datetime, after: str | None, size: int
) -> QueuePage:
    """One page of the queue.

    Raises
    ------
    NoSuchCaseError
        When `after` is none that a page gave.
    """
    place = None if after is None else Place.unsealed(after, _page_key(showing))
    conditions = [*conditions_of(connection, wanted, showing, now)]
    count = connection.scalar(
        sa.select(sa.func.count()).select_from(
            sa.select(CASES.c.case_id).where(*conditions).limit(MOST_COUNTED + 1).subquery()
        )
    )
    rows = connection.execute(ordered(conditions, place).limit(size + 1)).mappings().all()
    as_of = newest_night(connection)
    return QueuePage(
        rows=tuple(shown_row(row, showing, now, as_of) for row in rows[:size]),
        after=_place(rows[size - 1]).sealed(_page_key(showing)) if len(rows) > size else None,
        count=min(count or 0, MOST_COUNTED),
        is_capped=(count or 0) > MOST_COUNTED,
    )


def _page_key(showing: Showing) -> bytes:
    return showing.keys().lasting_key(PAGE_KEY)


def _place(row: Row) -> Place:
    return Place(row["points"], row["case_id"])


def place_of(connection: sa.Connection, case_id: str) -> Place:
    """The place that a case has now.

    Raises
    ------
    NoSuchCaseError
        When there is none.
    """
    query = sa.select(CASES.c.points, CASES.c.case_id).where(CASES.c.case_id == as_id(case_id))
    found = connection.execute(query).mappings().first()
    if found is None:
        raise no_such("case to go on from", case_id)
    return _place(found)


def ordered(conditions: list[sa.ColumnElement[bool]], after: Place | None) -> sa.Select[Any]:
    """The rows of the queue in their order, those that follow a place where one is given."""
    query = _ROWS.where(*conditions).order_by(CASES.c.points.desc(), CASES.c.case_id)
    if after is None:
        return query
    is_later = sa.and_(CASES.c.points == after.points, CASES.c.case_id > after.case_id)
    return query.where(CASES.c.points <= after.points, sa.or_(CASES.c.points < after.points, is_later))


def conditions_of(
    connection: sa.Connection, wanted: QueueFilter, showing: Showing, now: datetime
) -> Iterator[sa.ColumnElement[bool]]:
    """The conditions of a filter.

    Raises
    ------
    NotYoursToSeeError
        When it names an account or a posting for a reader who may not see whom.
    """
    if wanted.states:
        yield sa.or_(*(is_in(state, now) for state in wanted.states))
        if not may_be_closed(wanted):
            yield ~CASES.c.is_closed
    if wanted.district:
        yield CASES.c.district == wanted.district.replace("\0", "")
    if wanted.holder:
        _require_sight(showing)
        yield sa.and_(CASES.c.holder == wanted.holder.replace("\0", ""), CASES.c.held_until > now)
    if wanted.is_free:
        yield sa.or_(CASES.c.holder.is_(None), CASES.c.held_until <= now)
    if wanted.account is not None:
        _require_sight(showing)
        yield CASES.c.account_id == _number(wanted.account)
    if wanted.search:
        yield _found_by(connection, wanted.search.strip(), showing)
    if of_findings := [*_of_findings(wanted, showing)]:
        still = FINDINGS.c.gone_at.is_(None) if may_be_closed(wanted) else IS_UNDECIDED
        yield _has_such(connection, [still, *of_findings])


def may_be_closed(wanted: QueueFilter) -> bool:
    """Whether a filter shows closed cases, too."""
    return not wanted.states or CaseState.CLOSED in wanted.states


def _has_such(connection: sa.Connection, conditions: list[sa.ColumnElement[bool]]) -> sa.ColumnElement[bool]:
    """Cases with a finding of which all of this is so.

    Where few findings are such, their cases are looked up; where many are, the cases are gone through in their order,
    and enough are found soon. Either way alone took seconds for what the other does at once.
    """
    such = sa.select(FINDINGS.c.case_id).where(*conditions)
    many = sa.select(sa.func.count()).select_from(such.limit(_FEW + 1).subquery())
    if (connection.scalar(many) or 0) <= _FEW:
        return CASES.c.case_id.in_(such)
    return sa.exists().where(FINDINGS.c.case_id == CASES.c.case_id, *conditions)


def is_in(state: CaseState, now: datetime) -> sa.ColumnElement[bool]:
    """The condition that a case stands so at a moment, as `state_of` tells of a row."""
    is_held = sa.and_(CASES.c.held_until.is_not(None), CASES.c.held_until > now)
    is_waiting = sa.and_(CASES.c.waits_until.is_not(None), CASES.c.waits_until > now)
    return {
        CaseState.CLOSED: CASES.c.is_closed,
        CaseState.IN_REVIEW: sa.and_(~CASES.c.is_closed, is_held),
        CaseState.WAITING: sa.and_(~CASES.c.is_closed, ~is_held, is_waiting),
        CaseState.OPEN: sa.and_(~CASES.c.is_closed, ~is_held, ~is_waiting),
    }[state]


def _of_findings(wanted: QueueFilter, showing: Showing) -> Iterator[sa.ColumnElement[bool]]:
    is_rounded = showing.hides_money and not showing.sees_accounts
    amount = FINDINGS.c.masked_stake_cents if is_rounded else FINDINGS.c.stake_cents
    if wanted.first_night:
        yield FINDINGS.c.settlement_date >= wanted.first_night
    if wanted.last_night:
        yield FINDINGS.c.settlement_date <= wanted.last_night
    if wanted.codes:
        yield FINDINGS.c.code.in_([*map(as_id, wanted.codes)])
    if wanted.kinds:
        yield FINDINGS.c.kind.in_([*map(as_id, wanted.kinds)])
    if wanted.posting is not None:
        _require_sight(showing)
        yield FINDINGS.c.trans_id == _number(wanted.posting)
    if wanted.least_amount is not None:
        yield amount >= _bound(wanted.least_amount)
    if wanted.most_amount is not None:
        yield amount <= _bound(wanted.most_amount)


def _number(number: int) -> int:
    """A number that the database can compare with."""
    return max(min(number, _LARGEST), -_LARGEST)


def _bound(amount: Decimal) -> int:
    """An amount in cents that the database can compare with.

    Raises
    ------
    CaseRefusedError
        When it is no number.
    """
    if not amount.is_finite():
        raise CaseRefusedError(f"{amount} is no amount to choose by: give one such as 1250.00")
    return int(max(min(amount.scaleb(2), Decimal(_LARGEST)), Decimal(-_LARGEST)))


def _require_sight(showing: Showing) -> None:
    if not showing.sees_accounts:
        raise NotYoursToSeeError(
            "a search by an account, a posting or a person is for those who may see accounts: search by the id of a "
            "case or a finding, or ask for the right of an investigator"
        )


def _found_by(connection: sa.Connection, search: str, showing: Showing) -> sa.ColumnElement[bool]:
    """Cases of an account, a posting, or an id; nothing else is found, so that no search guesses at sentences."""
    if _ID.fullmatch(search):
        return CASES.c.case_id.in_([search, *_cases_of(connection, FINDINGS.c.finding_id == search)])
    if _NUMBER.fullmatch(search):
        _require_sight(showing)
        number = int(search)
        of_account = connection.scalars(sa.select(CASES.c.case_id).where(CASES.c.account_id == number))
        return CASES.c.case_id.in_([*of_account, *_cases_of(connection, FINDINGS.c.trans_id == number)])
    return sa.false()


def _cases_of(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> list[str]:
    return [*connection.scalars(sa.select(FINDINGS.c.case_id).where(condition).distinct())]


def newest_night(connection: sa.Connection) -> date:
    """The newest settlement date that was taken in."""
    return connection.scalar(sa.select(sa.func.max(NIGHTS.c.settlement_date))) or date.min


def state_of(row: Row, now: datetime) -> CaseState:
    """Where a case stands at a moment."""
    if row["is_closed"]:
        return CaseState.CLOSED
    if row["held_until"] is not None and row["held_until"] > now:
        return CaseState.IN_REVIEW
    is_waiting = row["waits_until"] is not None and row["waits_until"] > now
    return CaseState.WAITING if is_waiting else CaseState.OPEN


def shown_row(row: Row, showing: Showing, now: datetime, as_of: date) -> QueueRow:
    """A case as a reader sees it in the queue."""
    state = state_of(row, now)
    is_held = state is CaseState.IN_REVIEW
    money = showing.money(row["money_cents"], row["masked_money_cents"]) or money_of(0)
    assert money is not None  # noqa: S101 - tells the type checker what `or` says
    return QueueRow(
        case_id=row["case_id"],
        state=state,
        account=showing.account(row["account_id"]),
        headline=showing.text(row["headline"], row["masked_headline"]),
        headline_finding_id=row["headline_id"],
        severity=row["severity"],
        codes=tuple(json.loads(row["codes"])),
        findings=row["findings"],
        money=money,
        sureness=row["sureness"],
        oldest=row["oldest"],
        newest=row["newest"],
        district=row["district"],
        holder=showing.person(row["holder"]) if is_held else None,
        held_until=row["held_until"] if is_held else None,
        waits_until=row["waits_until"] if state is CaseState.WAITING else None,
        decided=row["decided"],
        clearing=showing.marked(row["clearing"]),
        rank_parts=rank_parts(money, row["sureness"], row["oldest"], as_of),
    )


def case_row(connection: sa.Connection, case_id: str) -> Row:
    """One case as the queue has it.

    Raises
    ------
    NoSuchCaseError
        When there is none.
    """
    found = connection.execute(_ROWS.where(CASES.c.case_id == as_id(case_id))).mappings().first()
    if found is None:
        raise no_such("case", case_id)
    return found
