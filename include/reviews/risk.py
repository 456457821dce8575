"""Risk from reviews: how much more often than others' the postings of a counterparty, place or account were confirmed.

A confirmed case moves what it shares something with: the Fraud Detection Handbook (Le Borgne and others, 2022, chapter
3.4) finds the risk of terminals and customers of the last days, seen through the delay of knowing, to be worth more
than any detector. Here nothing is assumed of how cases recur. Each subject has a level, the confirmed share of its
latest postings that could be known about; how much a level says is the likelihood ratio measured on the bank's own
past, as far as it is known: how many of the confirmed cases had a subject at that level on their day, against how many
of the postings that were not. Where cases do not recur, levels say nothing.
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
from include.lake import Lake
from include.lake.tables import SCORES_SCHEMA
from include.models.base import Vector
from include.models.calibration import rarity_of
from include.reviews.queries import Queries, queries
from include.scoring.review_adjustment import DISMISSALS_SCHEMA, RISES_SCHEMA, Feedback

WINDOW_DAYS = 28
"""Days of a subject's postings: how long a terminal of the Handbook's simulation is compromised. Measured on that bank,
8 weeks, every case known after a week (as are the figures below): average precision 0.206, 0.204 and 0.204 for 21, 28
and 60."""
HALF_LIFE_DAYS = 3.0
"""After so many days a posting weighs half, so that a subject that has been clean since is soon believed: 0.214, 0.204,
0.146 and 0.136 for 2, 3, 7 and 14. Not fewer than 3: banks pay less
often than this one's customers, two payments a day."""
MEASURED_DAYS = 92
"""Days of postings that the likelihood ratios are measured on: three months, as the look-back of habits."""
LEVEL_SHARES = (0.1, 0.4)
"""Confirmed shares from which on a subject is at the second and the third level: 0.190 with (0.05, 0.2), 0.193 with
(0.2, 0.6)."""
PRIOR_CASES = 10.0
"""Confirmed cases and postings a share is drawn by towards what it is without them: 0.204 with 1, 0.206 with 30."""
CONVINCING = 10.0
"""Reviewed postings at a level after which its ratio counts half: 0.182 with 3, 0.200 with 30. Without it two cases at
one level were once taken for a ratio of 200."""
EXPIRY_DAYS = 60
"""Nights a dismissal is in force: two months' ends, so that a habit is dismissed twice a quarter and no pattern for
good. A decision."""
MOST_DISMISSALS = 200
"""Of one person, taken in by one night, that count: two minutes for each is a working day. A decision."""

GROUNDS: Mapping[str, str] = {"counterparty": "counterparty", "location": "location", "account": OTHER}
"""What a posting shares with others -> the reason code it is published under."""


def feedback_from(engine: Queries, night: date) -> Feedback:
    """What reviews say of a night's postings.

    Parameters
    ----------
    engine
        Holds the tables `reviews`, `postings` and `findings`, and the rows of `decisions.sql`.
    night
        The night.
    """
    engine.run("grounds", night=night)
    return Feedback(_rises(engine, night), _dismissals(engine, night))


FINDINGS_SCHEMA = pa.schema(
    [
        *(SCORES_SCHEMA.field(name) for name in ("trans_id", "account_id", "score")),
        pa.field("code", pa.string()),  # of the strongest reason; null where it was not flagged
    ]
)
"""What had been published of postings that were reviewed."""


def findings_of(lake: Lake, reviews: pa.Table, night: date, nights: Collection[date]) -> pa.Table:
    """`FINDINGS_SCHEMA` of the reviewed postings, as far as `nights` of the `MEASURED_DAYS` before published them."""
    if not reviews.num_rows:
        return FINDINGS_SCHEMA.empty_table()
    first, last = night - timedelta(days=MEASURED_DAYS), night - timedelta(days=1)
    scores = lake.read("anomaly_scores", first, last, ["settlement_date", "trans_id", "account_id", "score", "reasons"])
    is_known = pc.is_in(scores["settlement_date"], value_set=pa.array(sorted(nights), pa.date32()))
    is_reviewed = pc.is_in(scores["trans_id"], value_set=reviews["trans_id"].combine_chunks())
    theirs = scores.filter(pc.and_(is_known, is_reviewed))
    codes = [reasons[0]["code"] if reasons else None for reasons in theirs["reasons"].to_pylist()]
    return theirs.append_column("code", pa.array(codes, pa.string())).select(FINDINGS_SCHEMA.names)


