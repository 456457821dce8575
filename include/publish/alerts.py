"""The analysts' queue of a night: breaks and flagged transactions in one order of urgency."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.identifiers import masked, named, unmarked
from include.lake.tables import ALERTS_SCHEMA, BREAKS_SCHEMA
from include.publish.spreadsheet import as_csv

Row = dict[str, Any]

# A broken rule is certain, a score is an opinion, and a warning may wait; changes of the whole bank come last, as no
# client can be asked about them.
_TIER = {
    # Warnings that may explain the breaks are read before them.
    ("source", "warn"): -1,
    ("break", "error"): 0,
    ("score", "error"): 1,
    ("late", "warn"): 2,
    ("break", "warn"): 3,
    ("drift", "warn"): 4,
    ("performance", "warn"): 5,
}


_SET_BACK = "is_set_back"
MOST_ALIKE = 50
"""Largest number of alerts of one account and code in a night that are listed one by one: about what a screen shows at
once, and what a person may still open one by one. More of them have one cause and are merged into one finding."""


def alert_queue(
    breaks: pa.Table,
    scores: pa.Table | None,
    postings: pa.Table,
    late: list[Row],
    watched: list[Row],
    dismissed: Mapping[tuple[int, str], str] | None = None,
    heads: Sequence[Row] = (),
) -> pa.Table:
    """Everything that a person should look at, the most urgent first.

    Warnings that may explain the breaks come first. Errors among the breaks follow, the largest difference first; then
    flagged transactions by score; then late records for which no night was restated; then warnings, those like a
    dismissed one last; then changes of the bank as a whole. More than `MOST_ALIKE` alerts of one account and code are
    merged into one row in the place of the most urgent of them, with their count and sum; each one is in the scores or
    breaks.

    Parameters
    ----------
    breaks, scores
        Breaks (`BREAKS_SCHEMA`) and scores (`SCORES_SCHEMA`) of the night; `scores` is None when scoring was skipped.
    postings
        Accepted transactions of the night, for amounts and lineage.
    late
        Settlement dates beyond the look-back that changed at the source: `settlement_date` of the night and `text`.
    watched
        Notices of drift and performance: `settlement_date`, `code` and `text`.
    dismissed
        Sentences for warnings that repeat a dismissed one, by account and check; such a warning comes after the other
        warnings. An error keeps its place: a rule must hold whatever was dismissed.
    heads
        Warnings about the source that may explain the breaks: `settlement_date` and `text`.

    Returns
    -------
    pa.Table
        Rows of `ALERTS_SCHEMA`, ranked from 1.
    """
    origin = _origin(postings, breaks, scores)
    rows = [_from_break(row, origin, dismissed or {}) for row in breaks.to_pylist()]
    rows += [_from_score(row, origin) for row in _flagged(scores)]
    rows += [_from_late(row) for row in late]
    rows += [_alert(row, {}, kind="source", code="rounding", severity="warn", amount=None) for row in heads]
    rows += [_from_notice(row) for row in watched]
    rows = sorted(_floods_as_one(rows), key=_urgency)
    ranked = [{**row, "rank": rank} for rank, row in enumerate(rows, start=1)]
    return pa.Table.from_pylist(ranked, schema=ALERTS_SCHEMA)


def score_alerts(scores: pa.Table, postings: pa.Table) -> pa.Table:
    """The alerts of flagged transactions alone, as `alert_queue` lists them among the others, and not ranked.

    Parameters
    ----------
    scores, postings
        As for `alert_queue`.

    Returns
    -------
    pa.Table
        Rows of `ALERTS_SCHEMA` without a rank.
    """
    origin = _origin(postings, BREAKS_SCHEMA.empty_table(), scores)
    rows = _floods_as_one([_from_score(row, origin) for row in _flagged(scores)])
    return pa.Table.from_pylist(list(rows), schema=ALERTS_SCHEMA)


def _floods_as_one(rows: list[Row]) -> Iterator[Row]:
    """The rows, where those of an account and code with too many of them are merged into one."""
    alike: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        alike[row["kind"], row["severity"], row["code"], row["account_id"], row.get(_SET_BACK, False)].append(row)
    for (_, _, _, account, _), members in alike.items():
        yield from members if account is None or len(members) <= MOST_ALIKE else [_flood(members)]


def _flood(members: list[Row]) -> Row:
    strongest = min(members, key=_urgency)
    amounts = [row["amount"] for row in members if row["amount"] is not None]
    postings = sorted(row["trans_id"] for row in members if row["trans_id"] is not None)
    first, last = (postings[0], postings[-1]) if postings else (None, None)
    total = sum(amounts, Decimal(0))
    span = "" if first is None else f", from transaction {named(first)} to {named(last)}"
    said = (
        f"{len(members):,} findings of the kind {strongest['code']} on this account in one night, {total:,.2f} in all"
        f"{span}; they are shown as one. The most urgent: "
    )
    counted = {"postings": len(members), "amount_sum": total, "first_trans_id": first, "last_trans_id": last}
    texts = {
        "text": f"{unmarked(said)}{strongest['text']}",
        "masked_text": f"{masked(said)}{strongest['masked_text']}",
    }
    # The row stands for many findings, so that it has a name of its own.
    return {**strongest, **counted, **texts, "finding_id": None}


def alerts_csv(alerts: pa.Table) -> str:
    """The queue as CSV for a spreadsheet: every cell inert, every cell quoted."""
    return as_csv(alerts.column_names, (row.values() for row in alerts.to_pylist()))


def _origin(postings: pa.Table, breaks: pa.Table, scores: pa.Table | None) -> dict[int, Row]:
    """The postings that the queue names, by trans_id; other postings are not turned into rows."""
    flagged = [] if scores is None else scores.filter(scores["is_flagged"])["trans_id"].chunks
    named = pa.chunked_array([*breaks["trans_id"].chunks, *flagged], pa.int64())
    columns = [name for name in ("trans_id", "amount", "source_uri", "source_line") if name in postings.column_names]
    found = postings.select(columns).filter(pc.is_in(postings["trans_id"], named.combine_chunks().drop_null()))
    return {row["trans_id"]: row for row in found.to_pylist()}


def _flagged(scores: pa.Table | None) -> list[Row]:
    return [] if scores is None else scores.filter(scores["is_flagged"]).to_pylist()


def _from_break(row: Row, origin: dict[int, Row], dismissed: Mapping[tuple[int, str], str]) -> Row:
    posting = origin.get(row["trans_id"], {})
    amount = row["difference"] if row["difference"] is not None else posting.get("amount")
    remark = dismissed.get((row["account_id"], row["check_code"])) if row["severity"] == "warn" else None
    texts = {name: f"{row[name]} {remark}" for name in ("text", "masked_text")} if remark else {}
    alert = _alert(
        {**row, **texts}, posting, kind="break", code=row["check_code"], severity=row["severity"], amount=amount
    )
    return {**alert, _SET_BACK: bool(remark)}


def _from_score(row: Row, origin: dict[int, Row]) -> Row:
    posting = origin.get(row["trans_id"], {})
    told = _named_reasons(row["reasons"] or [])
    texts = {"text": _sentences(told), "masked_text": _sentences(_named_reasons(row["masked_reasons"] or []))}
    code = told[0]["code"] if told else "other"
    return _alert({**row, **texts}, posting, kind="score", code=code, severity="error", amount=posting.get("amount"))


def _named_reasons(reasons: list[Row]) -> list[Row]:
    """The reasons without the rest of a score, which names no feature, while reasons from reviews do."""
    return [reason for reason in reasons if reason["feature"]] or reasons


def _sentences(reasons: list[Row]) -> str:
    return " ".join(reason["text"] for reason in reasons) or "Unusual for this account."


def _from_late(row: Row) -> Row:
    return _alert(row, {}, kind="late", code="late_record", severity="warn", amount=None)


def _from_notice(row: Row) -> Row:
    kind = "drift" if row["code"].endswith("_drift") else "performance"
    return _alert(row, {}, kind=kind, code=row["code"], severity="warn", amount=None)


def _alert(row: Row, posting: Row, **values: object) -> Row:
    kept = ("settlement_date", "account_id", "trans_id", "score", "text", "finding_id")
    copied = {name: row.get(name) for name in kept}
    # A sentence about the bank as a whole names nobody.
    copied["masked_text"] = row.get("masked_text", row["text"])
    return {**copied, "source_uri": posting.get("source_uri"), "source_line": posting.get("source_line"), **values}


def _urgency(row: Row) -> tuple[Any, ...]:
    tier = _TIER.get((row["kind"], row["severity"]), len(_TIER))
    stake = abs(row["amount"] or Decimal(0))
    ties = (str(row["code"]), row["account_id"] or 0, row["trans_id"] or 0, str(row["text"]))
    return (tier, row.get(_SET_BACK, False), -(row["score"] or 0.0), -stake, *ties)
