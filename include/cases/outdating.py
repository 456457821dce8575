"""Tells a proposed or approved correction that a restated night says otherwise now, and what changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from include.cases.refusals import Change
from include.cases.showing import money_of
from include.cases.tables import Row
from include.cases.terms import CorrectionState
from include.settlement.findings import cents

STANDING = (CorrectionState.PROPOSED.value, CorrectionState.APPROVED.value)
"""States in which somebody may still act on a correction."""
_CONTENT = ("action", "trans_id", "field", "value")


def outdated_by(correction: Row, finding: Row) -> Sequence[Change]:
    """What the break's night says otherwise since a correction was proposed; nothing where it is as right as then.

    The sentence and the score of the break may change: neither is a part of what is corrected.

    Parameters
    ----------
    correction, finding
        Rows of the correction and of its finding as it is now.
    """
    name = finding["finding_id"]
    if finding["gone_at"] is not None:
        return [Change(name, "gone", "found", "no longer found")]
    if correction["digest"] == finding["digest"]:
        return []
    now = json.loads(finding["correction"]) if finding["correction"] else {}
    if any(correction[each] != now.get(each) for each in _CONTENT):
        before, after = _told(correction), _told(now)
        return [Change(name, "correction", before, after) if before != after else Change(name, "posting", "", "")]
    moved, moves = correction["amount_cents"], moved_cents(finding)
    return [] if moved == moves else [Change(name, "amount", _money(moved), _money(moves))]


def moved_cents(finding: Row) -> int:
    """Money in cents that the correction of a break moves: the amount that is inserted, or what the break is about."""
    correction = json.loads(finding["correction"])
    if correction["action"] == "insert" and correction["value"] is not None:
        return abs(cents(correction["value"]))
    return int(abs(finding["amount_cents"] or 0))


def _told(correction: Mapping[Any, Any]) -> str:
    """A correction in words without identifiers."""
    words = (correction.get(each) for each in ("action", "field", "value"))
    return " ".join(str(word) for word in words if word)


def _money(amount_cents: int) -> str:
    return f"{money_of(amount_cents):,.2f}"
