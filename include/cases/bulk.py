"""Previews of bulk decisions: what would be decided on which cases, as they are seen now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import sqlalchemy as sa

from include.cases.acts import as_id
from include.cases.decisions import undecided
from include.cases.reading import seen_of
from include.cases.showing import money_of
from include.cases.tables import CASES, Row
from include.cases.views import BulkPreview, Decision


def preview(
    connection: sa.Connection, case_ids: Sequence[str], wanted: Decision, who: str, now: datetime
) -> BulkPreview:
    """What deciding alike on all that is undecided in several cases would do."""
    found: list[Decision] = []
    refused: dict[str, str] = {}
    count, money = 0, Decimal(0)
    for case_id in dict.fromkeys(case_ids):
        case = connection.execute(sa.select(CASES).where(CASES.c.case_id == as_id(case_id))).mappings().first()
        findings = undecided(connection, as_id(case_id))
        if why := _refusal(case, findings, who, now):
            refused[case_id] = why
            continue
        seen = {row["finding_id"]: seen_of(row) for row in findings}
        found.append(replace(wanted, case_id=case_id, seen=seen))
        count += len(findings)
        money += (money_of(case["money_cents"]) if case else None) or Decimal(0)
    return BulkPreview(tuple(found), count, money, refused)


def _refusal(case: Row | None, findings: Sequence[Row], who: str, now: datetime) -> str:
    """Why nothing would be decided on a case; empty where something would."""
    if case is None:
        return "there is no such case"
    if case["held_until"] is not None and case["held_until"] > now and case["holder"] != who:
        return f"{case['holder']} is looking at it until {case['held_until']:%Y-%m-%d %H:%M} UTC"
    return "" if findings else "nothing in it is left to decide"
