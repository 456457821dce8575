"""Sentences on what the account never had before: a counterparty, a kind of operation, a product."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from include.counterparties import account_text
from include.explaining.words.wording import (
    FeatureRow,
    Finding,
    accounts,
    count,
    days,
    did,
    exceeds,
    held_against,
    money,
    percent,
    times,
    transactions,
    wording,
)
from include.identifiers import named


def new_counterparty(row: FeatureRow) -> Finding:
    """How often the account deals with somebody new."""
    met, transfers = row["habit_meetings"], row["habit_transfers"]
    watched = days(row["observed_days"])
    if not transfers:
        habit = f"in the {watched} before it had made no transfer"
    else:
        habit = f"of its {count(transfers)} transfers in the last {watched} {count(met or 0)} were with somebody new"
    text = f"{_said(row)}; {habit}."
    return Finding(_other(row), "a known counterparty", text, stands=_is_stranger(row))


def unknown_counterparty(row: FeatureRow) -> Finding:
    """Whether anybody else in the bank knows the counterparty."""
    known = row["known_by"] or 0
    return Finding(
        f"known to {accounts(known) if known else 'no account'}",
        "a known counterparty",
        f"{_said(row)}.",
        stands=_is_stranger(row),
    )


def stranger_amount(row: FeatureRow) -> Finding:
    """The amount that a stranger gets against the payments of a usual day."""
    usual = row["usual_day_paid"]
    if not usual:
        text = f"{_said(row)}; in the {days(row['observed_days'])} before the account had paid nothing."
        return Finding(money(row["amount"]), money(0), text, stands=_is_stranger(row))
    habit = f"on a day with payments this account usually pays {money(usual)}"
    text = f"{_said(row)}; {held_against(habit, times(row['amount'], usual))}."
    stands = _is_stranger(row) and exceeds(row["amount"], usual)
    return Finding(money(row["amount"]), money(usual), text, stands)


def stranger_share(row: FeatureRow) -> Finding:
    """The share of the balance that a stranger gets."""
    before, usual = row["balance_before"], row["usual_balance_share"]
    if before is None or before <= 0:
        return unknown_counterparty(row)
    share = float(row["amount"] / before)
    habit = "" if usual is None else f", its payments usually take {percent(usual)}"
    text = f"{_said(row)}; that is {percent(share)} of the balance of {money(before)}{habit}."
    stands = _is_stranger(row) and exceeds(share, usual or 0)
    return Finding(percent(share), "unknown" if usual is None else percent(usual), text, stands)


def _said(row: FeatureRow) -> str:
    """What was done, with whom, and who else in the bank knows that counterparty."""
    if row["known_by"] is None:
        return f"{did(row)}; the other side is not named"
    if not _is_stranger(row):
        return f"{did_with(row)}, which this account has dealt with before"
    known = row["known_by"]
    others = f"known to {count(known)} other{'' if known == 1 else 's'}" if known else "known to no other"
    return f"{did_with(row)}, new to this account and {others}"


def did_with(row: FeatureRow) -> str:
    """What was done and with whom; the number says more than "another bank"."""
    way = "from" if row["trans_type"] == "C" else "to"
    said = did(row).removesuffix(" to another bank").removesuffix(" from another bank")
    return f"{said} {way} {_other(row)}"


def _other(row: FeatureRow) -> str:
    return (
        "an unnamed account" if row["other_account"] is None else f"account {named(account_text(row['other_account']))}"
    )


def _is_stranger(row: FeatureRow) -> bool:
    return bool(row["unknown_counterparty"])


def new_kind(row: FeatureRow) -> Finding:
    """How new the kind is to the account, and how common to others."""
    name, users = wording(row["kind"]).name, row["kind_users"] or 0
    if row["gap_days"] is not None:
        text = f"{did(row)}; the account's last {name} was {days(row['gap_days'])} before."
        return Finding(name, "used before", text, stands=False)
    others = f"{accounts(users)} of the bank ever made one" if users else "no other account ever made one"
    text = (
        f"{did(row)}: the first {name} this account ever made, after {transactions(row['habit_postings'])} of other "
        f"kinds in the last {days(row['observed_days'])}; {others}."
    )
    return Finding(name, "never used", text)


def unowned(row: FeatureRow) -> Finding:
    """Whether the client has the product that the posting needs."""
    product, since = _product(row)
    if not product:
        return Finding("no product needed", "no product needed", f"{did(row)}, which needs no product.", stands=False)
    # A product that a snapshot dates later than this night is not known yet.
    if since is None or since > row["settlement_date"]:
        text = f"{did(row)}, though no {product} is known for this account."
        return Finding(f"no {product}", f"a {product}", text, stands=bool(row["unowned"]))
    text = f"{did(row)}; the account has had a {product} since {since:%-d %B %Y}."
    return Finding(f"a {product}", f"a {product}", text, stands=False)


def _product(row: FeatureRow) -> tuple[str, date | None]:
    """The product that the posting needs, and the date since which the account has it."""
    if row["operation"] == "CCW":
        return "card", row["card_since"]
    if row["category"] == "LO" and row["trans_type"] != "C":
        return "loan", row["loan_since"]
    return "", None


NOVELTY_SENTENCES: dict[str, Callable[[FeatureRow], Finding]] = {
    "new_counterparty": new_counterparty,
    "unknown_counterparty": unknown_counterparty,
    "stranger_amount": stranger_amount,
    "stranger_share": stranger_share,
    "new_kind": new_kind,
    "unowned": unowned,
}
