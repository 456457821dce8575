"""Sentences on how much happened: postings and payments of a day, of seven days, of thirty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp

from include.explaining.words.wording import (
    FeatureRow,
    Finding,
    count,
    days,
    exceeds,
    held_against,
    kinds_made,
    money,
    one_in,
    times,
    transactions,
    wording,
)


@dataclass(frozen=True)
class _Span:
    """A stretch of days: the name of its columns, and its words in sentences."""

    name: str
    within: str
    usually: str
    paying: str
    length: int


_DAY = _Span("day", "in one day", "on a day with any", "on a day with payments", 1)
_WEEK = _Span("week", "within seven days", "in a week", "in a week", 7)
_MONTH = _Span("month", "within thirty days", "in thirty days", "in thirty days", 30)


def _counted(span: _Span) -> Callable[[FeatureRow], Finding]:
    def sentence(row: FeatureRow) -> Finding:
        number, usual = row[f"{span.name}_postings"], row[f"usual_{span.name}_postings"]
        made = f"{transactions(number)} {span.within}"
        if not usual:
            return Finding(transactions(number), "none", f"{made}; {_none_before(row, span, 'made none')}.", number > 1)
        habit = f"{span.usually} this account usually makes {count(usual)}"
        text = f"{made}; {held_against(habit, times(number, usual, 'as many'))}."
        return Finding(transactions(number), count(usual), text, number > 1 and exceeds(number, usual))

    return sentence


def _spent(span: _Span) -> Callable[[FeatureRow], Finding]:
    def sentence(row: FeatureRow) -> Finding:
        paid, usual = row[f"{span.name}_paid"], row[f"usual_{span.name}_paid"]
        said = f"Paid out {money(paid)} {span.within}"
        if not usual:
            return Finding(money(paid), money(0), f"{said}; {_none_before(row, span, 'paid nothing')}.", paid > 0)
        habit = f"{span.paying} this account usually pays {money(usual)}"
        text = f"{said}; {held_against(habit, times(paid, usual))}."
        return Finding(money(paid), money(usual), text, exceeds(paid, usual))

    return sentence


def _beyond_most(span: _Span) -> Callable[[FeatureRow], Finding]:
    def sentence(row: FeatureRow) -> Finding:
        paid, most = row[f"{span.name}_paid"], row[f"most_{span.name}_paid"]
        said = f"Paid out {money(paid)} {span.within}"
        if not most:
            return Finding(money(paid), money(0), f"{said}; {_none_before(row, span, 'paid nothing')}.", paid > 0)
        habit = f"the most this account paid {span.within} lately was {money(most)}"
        text = f"{said}; {held_against(habit, times(paid, most))}."
        return Finding(money(paid), money(most), text, exceeds(paid, most))

    return sentence


def _none_before(row: FeatureRow, span: _Span, nothing: str) -> str:
    """The clause on what came before the stretch, as far as the account was watched."""
    watched = row["observed_days"] - span.length + 1
    if watched <= 0:
        return "nothing is known of this account before"
    return f"in the {days(watched)} before the account had {nothing}"


def kind_count(row: FeatureRow) -> Finding:
    """The number of postings of one kind on one day, against the account's own largest number and everybody's."""
    number, most = row["kind_day_postings"], row["kind_most"]
    names = wording(row["kind"]).names
    value = kinds_made(row, number)
    own = (
        f"this account never made more than {count(most)} in a day lately" if most else f"it had made no {names} lately"
    )
    crowd = ""
    if row["kind_count"]:
        crowd = f", and of all days on which an account makes {names} {one_in(exp(-row['kind_count']))} has so many"
    return Finding(value, count(most or 0), f"{value} in one day; {own}{crowd}.", number > max(most or 1, 1))


ACTIVITY_SENTENCES: dict[str, Callable[[FeatureRow], Finding]] = {
    **{f"{span.name}_count": _counted(span) for span in (_DAY, _WEEK, _MONTH)},
    "kind_count": kind_count,
    **{f"{span.name}_spend": _spent(span) for span in (_DAY, _WEEK, _MONTH)},
    **{f"{span.name}_limit": _beyond_most(span) for span in (_DAY, _WEEK, _MONTH)},
}
