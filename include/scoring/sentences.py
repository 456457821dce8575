"""What a finding says to an investigator: the value, what is usual for this account, and how far apart they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
"""One row of the feature table as Python values."""


@dataclass(frozen=True)
class Finding:
    """One feature's part of the explanation, in words.

    Attributes
    ----------
    value, typical
        What was found and what is usual, as people write them.
    text
        The sentence.
    """

    value: str
    typical: str
    text: str


@dataclass(frozen=True)
class Wording:
    """How a kind of operation is spoken of: `did` with the amount in braces, `name` in singular and plural."""

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
    "out:WIC:IO": Wording("Was charged {} in overdraft interest", "overdraft interest", "overdraft interest charges"),
    "out:CCW:-": Wording("Withdrew {} by card", "card withdrawal", "card withdrawals"),
    "out:ROB:-": Wording("Transferred {} to another bank", "transfer to another bank", "transfers to other banks"),
    "out:ROB:HH": Wording("Transferred {} for the household", "household payment", "household payments"),
    "out:ROB:IN": Wording("Transferred {} for insurance", "insurance payment", "insurance payments"),
    "out:ROB:LO": Wording("Transferred {} for a loan", "loan payment", "loan payments"),
    "out:ROB:LE": Wording("Transferred {} for leasing", "leasing payment", "leasing payments"),
}


def wording(kind: str) -> Wording:
    """How to speak of a kind of operation; a combination never met before is named by its codes."""
    if kind in _WORDINGS:
        return _WORDINGS[kind]
    direction, operation, category = kind.split(":")
    verb, noun = ("Received", "credit") if direction == "in" else ("Paid", "debit")
    codes = "/".join(code for code in (operation, category) if code != "-") or "no code"
    return Wording(f"{verb} {{}} ({codes})", f"{noun} ({codes})", f"{noun}s ({codes})")


def finding(feature: str, row: Row) -> Finding:
    """The sentence for one feature of one posting."""
    return SENTENCES[feature](row)


def money(amount: Any) -> str:  # noqa: ANN401 - Decimal or float, as the column has it
    """An amount as people write it."""
    return f"{amount:,.2f}"


def count(number: float) -> str:
    """A number of things: whole as it is, otherwise with one decimal."""
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.1f}"


def times(value: float, usual: float, what: str = "as much") -> str:
    """How far apart two positive figures are, in words."""
    ratio = float(value) / float(usual)
    if ratio >= 10:
        return f"{ratio:,.0f} times {what}"
    if ratio >= 1.05:
        return f"{ratio:.1f} times {what}"
    if ratio > 0.95:
        return f"about {what}"
    return f"{_percent(ratio)} of that"


def _percent(share: float) -> str:
    return "less than 1 %" if share < 0.01 else f"{share * 100:.0f} %"


def _did(row: Row) -> str:
    return wording(row["kind"]).did.format(money(row["amount"]))


def _days(number: float) -> str:
    return "1 day" if number == 1 else f"{count(round(number, 1))} days"


def _amount_z(row: Row) -> Finding:
    names = wording(row["kind"])
    if row["usual_amount"] is None:
        return _first_amount(row)
    usual, spoken = row["usual_amount"], money(row["usual_amount"])
    if row["kind_postings"] == 1:
        habit = f"this account's only other {names.name} of the last {_days(row['observed_days'])} was {spoken}"
    else:
        habit = f"this account's {names.names} are usually about {spoken}"
    apart = times(row["amount"], max(usual, 0.01))
    return Finding(money(row["amount"]), spoken, f"{_did(row)}; {habit} - {apart}.")


def _first_amount(row: Row) -> Finding:
    """The account has no recent habit of this kind: its peers' stands in."""
    names = wording(row["kind"])
    before = f"the account's first {names.name}"
    if row["gap_days"] is not None:
        before = f"the first {names.name} for {_days(row['gap_days'])}"
    if row["peer_amount"] is None:
        return Finding(money(row["amount"]), "none", f"{_did(row)}, {before}; no other account made any lately.")
    apart = times(row["amount"], max(row["peer_amount"], 0.01))
    spoken = money(row["peer_amount"])
    text = f"{_did(row)}, {before}; other accounts' {names.names} are usually about {spoken} - {apart}."
    return Finding(money(row["amount"]), spoken, text)


def _amount_to_largest(row: Row) -> Finding:
    if row["largest_amount"] is None:
        return _first_amount(row)
    names = wording(row["kind"])
    apart = times(row["amount"], max(float(row["largest_amount"]), 0.01))
    text = f"{_did(row)}; this account's largest {names.name} so far was {money(row['largest_amount'])} - {apart}."
    return Finding(money(row["amount"]), money(row["largest_amount"]), text)


def _amount_to_salary(row: Row) -> Finding:
    salary = row["average_salary"]
    if salary is None:
        return _amount_z(row)
    text = (
        f"{_did(row)}; the average monthly salary where the owner lives is {money(salary)} - "
        f"{times(row['amount'], salary)}."
    )
    return Finding(money(row["amount"]), money(salary), text)


def _day_count(row: Row) -> Finding:
    made = _transactions(row["day_postings"])
    usual = row["usual_day_postings"]
    if usual is None:
        text = f"{made} in one day; the account had made none in the {_days(row['observed_days'])} before."
        return Finding(made, "none", text)
    text = (
        f"{made} in one day; on a day with any this account usually makes {count(round(usual, 1))} - "
        f"{times(row['day_postings'], usual, 'as many')}."
    )
    return Finding(made, count(round(usual, 1)), text)


