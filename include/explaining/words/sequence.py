"""Sentences on the order of an account's postings: what was expected instead, and which postings to compare with.

The named postings are those without which the sequence model would have been less surprised. Leaving a posting out does
not prove a cause, so that the sentences say "compare with".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import exp

from include.explaining.words.novelty import did_with
from include.explaining.words.wording import (
    FeatureRow,
    Finding,
    about,
    article,
    day_of,
    days,
    did,
    exceeds,
    held_against,
    money,
    one_in,
    percent,
    times,
    wording,
)
from include.features.sequences import KINDS, STEP, STEP_FIELDS, WINDOW
from include.identifiers import HIDDEN, named
from include.models.sequence_reader import Expectation

_COUNTERPARTY = STEP_FIELDS.index("counterparty")
_NOBODY, _KNOWN = 0, 1
_PARTIES = ("nobody", "an account it had dealt with lately", "an account it had not dealt with lately")
_UNLIKELY = 0.1
"""Largest probability of a value that is named; a likelier one is no reason to call anybody."""
_LONGEST_GAP = 47
"""Longest gap in days; the network does not tell longer gaps apart."""


@dataclass(frozen=True)
class Earlier:
    """An earlier posting of the account, as read from the window; its amount has single precision."""

    trans_id: int
    day: date
    kind: str
    amount: float


@dataclass(frozen=True)
class SequenceReading:
    """The sequence model's expectation of a posting, and the earlier postings to compare it with.

    Attributes
    ----------
    expected
        Expectation of the model; None where the model has no sequence reader.
    surprises
        The four surprises by part: minus the log probability of a value as unlikely.
    compare
        Earlier postings that made it surprising, or else the latest one, oldest first; empty without any.
    latest
        The last of the earlier postings.
    """

    expected: Expectation | None
    surprises: Mapping[str, float]
    compare: tuple[Earlier, ...]
    latest: Earlier | None

    def share(self, part: str) -> float:
        """The probability of a value as unlikely as the seen one, according to the model."""
        return exp(-self.surprises.get(part, 0.0))


NO_READING = SequenceReading(None, {}, (), None)
"""Reading for models without a sequence reader, and for postings about which the reader was not asked."""


def sequence_kind(row: FeatureRow, reading: SequenceReading) -> Finding:
    """The kind of operation against the likeliest one on that date."""
    expected = reading.expected
    if expected is None or not reading.compare:
        return _alone(row)
    likeliest, came = wording(KINDS[expected.kind - 1]), wording(row["kind"])
    chance, seen = percent(expected.kind_probability), expected.seen_kind_probability
    if likeliest.name == came.name:
        return _finding(
            came.name, came.name, f"{_on(row)}, as was to be expected ({chance})", row, reading.compare, stands=False
        )
    text = (
        f"{_on(row)}, where {article(likeliest.name)} was expected ({chance}) and {article(came.name)} "
        f"{'hardly' if seen <= _UNLIKELY else 'less so'} ({percent(seen)})"
    )
    return _finding(came.name, likeliest.name, text, row, reading.compare, stands=seen <= _UNLIKELY)


def sequence_gap(row: FeatureRow, reading: SequenceReading) -> Finding:
    """The days since the account's last posting against the likeliest number of them."""
    expected, latest = reading.expected, reading.latest
    if expected is None or expected.gap_days is None or latest is None:
        return _alone(row)
    gap, share = (row["settlement_date"] - latest.day).days, reading.share("sequence_gap")
    text = (
        f"{did(row)} {_since(gap)} {_named(latest, row['settlement_date'])}, where {_gap_days(expected.gap_days)} was "
        f"likeliest and so unlikely a date comes {one_in(share, 'time')}"
    )
    others = tuple(earlier for earlier in reading.compare if earlier != latest)
    return _finding(days(gap), _gap_days(expected.gap_days), text, row, others, stands=share <= _UNLIKELY)


def sequence_counterparty(row: FeatureRow, reading: SequenceReading) -> Finding:
    """The counterparty against the likeliest: nobody, one of the window's, another one."""
    expected, share = reading.expected, reading.share("sequence_counterparty")
    if expected is None or not reading.compare:
        return _alone(row)
    came, likeliest = _party_of(row), expected.counterparty
    said = did(row) if came == _NOBODY else did_with(row)
    text = f"{said} on {_today(row)}, {_PARTIES[came]}, where {_PARTIES[likeliest]} was expected ({one_in(share)})"
    stands = came != likeliest and share <= _UNLIKELY
    return _finding(_PARTIES[came], _PARTIES[likeliest], text, row, reading.compare, stands=stands)


