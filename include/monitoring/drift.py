"""Drift of features and of the score: the month that ends with the night against the months it should be like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, Self, TypeAlias

import numpy as np
from scipy.stats import false_discovery_control

from include.explaining.words.wording import day_of
from include.features.catalog import FEATURES_BY_NAME
from include.models.model import Model
from include.monitoring.distances import chance, distance
from include.monitoring.notice_sentences import Comparison, missing_sentence, rarity_sentence
from include.monitoring.profiles import CELLS, SCORE, Counts, Profiles, expected_shares
from include.monitoring.signals import Signal

Aspect: TypeAlias = Literal["missing", "rarity"]

REFERENCE_MONTHS = 3
"""Number of months before the month that ends with the night. The month is compared with them, and they show how much
ordinary months differ."""
MOST_MONTH_DAYS = 31
YEAR_DAYS = 365
"""Days back to the same season; a day more or less does not matter to a month."""
LEAST_DISTANCE = 0.07
"""Least distance that counts as drift, however certain a smaller difference is. Measured on the real bank, on every
night from 1 September to 5 December 1993, with a model trained before September: with 0.05, the spending of a day and
the time since the last decision were reported, with 0.06 and more nothing was; a third of the accounts withdrawing 1.5
times as much reaches 0.09."""
ORDINARY_TIMES = 1.5
"""Least distance as a multiple of the farthest that one of the reference months lies from the others. On the same
nights features that follow the calendar (`gap`, `month_spend`, up to 0.12) reached 1.3 times that."""
CAUTION = 1.5
"""Factor of the line where it is not known how much ordinary months differ."""
SEASON_CAUTION = 2.4
"""Factor of the line during a season when the same season of the year before is not known. Sums above the usual lay
0.10 from those of autumn in the real December 1993, and 0.12 to 0.16 in the first of four generated banks."""
TRAINING_CAUTION = 3.0
"""Factor of the line where training's expectation stands in for the months before. Training reaches back to when habits
were still forming: the weekly payments of the real bank's accounts lay 0.16 from it in the second month after the
training, and 0.21 in the fifth, although the months before were like them. Until such months exist, only gross drift is
reported."""
SEVERAL_NIGHTS = 0.3
"""Share of the line that must remain when any one night is replaced by the reference, since a single night is no drift.
The price is that changes which show on one night alone are reported late: on the real bank, withdrawals that rise 1.5
times for a third of the accounts move a month by 0.10, but without its last day by 0.01 to 0.02, and are reported four
to six weeks later. With 0.35 they are not reported at all; with either value no ordinary night of autumn 1993 reports
anything."""
FALSE_DISCOVERIES = 0.01
"""Expected share of chance findings among the reported features, whatever their dependence (Benjamini and Yekutieli,
2001)."""
LEAST_ROWS = 200
"""Least number of postings in a month; with fewer, chance alone gives a distance of `LEAST_DISTANCE`."""
SEASONS = (((6, 1), (6, 14)), ((12, 1), (1, 6)))
"""First and last day (month, day) of every season: the pay days of June and December, when every salary of the real
bank is a half higher (46 of 46 and 104 of 104), and Christmas."""


@dataclass(frozen=True)
class Reference:
    """The months that a month is compared with.

    Attributes
    ----------
    counts
        Counts of one feature's cells, all months together.
    months
        The same counts by month; empty where single months are not known.
    name
        Words for the reference in a sentence, after "compared with 9 %".
    caution
        Factor of the line, as this reference alone does not show how much ordinary months differ.
    is_drawn
        Whether the reference is training's expectation, whose tail may be extrapolated from the body.
    """

    counts: Counts
    months: Sequence[Counts]
    name: str
    caution: float = 1.0
    is_drawn: bool = False

    def ordinary(self) -> float | None:
        """The largest distance of one of its months from all others together; None with fewer than two months."""
        if len(self.months) < 2:
            return None
        return max(distance(month, self.counts - month) for month in self.months)


@dataclass(frozen=True)
class Expected:
    """The profile of postings that the night's model leads to expect.

    Attributes
    ----------
    shares
        Result of `include.monitoring.profiles.expected_shares`.
    never_missing
        Names of the features that every training row had.
    rows
        Number of training rows.
    """

    shares: Mapping[str, Counts]
    never_missing: frozenset[str]
    rows: int

    @classmethod
    def of(cls, model: Model) -> Self:
        """The expectation that a model has from its training."""
        indicated = zip(model.preparation.features, model.preparation.indicated, strict=True)
        never_missing = frozenset(name for name, was_missing in indicated if not was_missing)
        return cls(expected_shares(model), never_missing, model.training.rows)

    def reference(self, feature: str, aspect: Aspect) -> Reference | None:
        """The expectation of one feature as a reference; None where training gives none."""
        if aspect == "missing":
            known = np.array([0.0, self.rows]) if feature in self.never_missing else None
            return None if known is None else Reference(known, (), _IN_TRAINING, CAUTION)
        if feature not in self.shares:
            return None
        return Reference(self.shares[feature] * self.rows, (), _IN_TRAINING, TRAINING_CAUTION, is_drawn=True)


_IN_TRAINING = "when the model was trained"


def drift_signals(profiles: Profiles, expected: Expected | None) -> list[Signal]:
    """The drift of every feature and of the score on the last of the profiles' nights.

    A month must differ from everything it could be like: from the months before it and, where they are known, from the
    same season a year ago. A change that returns every year is a season; one that has lasted for months has been
    learned. Compared with last year alone, a bank that grows would drift every night.

    Parameters
    ----------
    profiles
        Profiles of all known nights, preferably more than a year; without a whole month nothing is reported.
    expected
        Expectation of the model, which stands in for the months before where there are none; None where unknown.
    """
    found = [drift for name in sorted(profiles.counts) for drift in _drifts(profiles, name, expected)]
    if not found:
        return []
    corrected = false_discovery_control([drift.p_value for drift in found], method="by")
    return [drift.signal(float(p_value)) for drift, p_value in zip(found, corrected, strict=True)]


@dataclass(frozen=True)
class _Drift:
    """One feature's month, and the reference that it is nearest to."""

    feature: str
    aspect: Aspect
    nights: Counts
    reference: Reference
    effect: float
    limit: float
    p_value: float
    night: date
    is_new_season: bool

    def signal(self, p_value: float) -> Signal:
        """The drift as a signal, with its p-value corrected for all features."""
        is_certain = p_value < FALSE_DISCOVERIES
        is_over = is_certain and self.effect >= self.limit and self._is_steady()
        since = self.night - timedelta(days=_nights_since(self.nights, self.reference) - 1) if is_over else self.night
        is_score = self.feature == SCORE
        return Signal(
            code="score_drift" if is_score else "feature_drift",
            feature=self.feature,
            topic=SCORE if is_score else FEATURES_BY_NAME[self.feature].code,
            effect=self.effect,
            limit=self.limit,
            p_value=p_value,
            is_over=is_over,
            since=since,
            text=self._text(since),
            asks_for_selection=not self.is_new_season,
            aspect=self.aspect,
        )

    def _is_steady(self) -> bool:
        """Whether several nights show the drift: enough of it remains when any one night is like the reference."""
        total, usual = self.nights.sum(axis=0), self.reference.counts / self.reference.counts.sum()
        others = [total - night + usual * night.sum() for night in self.nights if night.sum()]
        left = min(distance(*_comparable(counts, self.reference)) for counts in others)
        return left >= SEVERAL_NIGHTS * self.limit

    def _text(self, since: date) -> str:
        compared = Comparison(self.feature, since, self.night, self.reference.name, self.is_new_season)
        write = missing_sentence if self.aspect == "missing" else rarity_sentence
        month = self.nights.sum(axis=0)
        return write(compared, month / month.sum(), self.reference.counts / self.reference.counts.sum())


