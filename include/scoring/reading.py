"""What the sequence model has to say of one posting: what it expected, and which earlier postings made it odd."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from math import exp

import numpy as np

from include.features.sequences import KINDS, NO_POSTING, STEP, STEP_FIELDS, WINDOW
from include.models.lstm import Lstm
from include.scoring.words import NO_READING, Earlier, Row, SequenceReading

MOST_COMPARED = 2
"""Earlier postings a sentence names: a third one makes it too long to be read aloud."""

_KIND, _LOG_AMOUNT, _DAYS_BEFORE = (STEP_FIELDS.index(name) for name in ("kind", "log_amount", "days_before"))


def read_sequences(sequence: Lstm | None, rows: Sequence[Row]) -> list[SequenceReading]:
    """What the model expected of each posting, with the earlier ones to compare it with.

    Those are the ones without which it would have been less surprised; where there are none such, the latest. All rows
    at once: every pass of the network costs as much as one of a thousand windows.
    """
    if sequence is None or not rows:
        return [NO_READING] * len(rows)
    windows = np.array([row["window"] for row in rows], dtype=np.float64)
    expected, blamed = sequence.expectation(windows), sequence.blames(windows, top=MOST_COMPARED)
    return [
        SequenceReading(expectation, _compared(row, places))
        for row, expectation, places in zip(rows, expected, blamed, strict=True)
    ]


def _compared(row: Row, blamed: list[int]) -> tuple[Earlier, ...]:
    held = [place for place in range(WINDOW) if row["window_trans"][place] != NO_POSTING]
    return tuple(_earlier(row, place) for place in sorted(blamed or held[-MOST_COMPARED:]))


def _earlier(row: Row, place: int) -> Earlier:
    step = row["window"][place * STEP : (place + 1) * STEP]
    day: date = row["settlement_date"]
    return Earlier(
        trans_id=row["window_trans"][place],
        day=day - timedelta(days=round(step[_DAYS_BEFORE])),
        kind=KINDS[round(step[_KIND]) - 1],
        amount=exp(step[_LOG_AMOUNT]) / 100,
    )
