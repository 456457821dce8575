"""Sentences on timing: long after the last posting of a kind, too soon after it, or after a silence."""

from __future__ import annotations

from collections.abc import Callable
from math import exp

from include.counterparties import account_text
from include.explaining.words.novelty import new_kind
from include.explaining.words.wording import (
    LEAST_RATIO,
    UNKNOWN,
    FeatureRow,
    Finding,
    article,
    count,
    days,
    did,
    one_in,
    wording,
)
from include.identifiers import named


def gap(row: FeatureRow) -> Finding:
    """Days since the last posting of the kind against the usual gap."""
    name, since, usual = wording(row["kind"]).name, row["gap_days"], row["usual_gap_days"]
    if since is None:
        return new_kind(row)
    if not usual:
        text = f"{did(row)} {days(since)} after the last {name}; too few are known to say what is usual."
        return Finding(days(since), UNKNOWN, text, stands=since > row["observed_days"])
    text = f"{did(row)} {days(since)} after the last {name}; usually {days(usual)} lie between them."
    return Finding(days(since), days(usual), text, stands=since > usual)


def early(row: FeatureRow) -> Finding:
    """How soon the same kind and counterparty come again, against the shortest gap so far and everybody's."""
    name, shortest, smallest = _repeated(row), row["shortest_gap"], row["shortest_before"]
    if shortest is None:
        return new_kind(row)
    said = f"{did(row)} {_after(shortest, name)}"
    own = f"lately this account never made two {_nearness(smallest)}"
    crowd = ""
    if row["early"]:
        names = wording(row["kind"]).names
        crowd = f", and of the bank's gaps between such {names} {one_in(exp(-row['early']))} is so short"
    typical = UNKNOWN if smallest is None else f"at least {days(smallest)}"
    stands = bool(row["early"]) and (smallest is None or shortest < smallest)
    return Finding(days(shortest), typical, f"{said}; {own}{crowd}.", stands)


def _repeated(row: FeatureRow) -> str:
    """The words for what comes again: a kind, with its counterparty where there is one."""
    name = wording(row["kind"]).name
    if row["other_account"] is None:
        return name
    return f"{name} {'from' if row['trans_type'] == 'C' else 'to'} account {named(account_text(row['other_account']))}"


def _nearness(smallest: int | None) -> str:
    """The words for a gap that is shorter than the account's shortest one."""
    if smallest is None:
        return "so near each other"
    return f"within {days(smallest - 1)}" if smallest > 1 else "on one day"


def _after(shortest: int, name: str) -> str:
    return f"{days(shortest)} after the last {name}" if shortest else f"on the same day as another {name}"


def silence(row: FeatureRow) -> Finding:
    """The number of days in which the account's holders decided nothing, against the usual."""
    silent, usual = row["silent_days"], row["usual_silent_days"]
    if silent is None:
        return Finding(UNKNOWN, UNKNOWN, f"{did(row)}: the first thing the account's people did.", stands=False)
    said = f"{did(row)} after {days(silent)} in which the account's people did nothing"
    if silent <= 1:
        return Finding(days(silent), UNKNOWN, f"{did(row)}; something happened the day before too.", stands=False)
    if usual is None:
        text = f"{said}, longer than the {days(row['observed_days'])} that count as its habit."
        return Finding(days(silent), days(row["observed_days"]), text, stands=silent > row["observed_days"])
    text = f"{said}; usually something happens every {days(usual)}."
    return Finding(days(silent), days(usual), text, stands=silent > usual)


def strange_order(row: FeatureRow) -> Finding:
    """The kind that came before, and how rarely this kind follows it, on this account and on others."""
    if row["former_kind"] is None:
        return Finding(wording(row["kind"]).name, UNKNOWN, f"{did(row)}; nothing came shortly before.", stands=False)
    name, former, known = wording(row["kind"]).name, wording(row["former_kind"]).name, _followed(row)
    before = f"{days(row['days_between'])} after {article(former)} (transaction {named(row['former_trans'])})"
    text = f"{did(row)} {before}; {article(name)} came next {' and '.join(known) or 'never as far as is known'}."
    stands = bool(known) and exp(-row["strange_order"]) <= _UNLIKELY
    return Finding(f"{name} after {former}", known[-1] if known else UNKNOWN, text, stands)


def _followed(row: FeatureRow) -> list[str]:
    """How often this kind followed, on this account and on all accounts; cases without any chance are left out."""
    names = wording(row["former_kind"])
    former = names.name if row["followable"] == 1 else names.names
    own = f"after {_share_of(row['followed'], row['followable'])} of its own {former} of more than a week ago"
    bank = f"after {_share_of(row['bank_followed'], row['bank_followable'])} of the bank's"
    return [*([own] if row["followable"] else []), *([bank] if row["bank_followable"] else [])]


def _share_of(times: int, chances: int) -> str:
    return f"{count(times) if times else 'none'} of {count(chances)}"


def strange_week(row: FeatureRow) -> Finding:
    """The number of days of seven on which the order of postings was new, and which transactions made it so."""
    strange, usual = row["week_strange_trans"] or [], row["usual_week_strange_days"]
    value = days(len(strange))
    if usual is None:
        text = f"{did(row)}; too little is known of the account to say in which order it does things."
        return Finding(value, UNKNOWN, text, stands=False)
    others = [f"transaction {named(number)}" for number in strange if number != row["trans_id"]]
    compare = f" (compare with {', '.join(others)})" if others else ""
    text = (
        f"{did(row)}; on {value} of the last seven something came in an order this account had not used lately"
        f"{compare}, usually on {days(usual)} in a week."
    )
    return Finding(value, days(usual), text, stands=len(strange) > max(usual * LEAST_RATIO, 1))


_UNLIKELY = 0.1
"""Largest frequency of a succession that is named; one that is more frequent is no reason to call anybody."""

RHYTHM_SENTENCES: dict[str, Callable[[FeatureRow], Finding]] = {
    "gap": gap,
    "early": early,
    "silence": silence,
    "strange_order": strange_order,
    "strange_week": strange_week,
}