def _week_count(row: Row) -> Finding:
    made, usual = _transactions(row["week_postings"]), row["usual_week_postings"]
    if not usual:
        text = f"{made} within seven days; the account had made none in the {_days(row['observed_days'])} before."
        return Finding(made, "none", text)
    text = (
        f"{made} within seven days; this account usually makes {count(round(usual, 1))} a week - "
        f"{times(row['week_postings'], usual, 'as many')}."
    )
    return Finding(made, count(round(usual, 1)), text)


def _transactions(number: int) -> str:
    return "1 transaction" if number == 1 else f"{number} transactions"


def _day_spend(row: Row) -> Finding:
    return _spend(row, row["day_paid"], row["usual_day_paid"], "on this day", "on a day with payments")


def _week_spend(row: Row) -> Finding:
    return _spend(row, row["week_paid"], row["usual_week_paid"], "within seven days", "in a week")


def _spend(row: Row, paid: Any, usual: float | None, when: str, usually: str) -> Finding:  # noqa: ANN401
    spoken = money(paid)
    if not usual:
        text = f"Paid out {spoken} {when}; in the {_days(row['observed_days'])} before the account had paid nothing."
        return Finding(spoken, money(0), text)
    text = f"Paid out {spoken} {when}; {usually} this account usually pays {money(usual)} - {times(paid, usual)}."
    return Finding(spoken, money(usual), text)


def _balance_share(row: Row) -> Finding:
    before = row["balance_before"]
    if before is None or before <= 0:
        shown = "an unknown balance" if before is None else f"a balance of {money(before)}"
        return Finding(money(row["amount"]), "none", f"{_did(row)} from {shown}.")
    value = _percent(float(row["amount"] / before))
    usual = row["usual_balance_share"]
    typical = "unknown" if usual is None else _percent(usual)
    habit = "it had paid nothing lately" if usual is None else f"its payments usually take {typical}"
    text = f"{_did(row)}, {value} of the {money(before)} on the account; {habit}."
    return Finding(value, typical, text)


def _overdrawn(row: Row) -> Finding:
    if row["balance_after"] is None:
        return Finding("unknown", "0.00 or more", f"{_did(row)}; the balance after is unknown.")
    after = money(row["balance_after"])
    text = f"{_did(row)}, which left the account at {after}; before it stood at {money(row['balance_before'])}."
    return Finding(after, "0.00 or more", text)


def _new_counterparty(row: Row) -> Finding:
    other = "an unnamed account" if row["other_account"] is None else f"account {row['other_account']}"
    text = (
        f"{_did(row)}: the other side, {other}, is new to this account; "
        f"{_past(row)} of the last {_days(row['observed_days'])} went elsewhere."
    )
    return Finding(other, "a known counterparty", text)


def _past(row: Row) -> str:
    names, number = wording(row["kind"]), row["kind_postings"]
    return f"the only {names.name}" if number == 1 else f"all {number} {names.names}"


def _new_kind(row: Row) -> Finding:
    name = wording(row["kind"]).name
    text = (
        f"{_did(row)}: the first {name} this account ever made, after "
        f"{_transactions(row['habit_postings'])} of other kinds in the last {_days(row['observed_days'])}."
    )
    return Finding(name, "never used", text)


def _gap(row: Row) -> Finding:
    name, gap = wording(row["kind"]).name, row["gap_days"]
    if gap is None:
        return _new_kind(row)
    usual = row["usual_gap_days"]
    if not usual:
        return Finding(_days(gap), "unknown", f"{_did(row)}; the last {name} was {_days(gap)} ago.")
    text = f"{_did(row)} {_days(gap)} after the last {name}; usually {_days(usual)} lie between them."
    return Finding(_days(gap), _days(usual), text)


def _hour_distance(row: Row) -> Finding:
    at, usual = row["hour_of_day"], row["usual_hour"]
    if at is None:
        return Finding("unknown", "unknown", f"{_did(row)} at an unknown time of day.")
    if usual is None:
        return Finding(_clock(at), "unknown", f"{_did(row)} at {_clock(at)}; other accounts do so at other hours.")
    text = f"{_did(row)} at {_clock(at)}; this account is usually active around {_clock(usual)}."
    return Finding(_clock(at), _clock(usual), text)


def _clock(hour: float) -> str:
    minutes = round(hour * 60) % 1440
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _place_rarity(row: Row) -> Finding:
    if row["place_id"] is None:
        return Finding("unknown", "unknown", f"{_did(row)} at an unknown place.")
    here = f"district {row['place_id']}"
    text = (
        f"{_did(row)} in {here}, where {row['place_postings']} of this account's {row['habit_placed']} transactions "
        f"of the last {_days(row['observed_days'])} took place."
    )
    return Finding(here, f"{row['place_postings']} of {row['habit_placed']}", text)


SENTENCES: dict[str, Callable[[Row], Finding]] = {
    "amount_z": _amount_z,
    "amount_to_largest": _amount_to_largest,
    "amount_to_salary": _amount_to_salary,
    "day_count": _day_count,
    "week_count": _week_count,
    "day_spend": _day_spend,
    "week_spend": _week_spend,
    "balance_share": _balance_share,
    "overdrawn": _overdrawn,
    "new_counterparty": _new_counterparty,
    "new_kind": _new_kind,
    "gap": _gap,
    "hour_distance": _hour_distance,
    "place_rarity": _place_rarity,
}
"""One sentence for every feature of the catalog."""