def sequence_amount(row: FeatureRow, reading: SequenceReading) -> Finding:
    """The amount against the median of the expected amounts of such a posting."""
    expected, share = reading.expected, reading.share("sequence_amount") / 2
    if expected is None or not reading.compare:
        return _alone(row)
    usual = expected.amount_cents / 100 * exp(row["season_amount"])
    foreseen = f"{about(usual)} was expected and so much {one_in(share, 'time')}"
    text = f"{_on(row)}, where {held_against(foreseen, times(row['amount'], usual))}"
    stands = exceeds(row["amount"], usual) and share <= _UNLIKELY
    return _finding(money(row["amount"]), about(usual), text, row, reading.compare, stands=stands)


def _finding(
    value: str, typical: str, text: str, row: FeatureRow, others: Sequence[Earlier], *, stands: bool
) -> Finding:
    named = " and ".join(_named(earlier, row["settlement_date"]) for earlier in others)
    return Finding(value, typical, f"{text}; compare with {named}." if named else f"{text}.", stands)


def _alone(row: FeatureRow) -> Finding:
    text = f"{_on(row)}; the account has no earlier postings to compare with."
    return Finding("the first posting", "unknown", text, stands=False)


def _named(earlier: Earlier, seen_from: date) -> str:
    spoken = f"the {wording(earlier.kind).name} of {about(earlier.amount)}"
    return f"{spoken} on {day_of(earlier.day, seen_from)} (transaction {named(earlier.trans_id)})"


_SINGLE = 1e-5
"""Relative error of a window's amounts: a logarithm of single precision, which near a half rounds either way."""
_EARLIER = re.compile(
    r"the (?P<name>(?:(?!the )[^,;])+?) of (?P<amount>about [\d,]+|less than 1) on (?P<day>\d+ \w+(?: \d{4})?) "
    rf"\(transaction (?:(?P<trans_id>\d+)|{HIDDEN})\)"
)
"""An earlier posting as `_named` tells it, with its number or without."""


@dataclass(frozen=True)
class Mention:
    """An earlier posting as a sentence tells it.

    Attributes
    ----------
    name, amount, day
        Its kind, its rough amount and its day, each in words.
    trans_id
        Its number; None where the sentence hides it.
    """

    name: str
    amount: str
    day: str
    trans_id: int | None

    def fits(self, kind: str, amount: float, day: date, seen_from: date) -> bool:
        """Whether a posting is told in these words on a day."""
        amounts = {about(amount * factor) for factor in (1 - _SINGLE, 1, 1 + _SINGLE)}
        return (self.name, self.day) == (wording(kind).name, day_of(day, seen_from)) and self.amount in amounts


def mentions(text: str) -> list[Mention]:
    """The earlier postings that a sentence on the order of postings names, masked or not.

    Examples
    --------
    >>> mentions("Withdrew 9.00 in cash, on the same day as the card withdrawal of about 700 on 3 May (transaction 7).")
    [Mention(name='card withdrawal', amount='about 700', day='3 May', trans_id=7)]
    """
    return [
        Mention(found["name"], found["amount"], found["day"], int(found["trans_id"]) if found["trans_id"] else None)
        for found in _EARLIER.finditer(text)
    ]


def _on(row: FeatureRow) -> str:
    return f"{did(row)} on {_today(row)}"


def _today(row: FeatureRow) -> str:
    return day_of(row["settlement_date"], row["settlement_date"])


def _since(gap: int) -> str:
    return f"{days(gap)} after" if gap else "on the same day as"


def _gap_days(gap: int) -> str:
    if gap >= _LONGEST_GAP:
        return f"{days(gap)} or more"
    return days(gap) if gap else "the same day"


def _step(row: FeatureRow, place: int, field: int) -> float:
    return float(row["window"][place * STEP + field])


def _party_of(row: FeatureRow) -> int:
    """The counterparty's token: 0 nobody, 1 one of the window's counterparties, 2 another one.

    Windows number counterparties in the order in which they first appear.
    """
    own = _step(row, WINDOW, _COUNTERPARTY)
    if own == 0:
        return _NOBODY
    earlier = max(_step(row, place, _COUNTERPARTY) for place in range(WINDOW))
    return _KNOWN if own <= earlier else _KNOWN + 1


SEQUENCE_SENTENCES: dict[str, Callable[[FeatureRow, SequenceReading], Finding]] = {
    "sequence_gap": sequence_gap,
    "sequence_kind": sequence_kind,
    "sequence_counterparty": sequence_counterparty,
    "sequence_amount": sequence_amount,
}
