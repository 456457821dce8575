"""What the visitor chose to look at: nights, kind and code, district, and ranges of what the scatter shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Literal
from urllib.parse import urlencode

from plugins.settlement_console.charts import Unit

DAYS_SHOWN = 31
"""Days that are looked at where nobody chose others: a month up to the newest night."""
_LONGEST_TEXT = 80
_KINDS = ("break", "score")
_FIRST_DAY = date.min + timedelta(DAYS_SHOWN)
_IN_QUEUE = {
    **{name: name for name in ("from", "to", "kind", "code", "district")},
    "amount_from": "least",
    "amount_to": "most",
}
"""Parameters that the queue knows, too, by the names that it gives them."""
By = Literal["night", "month"]


class ChoiceError(ValueError):
    """Raised when an address holds a choice that is none; the message says what is allowed."""


@dataclass(frozen=True)
class Axis:
    """One quantity of a posting that the scatter can show.

    Attributes
    ----------
    name
        Name in the address, and of its column.
    title
        What people call it.
    unit
        Unit of its values.
    meaning
        Answer to "what's this?".
    is_masked
        Whether those who may not see whom see it: a distance tells where somebody was.
    """

    name: str
    title: str
    unit: Unit
    meaning: str
    is_masked: bool = True


AXES: Mapping[str, Axis] = {
    axis.name: axis
    for axis in (
        Axis("amount", "Amount", Unit.MONEY, "Amount of the posting, in the bank's money."),
        Axis(
            "usual_amount",
            "Usual amount",
            Unit.MONEY,
            "Median of the account's other postings of the same type and operation among the nights that were read; "
            "empty where there are fewer than three.",
        ),
        Axis("score", "Score", Unit.SCORE, "How unusual the posting is for its account: 0.5 is one in a hundred."),
        Axis("hour", "Hour", Unit.HOUR, "Hour of the day at which it was posted; empty where the bank has no times."),
        Axis("balance_share", "Share of the balance", Unit.SHARE, "Share of the balance before that it takes."),
        Axis(
            "distance",
            "Distance",
            Unit.NUMBER,
            "Kilometres to the nearest place that is usual for the account; only for investigators.",
            is_masked=False,
        ),
    )
}


@dataclass(frozen=True)
class Choice:
    """What is looked at.

    Attributes
    ----------
    first, last
        Settlement dates, both included.
    by
        Whether the time series has a point for each night or for each month.
    x, y
        Axes of the scatter.
    kind, code
        Kind of the findings (break or score) and their check or strongest reason; all when empty.
    district
        District as it is shown; all when empty.
    ranges
        Least and most of a quantity by the axis's name, both included; None for no bound.
    """

    first: date
    last: date
    by: By = "night"
    x: str = "amount"
    y: str = "score"
    kind: str = ""
    code: str = ""
    district: str = ""
    ranges: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)

    @classmethod
    def of(cls, given: Mapping[str, str], newest: date, *, sees_accounts: bool) -> Choice:
        """The choice in an address; what it leaves open is the last month, amount against score.

        Parameters
        ----------
        given
            Parameters of the address.
        newest
            The newest published night.
        sees_accounts
            Whether the visitor may see the axes that tell where somebody was.

        Raises
        ------
        ChoiceError
            When a parameter is not allowed; the sentence says what is.
        """
        last = _date("to", given.get("to", ""), newest)
        first = _date("from", given.get("from", ""), last - timedelta(DAYS_SHOWN - 1))
        if first > last:
            raise ChoiceError(f"from ({first}) is after to ({last}): give them in the order of the calendar")
        axes = [name for name, axis in AXES.items() if axis.is_masked or sees_accounts]
        return cls(
            first=first,
            last=last,
            by="month" if _one_of("by", given, ("night", "month"), "night") == "month" else "night",
            x=_one_of("x", given, axes, "amount"),
            y=_one_of("y", given, axes, "score"),
            kind=_one_of("kind", given, ("", *_KINDS), ""),
            code=_text("code", given),
            district=_text("district", given),
            ranges=_ranges(given, axes),
        )

    def parameters(self) -> dict[str, str]:
        """The choice as parameters of an address."""
        found = {"from": str(self.first), "to": str(self.last), "by": self.by, "x": self.x, "y": self.y}
        found |= {"kind": self.kind, "code": self.code, "district": self.district}
        for name, (least, most) in self.ranges.items():
            found |= {f"{name}_from": _number(least), f"{name}_to": _number(most)}
        return {name: value for name, value in found.items() if value}

    @property
    def address(self) -> str:
        """The address of the choice, below the console's own."""
        return f"/explore?{urlencode(self.parameters())}"

    @property
    def queue_address(self) -> str:
        """The address of the queue with the same choice, as far as the queue knows it."""
        given = self.parameters()
        return f"/queue?{urlencode({there: given[here] for here, there in _IN_QUEUE.items() if here in given})}"

    @property
    def unknown_to_queue(self) -> list[str]:
        """What is chosen that the queue cannot choose by, in words."""
        return [AXES[name].title.lower() for name in self.ranges if name != "amount"]

    @property
    def chosen(self) -> list[tuple[str, str]]:
        """What narrows the choice beside the nights, in words, each with the address of the choice without it."""
        without = {"kind": replace(self, kind=""), "code": replace(self, code=""), "district": self.with_district("")}
        named = [(name, str(getattr(self, name)), other) for name, other in without.items()]
        words = [(f"{name}: {value.replace('_', ' ')}", other.address) for name, value, other in named if value]
        return [
            *words,
            *((_range_words(name, *self.ranges[name]), self._without(name).address) for name in self.ranges),
        ]

    def _without(self, axis: str) -> Choice:
        return replace(self, ranges={name: bounds for name, bounds in self.ranges.items() if name != axis})

    def with_district(self, district: str) -> Choice:
        """The same choice, narrowed to a district."""
        return replace(self, district=district)


def _date(name: str, given: str, otherwise: date) -> date:
    try:
        # Of the first days of the calendar there is no month before them.
        return max(date.fromisoformat(given), _FIRST_DAY) if given else otherwise
    except ValueError:
        raise ChoiceError(f"{name} is {given[:20]!r}: write a date as 1994-01-31") from None


def _one_of(name: str, given: Mapping[str, str], allowed: tuple[str, ...] | list[str], otherwise: str) -> str:
    value = given.get(name) or otherwise
    if value not in allowed:
        raise ChoiceError(f"{name} is {value[:30]!r}: allowed are {', '.join(filter(None, allowed))}")
    return value


def _text(name: str, given: Mapping[str, str]) -> str:
    value = given.get(name, "").strip()
    if len(value) > _LONGEST_TEXT:
        raise ChoiceError(f"{name} has {len(value)} characters: at most {_LONGEST_TEXT} are allowed")
    return value


def _ranges(given: Mapping[str, str], axes: list[str]) -> dict[str, tuple[float | None, float | None]]:
    bounds = {name: (_bound(f"{name}_from", given), _bound(f"{name}_to", given)) for name in axes}
    return {name: both for name, both in bounds.items() if both != (None, None)}


def _bound(name: str, given: Mapping[str, str]) -> float | None:
    text = given.get(name, "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        raise ChoiceError(f"{name} is {text[:20]!r}: write a number with a point, as 1250.50")
    return value


def _number(bound: float | None) -> str:
    return "" if bound is None else f"{bound:.12g}"


def _range_words(name: str, least: float | None, most: float | None) -> str:
    low = "" if least is None else f" from {least:,.6g}"
    return f"{AXES[name].title.lower()}{low}" + ("" if most is None else f" to {most:,.6g}")
