"""Risk from reviews: how much more often than others' the postings of a counterparty, place or account were confirmed.

A confirmed fraud raises postings that share a counterparty, place or account with it. The Fraud Detection Handbook (Le
Borgne and others, 2022, chapter 3.4) finds that the recent risk of terminals and customers, as far as it is known after
the delay of reviews, is worth more than any detector. This module assumes nothing about how frauds recur. Each subject
(a counterparty, place or account) has a level: the confirmed share of its latest postings that could be known about.
The weight of a level is its likelihood ratio, measured on the bank's own known past: the share of confirmed frauds
whose subject was at that level on their day, against the share of other postings. Where frauds do not recur, levels
have no effect.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.counterparties import account_text
from include.explaining.reasons import OTHER
from include.explaining.words.wording import count, day_of
from include.identifiers import named
from include.lake import Lake
from include.lake.tables import SCORES_SCHEMA
from include.models.base import Vector
from include.models.calibration import rarity_of
from include.reviews.queries import queries
from include.scoring.review_adjustment import DISMISSALS_SCHEMA, RISES_SCHEMA, Feedback
from include.sql_engine import SqlEngine

WINDOW_DAYS = 28
"""Days of a subject's postings that count: a terminal of the Handbook's simulation is compromised for as long. Measured
on that bank, 8 weeks, every case known after a week (as are the figures below): average precision 0.206, 0.204 and
0.204 for 21, 28 and 60."""
HALF_LIFE_DAYS = 3.0
"""Days after which a posting weighs half, so that a subject that has been clean since soon loses its risk: 0.214,
0.204, 0.146 and 0.136 for 2, 3, 7 and 14. Not fewer than 3: the customers of that simulation pay twice a day, more
often than those of banks."""
MEASURED_DAYS = 92
"""Days of postings that the likelihood ratios are measured on: three months, as in the look-back of habits."""
LEVEL_SHARES = (0.1, 0.4)
"""Least confirmed shares of the second and of the third level: 0.190 with (0.05, 0.2), 0.193 with (0.2, 0.6)."""
PRIOR_CASES = 10.0
"""Strength, in confirmed frauds or postings, with which a share is shrunk towards its prior: 0.204 with 1, 0.206 with
30."""
CONVINCING = 10.0
"""Number of reviewed postings at a level with which its ratio counts half: 0.182 with 3, 0.200 with 30. Without this
bound two cases at one level were once taken for a ratio of 200."""
EXPIRY_DAYS = 60
"""Nights for which a dismissal is in force: they contain two months' ends, so that a habit has to be dismissed twice a
quarter and no pattern is dismissed for good. A decision."""
MOST_DISMISSALS = 200
"""Largest number of one person's dismissals in one night that count: at two minutes each, a working day. A decision."""

GROUNDS: Mapping[str, str] = {"counterparty": "counterparty", "location": "location", "account": OTHER}
"""Reason code for each ground that a posting can share with others."""


def feedback_from(engine: SqlEngine, night: date) -> Feedback:
    """What reviews say of a night's postings.

    Parameters
    ----------
    engine
        Holds the tables `reviews`, `postings` and `findings`, and the rows of `decisions.sql`.
    night
        The night.
    """
    engine.keep("grounds", night=night)
    return Feedback(_rises(engine, night), _dismissals(engine, night))


FINDINGS_SCHEMA = pa.schema(
    [
        *(SCORES_SCHEMA.field(name) for name in ("trans_id", "account_id", "score")),
        pa.field("code", pa.string()),  # code of the strongest reason; null where it was not flagged
    ]
)
"""Published scores and codes of reviewed postings."""


def findings_of(lake: Lake, reviews: pa.Table, night: date, nights: Collection[date]) -> pa.Table:
    """Findings of the reviewed postings (`FINDINGS_SCHEMA`) that `nights` published in the `MEASURED_DAYS` before."""
    if not reviews.num_rows:
        return FINDINGS_SCHEMA.empty_table()
    first, last = night - timedelta(days=MEASURED_DAYS), night - timedelta(days=1)
    scores = lake.read("anomaly_scores", first, last, ["settlement_date", "trans_id", "account_id", "score", "reasons"])
    is_known = pc.is_in(scores["settlement_date"], value_set=pa.array(sorted(nights), pa.date32()))
    is_reviewed = pc.is_in(scores["trans_id"], value_set=reviews["trans_id"].combine_chunks())
    theirs = scores.filter(pc.and_(is_known, is_reviewed))
    return theirs.append_column("code", codes_of(theirs["reasons"])).select(FINDINGS_SCHEMA.names)


def codes_of(reasons: pa.ChunkedArray) -> pa.Array:
    """The code of each posting's strongest reason; null where it was not flagged."""
    return pa.array([found[0]["code"] if found else None for found in reasons.to_pylist()], pa.string())


def dismissed_warnings(reviews: pa.Table, night: date) -> dict[tuple[int, str], str]:
    """Sentences for warnings whose dismissal is in force, by account and check.

    Parameters
    ----------
    reviews
        Reviews that the night knows.
    """
    with queries(reviews=reviews) as engine:
        engine.keep("break_decisions", night=night)
        found = engine.keep("dismissed_checks", night=night, expiry_days=EXPIRY_DAYS, most_a_night=MOST_DISMISSALS)
    return {(row["account_id"], row["check_code"]): _set_back(row, night) for row in found.to_pylist()}


