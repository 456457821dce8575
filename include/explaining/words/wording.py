"""The vocabulary of findings: kinds of operation, money, numbers, days and how far apart two figures are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import floor, log10
from typing import Any

FeatureRow = Mapping[str, Any]
"""One row of the feature table as Python values."""

UNKNOWN = "unknown"
"""Word for a value that the source does not record."""
LEAST_RATIO = 1.05
"""Least ratio to the usual at which a figure is said to be more; below it, it is "about as much"."""


@dataclass(frozen=True)
class Finding:
    """One feature's part of the explanation, in words.

    Attributes
    ----------
    value, typical
        Found and usual value, as people write them.
    text
        Sentence for investigators.
    stands
        Whether the sentence shows something unusual. A feature takes more into account than its sentence can say (a
        habit of few postings is shrunk towards others'), so that its figures may look usual; then it is no reason.
    """

    value: str
    typical: str
    text: str
    stands: bool = True


@dataclass(frozen=True)
class Wording:
    """The words for a kind of operation: `did` with the amount in braces, `name` in singular and plural."""

    did: str
    name: str
    names: str


_WORDINGS: dict[str, Wording] = {
    "in:CIC:-": Wording("Deposited {} in cash", "cash deposit", "cash deposits"),
    "in:COB:-": Wording("Received {} from another bank", "transfer received", "transfers received"),
    "in:COB:PE": Wording("Received {} as a pension", "pension payment", "pension payments"),
    "in:-:IC": Wording("Was credited {} in interest", "interest credit", "interest credits"),
    "out:WIC:-": Wording("Withdrew {} in cash", "cash withdrawal", "cash withdrawals"),
    "out:WIC:HH": Wording("Paid {} in cash for the household", "cash household payment", "cash household payments"),
    "out:WIC:ST": Wording("Was charged {} in statement fees", "statement fee", "statement fees"),
    "out:WIC:IO": Wording(
        "Was charged {} in overdraft interest", "overdraft interest charge", "overdraft interest charges"
    ),
    "out:CCW:-": Wording("Withdrew {} by card", "card withdrawal", "card withdrawals"),
    "out:ROB:-": Wording("Transferred {} to another bank", "transfer to another bank", "transfers to other banks"),
    "out:ROB:HH": Wording("Transferred {} for the household", "household payment", "household payments"),
    "out:ROB:IN": Wording("Transferred {} for insurance", "insurance payment", "insurance payments"),
    "out:ROB:LO": Wording("Transferred {} for a loan", "loan payment", "loan payments"),
    "out:ROB:LE": Wording("Transferred {} for leasing", "leasing payment", "leasing payments"),
}


def wording(kind: str) -> Wording:
    """The words for a kind of operation; an unknown combination is named by its codes."""
    if kind in _WORDINGS:
        return _WORDINGS[kind]
    direction, operation, category = kind.split(":")
    verb, noun = ("Received", "credit") if direction == "in" else ("Paid", "debit")
    codes = "/".join(code for code in (operation, category) if code != "-") or "no code"
    return Wording(f"{verb} {{}} ({codes})", f"{noun} ({codes})", f"{noun}s ({codes})")


def article(name: str) -> str:
    """A name with its article: "an insurance payment"."""
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def did(row: FeatureRow) -> str:
    """The words for what the posting did, with which every sentence about it begins."""
    direction, _, codes = row["kind"].partition(":")
    if direction == "in" and row["trans_type"] != "C":
        return f"Got back {money(row['amount'])}, as a negative {wording(f'out:{codes}').name}"
    if direction == "out" and row["trans_type"] == "C":
        return f"Gave back {money(row['amount'])}, as a negative {wording(f'in:{codes}').name}"
    return wording(row["kind"]).did.format(money(row["amount"]))


def kinds_made(row: FeatureRow, number: int) -> str:
    """A number of postings of the row's kind, in words: "8 cash withdrawals"."""
    names = wording(row["kind"])
    return f"1 {names.name}" if number == 1 else f"{count(number)} {names.names}"


def transactions(number: int) -> str:
    """A number of postings of any kind, in words."""
    return "1 transaction" if number == 1 else f"{count(number)} transactions"


def accounts(number: int) -> str:
    """A number of accounts, in words."""
    return "1 account" if number == 1 else f"{count(number)} accounts"


def money(amount: Any) -> str:  # noqa: ANN401 - Decimal or float, as the column has it
    """An amount as people write it."""
    return f"{amount:,.2f}"


def about(amount: float) -> str:
    """An amount that is only known roughly, to two digits.

    >>> about(3449.7), about(18.06), about(0.4)
    ('about 3,400', 'about 18', 'less than 1')
    """
    if amount < 1:
        return "less than 1"
    digits = max(floor(log10(amount)) - 1, 0)
    return f"about {round(amount / 10**digits) * 10**digits:,d}"


def count(number: float) -> str:
    """A number of things as text: without decimals when whole, otherwise with one.

    >>> count(3), count(3.04), count(1234.56)
    ('3', '3', '1,234.6')
    """
    rounded = round(float(number), 1)
    return f"{rounded:,.0f}" if rounded.is_integer() else f"{rounded:,.1f}"


def days(number: float) -> str:
    """A number of days, in words."""
    spoken = count(number)
    return "1 day" if spoken == "1" else f"{spoken} days"


def percent(share: float) -> str:
    """A share as text: in whole percent, below ten with one decimal.

    >>> percent(0.714), percent(0.0042), percent(0.0)
    ('71 %', '0.4 %', 'less than 0.1 %')
    """
    if share < 0.001:
        return "less than 0.1 %"
    return f"{share * 100:.0f} %" if share >= 0.0995 else f"{count(share * 100)} %"


def one_in(share: float, what: str = "") -> str:
    """A rare share in words, to two digits.

    >>> one_in(0.0031), one_in(0.4, "time")
    ('1 in 320', '1 time in 2')
    """
    number = 1 / max(share, 1e-9)
    digits = max(floor(log10(number)) - 1, 0)
    return f"1{what and f' {what}'} in {max(round(number / 10**digits) * 10**digits, 1):,d}"


def clock(minute: int) -> str:
    """The minute of the day as a clock shows it; it wraps at midnight.

    >>> clock(190), clock(-80)
    ('03:10', '22:40')
    """
    return f"{minute % 1440 // 60:02d}:{minute % 60:02d}"


def day_of(day: date, seen_from: date) -> str:
    """A date as people say it, with the year where it differs from the current one.

    >>> day_of(date(1993, 12, 28), date(1994, 1, 3)), day_of(date(1994, 1, 2), date(1994, 1, 3))
    ('28 December 1993', '2 January')
    """
    spoken = f"{day.day} {day:%B}"
    return spoken if day.year == seen_from.year else f"{spoken} {day.year}"


def times(value: Any, usual: Any, what: str = "as much") -> str:  # noqa: ANN401 - Decimal or float
    """The ratio of two figures in words; the usual one counts as at least a hundredth."""
    ratio = ratio_of(value, usual)
    if ratio >= 10:
        return f"{ratio:,.0f} times {what}"
    if ratio >= LEAST_RATIO:
        return f"{ratio:.1f} times {what}"
    if ratio > 2 - LEAST_RATIO:
        return f"about {what}"
    return f"{percent(ratio)} of that"


def held_against(habit: str, apart: str) -> str:
    """A clause on what is usual, and how far from it the figure of the sentence lies.

    A dash between two figures reads as a range.

    >>> held_against("the most lately was 100.00", times(270, 100))
    'the most lately was 100.00, and this is 2.7 times as much'
    """
    return f"{habit}, and this is {apart}"


def ratio_of(value: Any, usual: Any) -> float:  # noqa: ANN401 - Decimal or float
    """One figure as a multiple of another."""
    return float(value) / max(float(usual), 0.01)


def exceeds(value: Any, usual: Any) -> bool:  # noqa: ANN401 - Decimal or float
    """Whether `times` says that it is more."""
    return ratio_of(value, usual) >= LEAST_RATIO
