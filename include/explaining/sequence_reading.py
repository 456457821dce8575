"""Asks the sequence model about one posting: what it expected, and which earlier postings made the posting odd."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from math import exp

import numpy as np

from include.explaining.words import NO_READING, Earlier, FeatureRow, SequenceReading
from include.features.sequences import KINDS, NO_POSTING, STEP, STEP_FIELDS, WINDOW
from include.models.sequence_reader import SequenceReader
from include.relations import is_bank_booked

MOST_COMPARED = 2
"""Largest number of earlier postings that a sentence names; a third one would make it too long to be read aloud."""
MOST_BLAMED = 5
"""Number of surprising earlier postings among which they are chosen."""

_KIND, _LOG_AMOUNT, _DAYS_BEFORE = (STEP_FIELDS.index(name) for name in ("kind", "log_amount", "days_before"))


def read_sequences(
    sequence: SequenceReader | None, rows: Sequence[FeatureRow], surprises: Sequence[Mapping[str, float]]
) -> list[SequenceReading]:
    """The model's expectation of each posting, with earlier postings to compare it with.

    All rows are read at once, as every pass of the network costs as much as one of a thousand windows.

    Parameters
    ----------
    sequence
        Sequence reader; None where the model has none.
    rows
        Feature rows with their windows.
    surprises
        The reader's surprises of each row, from the raw rows.
    """
    if sequence is None or not rows:
        return [NO_READING] * len(rows)
    windows = np.array([row["window"] for row in rows], dtype=np.float64)
    expected, blamed = sequence.expectation(windows), sequence.blames(windows, top=MOST_BLAMED)
    return [
        SequenceReading(expectation, parts, _compared(row, places), _latest(row))
        for row, expectation, parts, places in zip(rows, expected, surprises, blamed, strict=True)
    ]


def _compared(row: FeatureRow, blamed: Sequence[int]) -> tuple[Earlier, ...]:
    """The postings without which the model would have been less surprised; the latest posting where there are none.

    Postings that people decided come before those that the bank books by itself, as no client can be asked about a fee.
    """
    held = [place for place in range(WINDOW) if row["window_trans"][place] != NO_POSTING]
    choices = (_decided(row, blamed), _decided(row, held[::-1]), blamed, held[::-1])
    places = next((choice for choice in choices if choice), [])
    return tuple(_earlier(row, place) for place in sorted(places[:MOST_COMPARED]))


def _decided(row: FeatureRow, places: Sequence[int]) -> list[int]:
    return [place for place in places if not is_bank_booked(_earlier(row, place).kind)]


def _latest(row: FeatureRow) -> Earlier | None:
    return _earlier(row, WINDOW - 1) if row["window_trans"][-1] != NO_POSTING else None


def _earlier(row: FeatureRow, place: int) -> Earlier:
    step = row["window"][place * STEP : (place + 1) * STEP]
    day: date = row["settlement_date"]
    return Earlier(
        trans_id=row["window_trans"][place],
        day=day - timedelta(days=round(step[_DAYS_BEFORE])),
        kind=KINDS[round(step[_KIND]) - 1],
        amount=exp(step[_LOG_AMOUNT]) / 100,
    )
