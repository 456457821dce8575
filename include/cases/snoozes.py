"""Snoozes: a check that is quiet on one account until a day, a larger amount or another check."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import sqlalchemy as sa

from include.cases.acts import Act, as_id, checked_note, no_such
from include.cases.refusals import CaseRefusedError
from include.cases.store import writing
from include.cases.summaries import sum_up
from include.cases.tables import CASES, EVENTS, FINDINGS, SNOOZES, Row
from include.cases.terms import EventKind
from include.lake.sql_store import SqlStore

LONGEST_DAYS = 366
"""Days for which a case may be put aside: a yearly habit comes back within them. A decision."""

_IN_FORCE = SNOOZES.c.ended_at.is_(None)


def until_of(day: date, now: datetime) -> datetime:
    """The beginning of a day in UTC.

    Raises
    ------
    CaseRefusedError
        When it is not after today, or more than `LONGEST_DAYS` away.
    """
    days = (day - now.astimezone(UTC).date()).days
    if not 1 <= days <= LONGEST_DAYS:
        raise CaseRefusedError(
            f"{day} is no day to wait for: give one from tomorrow on and at most {LONGEST_DAYS} days away"
        )
    return datetime.combine(day, time.min, UTC)


def snooze(act: Act, case_id: str, code: str, until: date, note: str) -> Row:
    """Keep a check quiet on a case's account, and give the snooze."""
    said, ends, case = checked_note(note), until_of(until, act.now), act.free_case(case_id)
    of_code = (FINDINGS.c.case_id == case_id, FINDINGS.c.code == as_id(code), FINDINGS.c.gone_at.is_(None))
    found = act.connection.execute(sa.select(FINDINGS.c.amount_cents).where(*of_code)).scalars().all()
    if not found:
        raise CaseRefusedError(
            f"no finding of this case is of the check or reason {code[:63]!r}: choose one of the case's"
        )
    _end(act.connection, [row["snooze_id"] for row in _of_case(act.connection, case_id, code)], act.now)
    row = {
        "snooze_id": uuid.uuid4().hex,
        "case_id": case_id,
        "code": code,
        "until": ends,
        "amount_cents": max(abs(amount or 0) for amount in found),
        "who": act.who,
        "at": act.now,
    }
    act.connection.execute(sa.insert(SNOOZES), row)
    quiet = sa.update(FINDINGS).where(*of_code, ~FINDINGS.c.is_settled).values(snooze_id=row["snooze_id"])
    act.connection.execute(quiet)
    act.change(case_id, holder=None, held_until=None)
    act.tell(case_id, EventKind.SNOOZED, f"{_spoken(code)} is quiet on this account until {until}.", said)
    act.audit("snoozed", case, code=code, until=until)
    sum_up(act.connection, [case_id])
    return row


def wake(act: Act, snooze_id: str) -> None:
    """End a snooze."""
    found = (
        act.connection.execute(sa.select(SNOOZES).where(SNOOZES.c.snooze_id == as_id(snooze_id), _IN_FORCE))
        .mappings()
        .first()
    )
    if found is None:
        raise no_such("snooze in force with the id", snooze_id)
    case = act.case(found["case_id"])
    _end(act.connection, [snooze_id], act.now)
    act.tell(found["case_id"], EventKind.WOKEN, f"{_spoken(found['code'])} is no longer quiet.")
    act.audit("woke", case, code=found["code"])
    sum_up(act.connection, [found["case_id"]])


def lapse(store: SqlStore, now: datetime) -> None:
    """End the snoozes whose day has come."""
    due = sa.select(SNOOZES).where(_IN_FORCE, SNOOZES.c.until <= now)
    with store.read() as connection:
        cases = sorted({row.case_id for row in connection.execute(due)})
    if not cases:
        return
    with writing(store) as connection:
        ended = connection.execute(due.where(SNOOZES.c.case_id.in_(cases))).mappings().all()
        _end(connection, [row["snooze_id"] for row in ended], now)
        _tell(connection, ended, "its day has come", now)
        sum_up(connection, {row["case_id"] for row in ended})


def with_snoozes(connection: sa.Connection, now: datetime) -> frozenset[str]:
    """The cases of which a check is snoozed."""
    in_force = sa.select(SNOOZES.c.case_id).where(_IN_FORCE, SNOOZES.c.until > now)
    return frozenset(connection.scalars(in_force))


def sleep_or_wake(
    connection: sa.Connection, case: Row, rows: Sequence[Mapping[str, Any]], now: datetime
) -> list[Mapping[str, Any]]:
    """Let new or changed findings of a case sleep where their check is snoozed; gives those that are awake.

    A snooze ends with a finding of a larger amount, and all of the case's end with one of a check that is not snoozed.
    """
    snoozed = {row["code"]: row for row in _of_case(connection, case["case_id"]) if row["until"] > now}
    if not snoozed:
        return [*rows]
    ended, why = _ended_by(snoozed, rows)
    _end(connection, [row["snooze_id"] for row in ended], now)
    _tell(connection, ended, why, now)
    asleep = {code: row for code, row in snoozed.items() if row not in ended}
    for code, row in asleep.items():
        ids = [finding["finding_id"] for finding in rows if finding["code"] == code]
        quiet = sa.update(FINDINGS).where(FINDINGS.c.finding_id.in_(ids)).values(snooze_id=row["snooze_id"])
        connection.execute(quiet)
    return [row for row in rows if row["code"] not in asleep]


def _ended_by(snoozed: Mapping[str, Row], rows: Sequence[Mapping[str, Any]]) -> tuple[list[Row], str]:
    if others := sorted({row["code"] for row in rows} - snoozed.keys()):
        return [*snoozed.values()], f"{_spoken(others[0])} was found on the account, too"
    larger = {row["code"] for row in rows if abs(row["amount_cents"] or 0) > snoozed[row["code"]]["amount_cents"]}
    return [snoozed[code] for code in sorted(larger)], "a larger amount was found"


def _of_case(connection: sa.Connection, case_id: str, code: str = "") -> Sequence[Row]:
    query = sa.select(SNOOZES).where(SNOOZES.c.case_id == case_id, _IN_FORCE)
    return connection.execute(query.where(SNOOZES.c.code == code) if code else query).mappings().all()


def _end(connection: sa.Connection, snooze_ids: Sequence[str], now: datetime) -> None:
    """End snoozes: what they kept quiet is to be decided, and its cases wait for them no longer."""
    if not snooze_ids:
        return
    theirs = SNOOZES.c.snooze_id.in_(snooze_ids)
    cases = sa.select(SNOOZES.c.case_id).where(theirs)
    connection.execute(sa.update(CASES).where(CASES.c.case_id.in_(cases)).values(waits_until=None))
    connection.execute(sa.update(FINDINGS).where(FINDINGS.c.snooze_id.in_(snooze_ids)).values(snooze_id=None))
    connection.execute(sa.update(SNOOZES).where(theirs).values(ended_at=now))


def _tell(connection: sa.Connection, ended: Iterable[Row], why: str, now: datetime) -> None:
    rows = [
        {
            "case_id": row["case_id"],
            "at": now,
            "who": "",
            "kind": EventKind.WOKEN.value,
            "text": f"{_spoken(row['code'])} is no longer quiet: {why}.",
            "note": "",
        }
        for row in ended
    ]
    if rows:
        connection.execute(sa.insert(EVENTS), rows)


def _spoken(code: str) -> str:
    return code.replace("_", " ").capitalize()