def _drifts(profiles: Profiles, name: str, expected: Expected | None) -> Iterator[_Drift]:
    counts = profiles.counts[name]
    present = np.column_stack([counts[:, 0], counts[:, 1:].sum(axis=1)])
    aspects: tuple[tuple[Aspect, Counts], ...] = (("missing", present), ("rarity", _on_scale(counts)))
    for aspect, nights in aspects:
        trained = None if expected is None else expected.reference(name, aspect)
        found = _drift(profiles, name, aspect, nights, trained)
        if found is not None:
            yield found


def _on_scale(counts: Counts) -> Counts:
    """The newest nights whose values are all on the model's scale; counts of missing values are left out."""
    others = np.flatnonzero(counts[:, CELLS] > 0)
    return counts[others[-1] + 1 if len(others) else 0 :, 1:CELLS]


def _drift(profiles: Profiles, name: str, aspect: Aspect, nights: Counts, trained: Reference | None) -> _Drift | None:
    days = month_days(profiles.last)
    month = nights[-days:]
    if len(nights) < days or month.sum() < LEAST_ROWS:
        return None
    references = list(_references(profiles.last, nights, trained))
    if not references or not _may_differ(month, references):
        return None
    nearest = min(references, key=lambda reference: _effect(month, reference))
    is_new_season = holds_season(profiles.last) and _last_year(profiles.last, nights) is None
    return _Drift(
        feature=name,
        aspect=aspect,
        nights=month,
        reference=nearest,
        effect=_effect(month, nearest),
        limit=_limit(references, is_new_season),
        p_value=max(chance(*_comparable(month.sum(axis=0), reference)) for reference in references),
        night=profiles.last,
        is_new_season=is_new_season,
    )