def level_shifts(counts: pa.Table) -> pa.Table:
    """The likelihood ratio of each level: columns `ground`, `case_level` and `shift`.

    The shift is in powers of ten, at least 0, and never falls from one level to the next.

    Parameters
    ----------
    counts
        Rows of `level_counts.sql`.
    """
    rows = [
        {"ground": ground, "case_level": level, "shift": float(shift)}
        for ground in GROUNDS
        for level, shift in enumerate(_ratios(_tally(counts, ground)))
    ]
    return pa.Table.from_pylist(rows, schema=_SHIFTS)


_SHIFTS = pa.schema(
    [pa.field("ground", pa.string()), pa.field("case_level", pa.int32()), pa.field("shift", pa.float64())]
)
_OUTCOMES = ("confirmed", "dismissed", "unmentioned")


def _rises(engine: SqlEngine, night: date) -> pa.Table:
    low, high = LEVEL_SHARES
    engine.keep("delays")
    engine.keep("levels", window_days=WINDOW_DAYS, half_life_days=HALF_LIFE_DAYS)
    counts = engine.keep("level_counts", night=night, measured_days=MEASURED_DAYS, low=low, high=high)
    engine.put("level_shifts", level_shifts(counts))
    found = engine.keep("rises", night=night, low=low, high=high).to_pylist()
    return pa.Table.from_pylist([_rise(row, night) for row in found], schema=RISES_SCHEMA)


def _dismissals(engine: SqlEngine, night: date) -> pa.Table:
    found = engine.keep("dismissals", night=night, expiry_days=EXPIRY_DAYS, most_a_night=MOST_DISMISSALS)
    rarities = rarity_of(found["score"].to_numpy())
    rows = [
        {**row, "rarity": rarity, "text": _dismissed(row, night)}
        for row, rarity in zip(found.to_pylist(), rarities.tolist(), strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=DISMISSALS_SCHEMA)


def _tally(counts: pa.Table, ground: str) -> dict[str, Vector]:
    """Number of postings at each level, by outcome."""
    tally = {outcome: np.zeros(len(LEVEL_SHARES) + 2) for outcome in _OUTCOMES}
    for row in counts.to_pylist():
        if row["ground"] == ground:
            for outcome in _OUTCOMES:
                tally[outcome][row["case_level"]] = row[outcome]
    return tally


def _ratios(tally: Mapping[str, Vector]) -> Vector:
    """Likelihood ratio of each level, in powers of ten.

    A level's share among dismissed postings is shrunk towards its share among postings without a review, and its share
    among confirmed ones towards the result, so that a level without confirmed frauds has no effect. Ratios that rest on
    few reviews count less.
    """
    confirmed, dismissed, silent = (tally[outcome] for outcome in _OUTCOMES)
    # At least one posting counts at every level, as with none the first confirmed fraud would have an infinite ratio.
    background = np.maximum(silent, 1.0) / max(silent.sum(), 1.0)
    ordinary = (dismissed + PRIOR_CASES * background) / (dismissed.sum() + PRIOR_CASES)
    anomalous = (confirmed + PRIOR_CASES * ordinary) / (confirmed.sum() + PRIOR_CASES)
    reviewed = confirmed + dismissed
    ratios = np.log10(anomalous / ordinary) * reviewed / (reviewed + CONVINCING)
    ratios[0] = 0.0
    return np.maximum(np.maximum.accumulate(ratios), 0.0)


def _rise(row: Mapping[str, Any], night: date) -> dict[str, Any]:
    return {
        "trans_id": row["trans_id"],
        "code": GROUNDS[row["ground"]],
        "feature": f"{row['ground']}_cases",
        "value": f"{count(row['cases'])} confirmed",
        "typical": "none confirmed",
        "shift": row["shift"],
        "text": _confirmed(row, night),
    }


def _confirmed(row: Mapping[str, Any], night: date) -> str:
    """A sentence on how many postings of the subject were confirmed, and since when this is known."""
    cases, postings = row["cases"], row["postings"]
    those = f"{_spoken(cases)} of the last {_spoken(postings)} payments" if postings > 1 else "The last payment"
    was = "was" if cases == 1 else "were"
    known = f"{'known' if cases == 1 else 'the latest known'} on {day_of(row['latest_known_on'], night)}"
    return f"{those[:1].upper()}{those[1:]} {_whose(row)} {was} confirmed as fraud, {known}."


def _whose(row: Mapping[str, Any]) -> str:
    if row["ground"] == "account":
        return "of this account"
    if row["ground"] == "location":
        return f"in district {named(row['subject'])}"
    bank, _, account = row["subject"].rpartition("/")
    return f"with account {named(account_text(account))}{f' at bank {named(bank)}' if bank else ''}"


def _dismissed(row: Mapping[str, Any], night: date) -> str:
    said = f"A finding like it on this account was looked into and dismissed on {day_of(row['known_on'], night)}"
    return f"{said}; until {_in_force_until(row, night)} it weighs less."


def _set_back(row: Mapping[str, Any], night: date) -> str:
    said = f"A warning like it on this account was looked into and dismissed on {day_of(row['known_on'], night)}"
    return f"{said}; until {_in_force_until(row, night)} it stands behind the others."


def _in_force_until(row: Mapping[str, Any], night: date) -> str:
    return day_of(row["acts_from"] + timedelta(days=EXPIRY_DAYS - 1), night)


_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def _spoken(number: int) -> str:
    """A small number as a word."""
    return _NUMBERS[number] if number < len(_NUMBERS) else count(number)
