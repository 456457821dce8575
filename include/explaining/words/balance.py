"""Sentences on the balance: the share of it that a payment takes, and what is left."""

from __future__ import annotations

from collections.abc import Callable

from include.explaining.words.wording import (
    UNKNOWN,
    FeatureRow,
    Finding,
    days,
    did,
    exceeds,
    held_against,
    money,
    percent,
    times,
)


def balance_share(row: FeatureRow) -> Finding:
    """The share of the balance that the payment takes."""
    before = row["balance_before"]
    if before is None:
        return Finding(money(row["amount"]), UNKNOWN, f"{did(row)} from an unknown balance.", stands=False)
    if before <= 0:
        text = f"{did(row)} from a balance of {money(before)}."
        return Finding(money(row["amount"]), "0.00 or more", text, stands=row["trans_type"] != "C")
    share, usual = float(row["amount"] / before), row["usual_balance_share"]
    said = f"{did(row)}, {percent(share)} of the {money(before)} on the account"
    if usual is None:
        return Finding(percent(share), UNKNOWN, f"{said}; it had paid nothing lately.", stands=share >= 0.5)
    text = f"{said}; its payments usually take {percent(usual)}."
    return Finding(percent(share), percent(usual), text, stands=exceeds(share, usual))


def balance_low(row: FeatureRow) -> Finding:
    """The balance that is left against the lowest balance of the habit."""
    after, lowest = row["balance_after"], row["lowest_balance"]
    if after is None:
        return overdrawn(row)
    said = f"{did(row)}, which left {money(after)} on the account"
    if lowest is None:
        return Finding(money(after), UNKNOWN, f"{said}; no earlier balance is known.", stands=False)
    habit = f"its lowest balance of the last {days(row['observed_days'])} was {money(lowest)}"
    if after <= 0:
        return Finding(money(after), money(lowest), f"{said}; {habit}.", stands=after < lowest)
    text = f"{said}; {held_against(habit, times(after, lowest))}."
    return Finding(money(after), money(lowest), text, stands=exceeds(lowest, after))


def overdrawn(row: FeatureRow) -> Finding:
    """Whether more was paid than the balance held."""
    after = row["balance_after"]
    if after is None:
        return Finding(UNKNOWN, "0.00 or more", f"{did(row)}; the balance after is unknown.", stands=False)
    text = f"{did(row)}, which left the account at {money(after)}; before it stood at {money(row['balance_before'])}."
    return Finding(money(after), "0.00 or more", text, stands=after < 0)


BALANCE_SENTENCES: dict[str, Callable[[FeatureRow], Finding]] = {
    "balance_share": balance_share,
    "balance_low": balance_low,
    "overdrawn": overdrawn,
}
