"""Selects the signals that people are told of: those that last, once, and again when they grow or after a month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Self

import pyarrow as pa

from include.models.threshold import BUDGET_DAYS
from include.monitoring.drift import holds_season
from include.monitoring.notice_sentences import also
from include.monitoring.signals import DRIFT, PERSISTENCE, Code, Signal
from include.publish.escaping import inert

REPEAT_DAYS = BUDGET_DAYS
"""Days after which a lasting signal is told again: by then another month is compared with the old ones."""
GROWN_TIMES = 1.5
"""Factor by which an effect must have grown to be told again earlier, beyond the growth that follows from the month
filling with it."""

NOTICES_SCHEMA = pa.schema(
    [
        pa.field("code", pa.string()),
        pa.field("feature", pa.string()),  # a feature, a reason code, or empty
        pa.field("topic", pa.string()),
        pa.field("text", pa.string()),
        pa.field("asks_for_selection", pa.bool_()),
        pa.field("since", pa.date32()),  # approximate beginning
        pa.field("effect", pa.float64()),
        pa.field("also", pa.list_(pa.string())),  # topics that changed with it
    ]
)
"""Notices of a night, which are stored so that later nights do not repeat them."""


@dataclass(frozen=True)
class Told:
    """A notice of an earlier night; `night` is the night that told it, the other fields are as in `NOTICES_SCHEMA`."""

    night: date
    code: Code
    feature: str
    topic: str
    since: date
    effect: float
    also: tuple[str, ...]
    asks_for_selection: bool

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """The notice in a row of `NOTICES_SCHEMA`, whose night is its `settlement_date`."""
        names = ("code", "feature", "topic", "since", "effect", "asks_for_selection")
        return cls(night=row["settlement_date"], also=tuple(row["also"] or ()), **{name: row[name] for name in names})

    def covers(self, signal: Signal) -> bool:
        """Whether the notice told of the signal's topic."""
        return self.code == signal.code and signal.topic in (self.topic, *self.also)


def streaks(signals: Sequence[Signal], before: Mapping[str, int]) -> dict[str, int]:
    """Number of nights in a row on which each signal crossed its lines; signals that did not tonight are left out.

    Parameters
    ----------
    signals
        Signals of tonight.
    before
        Streaks of the night before.
    """
    return {signal.name: before.get(signal.name, 0) + 1 for signal in signals if signal.is_over}


def notices(night: date, signals: Sequence[Signal], lasting: Mapping[str, int], told: Sequence[Told]) -> pa.Table:
    """The notices of one night.

    Features that begin to drift together share one notice, about the one that moved most; it names the others.

    Parameters
    ----------
    night
        The night.
    signals
        Signals of the night.
    lasting
        Result of `streaks` for the night.
    told
        Earlier notices, in any order.

    Returns
    -------
    pyarrow.Table
        Rows of `NOTICES_SCHEMA`, drifts first, the largest drift at the top; texts are inert.
    """
    due = [signal for signal in signals if lasting.get(signal.name, 0) >= PERSISTENCE]
    fresh = sorted(
        (phrased for signal in due if (phrased := _phrased(night, signal, told)) is not None),
        key=lambda signal: (signal.code not in DRIFT, -signal.excess, signal.name),
    )
    features = [signal for signal in fresh if signal.code == "feature_drift"]
    rows = [_row(features[0], features[1:])] if features else []
    rows += [_row(signal, ()) for signal in fresh if signal.code != "feature_drift"]
    return pa.Table.from_pylist(rows, schema=NOTICES_SCHEMA)


def _phrased(night: date, signal: Signal, told: Sequence[Told]) -> Signal | None:
    """The signal with the text to tell tonight; None when it was told already."""
    earlier = [notice for notice in told if notice.covers(signal)]
    if not earlier:
        return signal
    last = max(earlier, key=lambda notice: notice.night)
    again = replace(signal, asks_for_selection=signal.asks_for_selection and _was_excused(earlier))
    if _has_grown(night, signal, last):
        return replace(again, text=f"It has grown. {signal.text}")
    if (night - last.night).days < REPEAT_DAYS:
        return None
    return replace(again, text=f"Told on {last.night:%Y-%m-%d}, and still so. {signal.text}")


def _was_excused(earlier: Sequence[Told]) -> bool:
    """Whether all earlier notices fell into a season and asked for no selection, which is asked for only once."""
    return all(holds_season(notice.night) and not notice.asks_for_selection for notice in earlier)


def _has_grown(night: date, signal: Signal, last: Told) -> bool:
    """Whether the effect grew by more than filling explains, which at its fastest is in proportion to the nights."""
    if signal.feature != last.feature:
        return False
    filled = _nights_of(last.since, night) / _nights_of(last.since, last.night)
    return signal.effect >= GROWN_TIMES * filled * last.effect


def _nights_of(since: date, night: date) -> int:
    """Number of nights since `since` within the month that ends with `night`."""
    return min((night - since).days + 1, BUDGET_DAYS)


def _row(signal: Signal, others: Sequence[Signal]) -> dict[str, Any]:
    named = [other.feature for other in others if other.feature != signal.feature]
    return {
        "code": signal.code,
        "feature": signal.feature,
        "topic": signal.topic,
        "text": inert(signal.text + also(list(dict.fromkeys(named)))),
        "asks_for_selection": any(each.asks_for_selection for each in (signal, *others)),
        "since": signal.since,
        "effect": signal.effect,
        "also": sorted({other.topic for other in others} - {signal.topic}),
    }
