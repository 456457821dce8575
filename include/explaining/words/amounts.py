"""Sentences on an amount, compared with the account's own, its owner's other accounts', its peers' and a salary."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from include.explaining.words.wording import (
    FeatureRow,
    Finding,
    days,
    did,
    exceeds,
    held_against,
    money,
    times,
    wording,
)
from include.identifiers import named

_LEAST_HABIT = 3
"""Least number of postings of a kind that form a habit; below it feature and sentence refer to similar accounts."""

_TRAITS = {
    "young": "an owner under 25",
    "grown": "an owner between 25 and 60",
    "old": "an owner of 60 or more",
    "M": "monthly statements",
    "W": "weekly statements",
    "T": "statements after each transaction",
    "card": "a card",
    "loan": "a loan",
    "new": "less than half a year at the bank",
    "rich": "a home in a better-paid district",
}
"""Words for the traits by which `profile_groups.sql` groups accounts; traits that a source lacks have none."""


def amount_z(row: FeatureRow) -> Finding:
    """The amount against the expected one, which is the account's own habit where it has one, else its peers'."""
    usual, own = row["usual_amount"], row["kind_postings"]
    if usual is None:
        return _first_amount(row)
    if own >= _LEAST_HABIT or row["peer_amount"] is None:
        return _compared(row, usual, own_habit(row))
    if exceeds(row["amount"], usual) and usual >= row["peer_amount"]:
        return _compared(row, usual, own_habit(row))
    return _compared(row, row["peer_amount"], f"{peers(row)} usually make {_of_kind(row, row['peer_amount'])}")


def own_habit(row: FeatureRow) -> str:
    """The account's usual amount of this kind, as a clause."""
    names, spoken = wording(row["kind"]), money(row["usual_amount"])
    if row["kind_postings"] == 1:
        return f"this account's only other {names.name} of the last {days(row['observed_days'])} was {spoken}"
    return f"this account's {names.names} are usually about {spoken}"


def peers(row: FeatureRow) -> str:
    """The accounts to compare the account with, described by what they have in common."""
    traits = [_TRAITS[trait] for trait in (row["peer_group"] or "").split("+") if trait in _TRAITS]
    return f"accounts like it ({', '.join(traits)})" if traits else "other accounts"


def amount_to_largest(row: FeatureRow) -> Finding:
    """The amount against the account's largest of this kind ever."""
    if row["largest_amount"] is None:
        return _first_amount(row)
    name = wording(row["kind"]).name
    habit = f"this account's largest {name} so far was {money(row['largest_amount'])}"
    return _compared(row, row["largest_amount"], habit)


def amount_to_high(row: FeatureRow) -> Finding:
    """The amount against the bound that nearly all of the account's amounts stay within."""
    if row["high_amount"] is None:
        return amount_to_largest(row)
    names, high = wording(row["kind"]).names, money(row["high_amount"])
    habit = f"nine in ten of this account's {names} of the last {days(row['observed_days'])} stayed within {high}"
    return _compared(row, row["high_amount"], habit)


def amount_to_payments(row: FeatureRow) -> Finding:
    """The amount against the account's largest payment of any kind."""
    if row["largest_payment"] is None:
        text = f"{did(row)}; in the {days(row['observed_days'])} before the account had paid nothing."
        return Finding(money(row["amount"]), money(0), text, stands=row["trans_type"] != "C")
    habit = f"the largest payment of any kind this account usually makes is {money(row['largest_payment'])}"
    return _compared(row, row["largest_payment"], habit)


def amount_to_siblings(row: FeatureRow) -> Finding:
    """The amount against the owner's other accounts."""
    if row["sibling_amount"] is None:
        return amount_z(row)
    names, usual = wording(row["kind"]).names, money(row["sibling_amount"])
    return _compared(row, row["sibling_amount"], f"{names} of the owner's other accounts are usually about {usual}")


def amount_to_salary(row: FeatureRow) -> Finding:
    """The amount against what people earn where the owner lives."""
    salary = row["average_salary"]
    if salary is None:
        return amount_z(row)
    # Marked, and so is what the amount is of it: the figure tells the district.
    habit, ratio = (
        f"the average monthly salary where the owner lives is {named(money(salary))}",
        times(row["amount"], salary),
    )
    text = f"{did(row)}; {held_against(habit, named(ratio))}."
    return Finding(money(row["amount"]), named(money(salary)), text, stands=exceeds(row["amount"], salary))


def _first_amount(row: FeatureRow) -> Finding:
    """The sentence where the account has no recent habit of this kind, so that its peers' habit is used."""
    before = f"the account's first {wording(row['kind']).name}"
    if row["gap_days"] is not None:
        before = f"the first {wording(row['kind']).name} for {days(row['gap_days'])}"
    if row["peer_amount"] is None:
        return Finding(money(row["amount"]), "none", f"{did(row)}, {before}; no other account made any lately.")
    habit = f"{peers(row)} usually make {_of_kind(row, row['peer_amount'])}"
    return _compared(row, row["peer_amount"], habit, f", {before}")


def _of_kind(row: FeatureRow, amount: float) -> str:
    return f"{wording(row['kind']).names} of about {money(amount)}"


def _compared(row: FeatureRow, usual: Any, habit: str, aside: str = "") -> Finding:  # noqa: ANN401 - Decimal or float
    amount = row["amount"]
    text = f"{did(row)}{aside}; {held_against(habit, times(amount, usual))}."
    return Finding(money(amount), money(usual), text, stands=exceeds(amount, usual))


AMOUNT_SENTENCES: dict[str, Callable[[FeatureRow], Finding]] = {
    "amount_z": amount_z,
    "amount_to_largest": amount_to_largest,
    "amount_to_high": amount_to_high,
    "amount_excess": amount_to_high,
    "amount_to_payments": amount_to_payments,
    "amount_to_siblings": amount_to_siblings,
    "amount_to_salary": amount_to_salary,
}
