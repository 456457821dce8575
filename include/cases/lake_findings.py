"""Reads a night's findings from the lake as the case book keeps them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from include.cases.showing import cents_of
from include.lake import Lake
from include.marts import MART_TABLES, MASKED_MARTS

Row = dict[str, Any]

_FINDINGS = "mart_findings"
_COLUMNS = (
    *("settlement_date", "finding_id", "kind", "code", "severity", "account_id", "trans_id", "amount", "score"),
    *("feature", "text", "shown_district"),
)
_LONGEST_DISTRICT = 200
MATERIAL = ("kind", "code", "severity", "trans_id", "amount_cents", "correction")
"""Fields whose change makes another finding of it: what was decided on the old one says nothing on the new."""
_SEEN = (*MATERIAL, "text")


def findings_of(lake: Lake, nights: Mapping[date, str]) -> Mapping[date, Sequence[Row]]:
    """The findings of some published nights; one from before there were marts has none.

    The nights are read together: planning takes as long for a hundred of them as for one.

    Parameters
    ----------
    nights
        Key of the run that is published, by night.

    Returns
    -------
    mapping
        For each night, dictionaries with the columns of the table of findings that the lake knows, and the `district`;
        amounts in cents.
    """
    span = (min(nights), max(nights))
    masked = {row["finding_id"]: row for row in _masked(lake, *span)}
    corrections = _corrections(lake, *span)
    found: dict[date, list[Row]] = {night: [] for night in nights}
    for row in lake.read(MART_TABLES[_FINDINGS], *span, _COLUMNS).to_pylist():
        night, finding_id = row["settlement_date"], row["finding_id"]
        if night in nights and finding_id is not None:
            said = masked.get(finding_id, {}), corrections.get(finding_id)
            found[night].append(_finding(row, nights[night], *said))
    return found


def _masked(lake: Lake, first: date, last: date) -> list[Row]:
    found: list[Row] = lake.read(MASKED_MARTS[_FINDINGS], first, last, ("finding_id", "text", "amount")).to_pylist()
    return found


def _corrections(lake: Lake, first: date, last: date) -> Mapping[str, str]:
    rows = lake.read("settlement_breaks", first, last, ("finding_id", "correction")).to_pylist()
    return {row["finding_id"]: json.dumps(row["correction"], sort_keys=True) for row in rows if row["correction"]}


def _finding(row: Row, run_key: str, masked: Mapping[str, Any], correction: str | None) -> Row:
    kept = {name: row[name] for name in _COLUMNS if name not in ("amount", "shown_district")}
    found = {
        **kept,
        "text": _text(row["text"]) or "",
        "district": (_text(row["shown_district"]) or "")[:_LONGEST_DISTRICT] or None,
        "run_key": run_key,
        "amount_cents": cents_of(row["amount"]),
        "masked_amount_cents": cents_of(masked.get("amount")),
        "masked_text": _text(masked.get("text")),
        "correction": correction,
    }
    return {**found, "digest": _digest(found)}


def _text(text: str | None) -> str | None:
    """A bank's text without zero bytes, which a database server takes none of."""
    return None if text is None else text.replace("\0", "")


def _digest(found: Mapping[str, Any]) -> str:
    """Digest of what a person sees of a finding; a score that moves by less than a thousandth is the same."""
    score = None if found["score"] is None else round(found["score"], 3)
    said = json.dumps([*(found[name] for name in _SEEN), score], default=str)
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def changed_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> Sequence[str]:
    """The fields in which two versions of a finding differ for a person."""
    return [name for name in (*_SEEN, "score") if before[name] != after[name]]


def is_other(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a restated finding is so different that a decision on it no longer stands."""
    return any(before[name] != after[name] for name in MATERIAL)