def dismissed_warnings(reviews: pa.Table, night: date) -> dict[tuple[int, str], str]:
    """By account and check whose dismissal is in force, the sentence that a warning of them gets.

    Parameters
    ----------
    reviews
        Those the night knows.
    """
    with queries(reviews=reviews) as engine:
        engine.run("break_decisions", night=night)
        found = engine.run("dismissed_checks", night=night, expiry_days=EXPIRY_DAYS, most_a_night=MOST_DISMISSALS)
    return {(row["account_id"], row["check_code"]): _set_back(row, night) for row in found.to_pylist()}


def level_shifts(counts: pa.Table) -> pa.Table:
    """`ground`, `case_level` and `shift`, the likelihood ratio of a level in powers of ten: 0 and up, never falling.

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


def _rises(engine: Queries, night: date) -> pa.Table:
    low, high = LEVEL_SHARES
    engine.run("delays")
    engine.run("levels", window_days=WINDOW_DAYS, half_life_days=HALF_LIFE_DAYS)
    counts = engine.run("level_counts", night=night, measured_days=MEASURED_DAYS, low=low, high=high)
    engine.put("level_shifts", level_shifts(counts))
    found = engine.run("rises", night=night, low=low, high=high).to_pylist()
    return pa.Table.from_pylist([_rise(row, night) for row in found], schema=RISES_SCHEMA)


def _dismissals(engine: Queries, night: date) -> pa.Table:
    found = engine.run("dismissals", night=night, expiry_days=EXPIRY_DAYS, most_a_night=MOST_DISMISSALS)
    rarities = rarity_of(found["score"].to_numpy())
    rows = [
        {**row, "rarity": rarity, "text": _dismissed(row, night)}
        for row, rarity in zip(found.to_pylist(), rarities.tolist(), strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=DISMISSALS_SCHEMA)


def _tally(counts: pa.Table, ground: str) -> dict[str, Vector]:
    """By outcome, how many postings were at each level."""
    tally = {outcome: np.zeros(len(LEVEL_SHARES) + 2) for outcome in _OUTCOMES}
    for row in counts.to_pylist():
        if row["ground"] == ground:
            for outcome in _OUTCOMES:
                tally[outcome][row["case_level"]] = row[outcome]
    return tally


def _ratios(tally: Mapping[str, Vector]) -> Vector:
    """Likelihood ratio of each level in powers of ten.

    The share of a level among what was dismissed is drawn towards its share among what nobody spoke of, and that among
    confirmed cases towards the result: without cases a level says nothing. What rests on few reviews counts less.
    """
    confirmed, dismissed, silent = (tally[outcome] for outcome in _OUTCOMES)
    # At least one posting at every level: a share of none would make the first case infinitely telling.
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
    """How many of whose postings were confirmed, and since when it is known."""
    cases, postings = row["cases"], row["postings"]
    those = f"{_spoken(cases)} of the last {_spoken(postings)} payments" if postings > 1 else "The last payment"
    was = "was" if cases == 1 else "were"
    known = f"{'known' if cases == 1 else 'the latest known'} on {day_of(row['latest_known_on'], night)}"
    return f"{those[:1].upper()}{those[1:]} {_whose(row)} {was} confirmed as fraud, {known}."


def _whose(row: Mapping[str, Any]) -> str:
    if row["ground"] == "account":
        return "of this account"
    if row["ground"] == "location":
        return f"in district {row['subject']}"
    bank, _, account = row["subject"].rpartition("/")
    return f"with account {account_text(account)}{f' at bank {bank}' if bank else ''}"


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
