"""Which of a night's signals people are told of: what lasts, once, and again when it grows or a month has gone by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Self

import pyarrow as pa

from include.models.threshold import BUDGET_DAYS
from include.monitoring.drift import holds_season
from include.monitoring.signals import DRIFT, PERSISTENCE, Code, Signal
from include.monitoring.wording import also
from include.publish.escaping import inert

REPEAT_DAYS = BUDGET_DAYS
"""Days after which something that is still so is told again: a month later another month lies beside the old ones."""
GROWN_TIMES = 1.5
"""Times that an effect must have grown to be told before, beyond what the month's filling with it explains."""

NOTICES_SCHEMA = pa.schema(
    [
        pa.field("code", pa.string()),
        pa.field("feature", pa.string()),  # a feature, a reason code, or empty
        pa.field("topic", pa.string()),
        pa.field("text", pa.string()),
        pa.field("asks_for_selection", pa.bool_()),
        pa.field("since", pa.date32()),  # when it began, about
        pa.field("effect", pa.float64()),
        pa.field("also", pa.list_(pa.string())),  # topics that changed with it
    ]
)
"""What a night told, kept with it so that later nights do not say it again."""


@dataclass(frozen=True)
class Told:
    """A notice of an earlier night; `night` is when it was told, the rest as in `NOTICES_SCHEMA`."""

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
        """From a row of `NOTICES_SCHEMA` with its night as `settlement_date`."""
        names = ("code", "feature", "topic", "since", "effect", "asks_for_selection")
        return cls(night=row["settlement_date"], also=tuple(row["also"] or ()), **{name: row[name] for name in names})

    def covers(self, signal: Signal) -> bool:
        """Whether it told of the signal's topic."""
        return self.code == signal.code and signal.topic in (self.topic, *self.also)


def streaks(signals: Sequence[Signal], before: Mapping[str, int]) -> dict[str, int]:
    """For how many nights in a row each signal has been over its lines; those that are not are left out.

    Parameters
    ----------
    signals
        Tonight's.
    before
        The same of the night before.
    """
    return {signal.name: before.get(signal.name, 0) + 1 for signal in signals if signal.is_over}


def notices(night: date, signals: Sequence[Signal], lasting: Mapping[str, int], told: Sequence[Told]) -> pa.Table:
    """What to tell of one night.

    Features that begin to drift together are one notice, of the one that moved most; the others are named in it.

    Parameters
    ----------
    night
        The night.
    signals
        Its signals.
    lasting
        `streaks` of the night.
    told
        Earlier notices, in any order.

    Returns
    -------
    pyarrow.Table
        `NOTICES_SCHEMA`, drifts first, the largest at the head; texts are inert.
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
    """The signal as it is told tonight; None when it has been said."""
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
    """Whether it was only ever told as what a season may be: a selection is asked for once, and then not again."""
    return all(holds_season(notice.night) and not notice.asks_for_selection for notice in earlier)


def _has_grown(night: date, signal: Signal, last: Told) -> bool:
    """Beyond what follows from the month holding more and more nights of it: in proportion, that is the fastest."""
    if signal.feature != last.feature:
        return False
    filled = _nights_of(last.since, night) / _nights_of(last.since, last.night)
    return signal.effect >= GROWN_TIMES * filled * last.effect


def _nights_of(since: date, night: date) -> int:
    """Nights of the month that ends with `night` which lie in it."""
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