def _references(night: date, nights: Counts, trained: Reference | None) -> Iterator[Reference]:
    months, first = _months_before(night, nights)
    if months:
        name = f"from {day_of(first, night)} to {day_of(night - timedelta(days=month_days(night)), night)}"
        yield Reference(np.sum(months, axis=0), months, name, CAUTION if len(months) < 2 else 1.0)
    elif trained is not None:
        yield trained
    last_year = _last_year(night, nights)
    if last_year is not None:
        yield Reference(last_year, (), "in the same days of the year before")


def _months_before(night: date, nights: Counts) -> tuple[list[Counts], date]:
    """The known months before the one that ends with the night, and their first day."""
    months: list[Counts] = []
    end = night - timedelta(days=month_days(night))
    for _ in range(REFERENCE_MONTHS):
        last = len(nights) - (night - end).days
        if last < month_days(end) or nights[last - month_days(end) : last].sum() < LEAST_ROWS:
            break
        months.append(nights[last - month_days(end) : last].sum(axis=0))
        end -= timedelta(days=month_days(end))
    return months, end + timedelta(days=1)


def _last_year(night: date, nights: Counts) -> Counts | None:
    """The month that ended with the same day of the year before; None where it is not known."""
    end = len(nights) - YEAR_DAYS
    days = month_days(night - timedelta(days=YEAR_DAYS))
    if end < days:
        return None
    counts: Counts = nights[end - days : end].sum(axis=0)
    return counts if counts.sum() >= LEAST_ROWS else None


def month_days(night: date) -> int:
    """Number of nights of the month that ends with `night`: 28 to 31, so that it contains exactly one month's end.

    With always 31 nights, a month that ends on 2 March would contain two and be unlike every other month.

    Examples
    --------
    >>> month_days(date(1993, 11, 30)), month_days(date(1993, 12, 15))
    (30, 30)
    >>> month_days(date(1993, 3, 2)), month_days(date(1993, 3, 30))
    (28, 31)
    """
    if (night + timedelta(days=1)).day == 1:
        return night.day
    last_of_before = night.replace(day=1) - timedelta(days=1)
    return night.day + last_of_before.day - min(night.day, last_of_before.day - 1)


def holds_season(night: date) -> bool:
    """Whether the month that ends with the night has a day of a season.

    Examples
    --------
    >>> holds_season(date(1993, 11, 30)), holds_season(date(1993, 12, 1))
    (False, True)
    >>> holds_season(date(1994, 2, 5)), holds_season(date(1994, 2, 6))
    (True, False)
    """
    days = [night - timedelta(days=n) for n in range(month_days(night))]
    return any(_is_within((day.month, day.day), *season) for day in days for season in SEASONS)


def _is_within(day: tuple[int, int], first: tuple[int, int], last: tuple[int, int]) -> bool:
    """Whether a (month, day) lies in a stretch, which may cross the end of the year."""
    return first <= day <= last if first <= last else day >= first or day <= last


def _may_differ(month: Counts, references: Sequence[Reference]) -> bool:
    """Whether the postings fall into more than one cell; otherwise (as for values never missing) nothing can differ."""
    return bool(np.count_nonzero(month.sum(axis=0) + sum(reference.counts for reference in references)) > 1)


def _effect(month: Counts, reference: Reference) -> float:
    return distance(*_comparable(month.sum(axis=0), reference))


def _limit(references: Sequence[Reference], is_new_season: bool) -> float:
    known = [ordinary for reference in references if (ordinary := reference.ordinary()) is not None]
    line = max([LEAST_DISTANCE, *(ORDINARY_TIMES * ordinary for ordinary in known)])
    return line * max(references[0].caution, SEASON_CAUTION if is_new_season else 1.0)


def _comparable(counts: Counts, reference: Reference) -> tuple[Counts, Counts]:
    """Both counts in comparable cells.

    The last two cells are merged for training's expectation, as its tail is extrapolated for some features.
    """
    if not reference.is_drawn:
        return counts, reference.counts
    return np.append(counts[:-2], counts[-2:].sum()), np.append(reference.counts[:-2], reference.counts[-2:].sum())


def _nights_since(month: Counts, reference: Reference) -> int:
    """The number of nights since the month changed most clearly (a change point with one step)."""
    return max(range(1, len(month) + 1), key=lambda nights: _contrast(month, reference, nights))


def _contrast(month: Counts, reference: Reference, nights: int) -> float:
    """Squared distance of the last nights from everything before, weighted as in a two-sample test."""
    after, before = month[-nights:].sum(axis=0), month[:-nights].sum(axis=0)
    if not after.sum():
        return 0.0
    here, known = _comparable(after, reference)
    there = known + _comparable(before, reference)[0]
    weight = here.sum() * there.sum() / (here.sum() + there.sum())
    return float(weight * distance(here, there) ** 2)
