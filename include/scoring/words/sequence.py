"""What a finding says of an account's order of things: what was expected instead, and which postings to compare with.

The postings named are those without which the sequence model would have been less surprised. That is leaving one out,
not a cause, and the sentences say "compare with".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from include.features.sequences import KINDS, STEP, STEP_FIELDS, WINDOW
from include.models.lstm import Expectation
from include.scoring.words.novelty import did_with
from include.scoring.words.wording import (
    Finding,
    Row,
    about,
    day_of,
    days,
    did,
    money,
    percent,
    times,
    wording,
)

_KIND, _DAYS_BEFORE, _COUNTERPARTY = (STEP_FIELDS.index(name) for name in ("kind", "days_before", "counterparty"))
_NOBODY, _KNOWN = 0, 1
_PARTIES = ("nobody", "an account it had dealt with lately", "an account it had not dealt with lately")
_LONGEST_GAP = 47
"""Days; the network does not tell longer gaps apart."""


@dataclass(frozen=True)
class Earlier:
    """An earlier posting of the account, as the window has it; the amount to single precision."""

    trans_id: int
    day: date
    kind: str
    amount: float


@dataclass(frozen=True)
class SequenceReading:
    """What the sequence model expected of a posting, and which earlier ones made it odd.

    Attributes
    ----------
    expected
        None where the model has no sequence reader.
    compare
        Earlier postings to compare with, oldest first: those to blame, or else the latest; empty without any.
    """

    expected: Expectation | None
    compare: tuple[Earlier, ...]


NO_READING = SequenceReading(None, ())
"""Where there is no sequence reader, or nothing was asked of it."""


def sequence_kind(row: Row, reading: SequenceReading) -> Finding:
    """The kind of operation against the likeliest one on that date."""
    expected = reading.expected
    if expected is None or not reading.compare:
        return _alone(row)
    likeliest, came = wording(KINDS[expected.kind - 1]), wording(row["kind"])
    if likeliest.name == came.name:
        text = f"{_on(row)}, as was to be expected ({percent(expected.kind_probability)})"
        return _finding(came.name, came.name, text, row, reading, stands=False)
    text = (
        f"{_on(row)}, where {_article(likeliest.name)} was expected ({percent(expected.kind_probability)}) "
        f"and {_article(came.name)} {_hardly(expected.seen_kind_probability)}"
    )
    return _finding(came.name, likeliest.name, text, row, reading)


def sequence_gap(row: Row, reading: SequenceReading) -> Finding:
    """The days since the account's last posting against the likeliest number of them."""
    expected = reading.expected
    if expected is None or expected.gap_days is None or not reading.compare:
        return _alone(row)
    came, likeliest = _gap_of(row), expected.gap_days
    text = f"{_on(row)}, {_since(came)} the account's last transaction, where {_gap_days(likeliest)} was likeliest"
    return _finding(days(came), _gap_days(likeliest), text, row, reading, stands=came != likeliest)


def sequence_counterparty(row: Row, reading: SequenceReading) -> Finding:
    """The counterparty against the likeliest: nobody, one of the window's, another one."""
    expected = reading.expected
    if expected is None or not reading.compare:
        return _alone(row)
    came, likeliest = _party_of(row), expected.counterparty
    said = did(row) if came == _NOBODY else did_with(row)
    text = f"{said} on {_today(row)}, {_PARTIES[came]}, where {_PARTIES[likeliest]} was expected"
    return _finding(_PARTIES[came], _PARTIES[likeliest], text, row, reading, stands=came != likeliest)


def sequence_amount(row: Row, reading: SequenceReading) -> Finding:
    """The amount against the median of what was expected of such a posting then."""
    expected = reading.expected
    if expected is None or not reading.compare:
        return _alone(row)
    middle, high, amount = expected.amount_cents / 100, expected.high_cents / 100, float(row["amount"])
    beyond = f" and {about(high)} exceeded once in ten times" if amount > high else ""
    text = f"{_on(row)}, where {about(middle)} was expected{beyond} - {times(amount, middle)}"
    return _finding(money(row["amount"]), about(middle), text, row, reading, stands=amount > 1.05 * middle)


def _finding(
    value: str, typical: str, text: str, row: Row, reading: SequenceReading, *, stands: bool = True
) -> Finding:
    named = " and ".join(_named(earlier, row["settlement_date"]) for earlier in reading.compare)
    return Finding(value, typical, f"{text}; compare with {named}.", stands)


def _alone(row: Row) -> Finding:
    text = f"{_on(row)}; the account has no earlier postings to compare with."
    return Finding("the first posting", "unknown", text, stands=False)


def _named(earlier: Earlier, seen_from: date) -> str:
    spoken = f"the {wording(earlier.kind).name} of {about(earlier.amount)}"
    return f"{spoken} on {day_of(earlier.day, seen_from)} (transaction {earlier.trans_id})"


def _on(row: Row) -> str:
    return f"{did(row)} on {_today(row)}"


def _today(row: Row) -> str:
    return day_of(row["settlement_date"], row["settlement_date"])


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _hardly(share: float) -> str:
    return f"{'hardly' if share < 0.05 else 'less so'} ({percent(share)})"


def _since(gap: int) -> str:
    return f"{days(gap)} after" if gap else "on the same day as"


def _gap_days(gap: int) -> str:
    if gap >= _LONGEST_GAP:
        return f"{days(gap)} or more"
    return days(gap) if gap else "the same day"


def _step(row: Row, place: int, field: int) -> float:
    return float(row["window"][place * STEP + field])


def _gap_of(row: Row) -> int:
    return round(_step(row, WINDOW - 1, _DAYS_BEFORE))


def _party_of(row: Row) -> int:
    """0 nobody, 1 one of the window's counterparties, 2 another: windows number them as they first appear."""
    own = _step(row, WINDOW, _COUNTERPARTY)
    if own == 0:
        return _NOBODY
    earlier = max(_step(row, place, _COUNTERPARTY) for place in range(WINDOW))
    return _KNOWN if own <= earlier else _KNOWN + 1


SEQUENCE_SENTENCES: dict[str, Callable[[Row, SequenceReading], Finding]] = {
    "sequence_gap": sequence_gap,
    "sequence_kind": sequence_kind,
    "sequence_counterparty": sequence_counterparty,
    "sequence_amount": sequence_amount,
}
