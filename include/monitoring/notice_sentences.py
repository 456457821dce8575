"""The words of notices: each feature's name for people, and the sentences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from include.explaining.words.wording import day_of, one_in, percent
from include.monitoring.profiles import LEVELS, SCORE, Counts

SPOKEN: dict[str, str] = {
    SCORE: "scores",
    "amount_z": "amounts against what the account usually has of the kind",
    "amount_to_largest": "amounts above the account's largest of the kind so far",
    "amount_to_high": "amounts above the upper end of what the account has of the kind",
    "amount_excess": "sums of money above the upper end of what the account has of the kind",
    "amount_to_payments": "amounts above the account's largest payment lately",
    "amount_to_siblings": "amounts against those of the owner's other accounts",
    "amount_to_salary": "amounts against the average salary where the owner lives",
    "day_count": "numbers of postings in a day",
    "week_count": "numbers of postings in a week",
    "month_count": "numbers of postings in a month",
    "kind_count": "numbers of postings of one kind in a day",
    "day_spend": "sums paid in a day",
    "week_spend": "sums paid in a week",
    "month_spend": "sums paid in a month",
    "day_limit": "sums above the most the account paid in a day lately",
    "week_limit": "sums above the most the account paid in a week lately",
    "month_limit": "sums above the most the account paid in a month lately",
    "balance_share": "shares of the balance that a payment takes",
    "balance_low": "balances below the account's lowest lately",
    "overdrawn": "overdrawn balances",
    "new_counterparty": "transfers to payees new to the account",
    "unknown_counterparty": "transfers to payees that no other account knows",
    "stranger_amount": "amounts that go to new payees",
    "stranger_share": "shares of the balance that go to new payees",
    "new_kind": "kinds of operation the account never had before",
    "unowned": "postings of a card or loan the client does not have",
    "gap": "pauses between postings of one kind",
    "early": "payments that are repeated early",
    "strange_order": "operations in an unusual order",
    "strange_week": "weeks with operations in unusual orders",
    "sequence_gap": "postings at times the sequence model did not expect",
    "sequence_kind": "kinds of operation the sequence model did not expect",
    "sequence_counterparty": "counterparties the sequence model did not expect",
    "sequence_amount": "amounts the sequence model did not expect",
    "silence": "accounts whose people did nothing for long",
    "hour_rarity": "unusual hours",
    "place_rarity": "unusual places",
    "distance": "distances from the account's usual places",
    "travel": "journeys too fast between two postings",
}
"""Name of each feature in a sentence, in the plural."""

MOST_NAMED = 3
"""Features a sentence names beside the first; the rest are counted."""


@dataclass(frozen=True)
class Comparison:
    """The comparison that a sentence about drift describes.

    Attributes
    ----------
    feature
        Name of the feature.
    since
        Approximate night on which the drift began.
    night
        Night that reports it.
    reference
        Words for the reference, which follow "compared with 9 %".
    is_new_season
        Whether the month contains days of a season that is not known from the year before.
    """

    feature: str
    since: date
    night: date
    reference: str
    is_new_season: bool


def rarity_sentence(compared: Comparison, shares: Counts, usual: Counts) -> str:
    """The sentence that postings stand out by a feature more or less often, at the level where this shows most.

    Parameters
    ----------
    compared
        Comparison to describe.
    shares, usual
        Share of postings in each cell, from below the first level up, in the month and in the reference.
    """
    reached, expected = _reaching(shares), _reaching(usual)
    level = int(np.argmax(np.abs(np.sqrt(reached) - np.sqrt(expected))))
    often = "more often" if reached[level] >= expected[level] else "less often"
    return (
        f"Since about {_since(compared)} {SPOKEN[compared.feature]} stand out {often}: {percent(reached[level])} of "
        f"the last month's postings reach what {one_in(10 ** -LEVELS[level])} reached in training, compared with "
        f"{percent(expected[level])} {compared.reference}.{_season(compared)}"
    )


def missing_sentence(compared: Comparison, shares: Counts, usual: Counts) -> str:
    """The sentence that a feature is missing more or less often than before.

    Parameters
    ----------
    compared
        Comparison to describe.
    shares, usual
        Shares of missing and of present values, in the month and in the reference.
    """
    mend = " See first whether the source still records what they rest on." if shares[0] > usual[0] else ""
    return (
        f"Since about {_since(compared)} {SPOKEN[compared.feature]} cannot be worked out for {percent(shares[0])} of "
        f"the last month's postings, compared with {percent(usual[0])} {compared.reference}.{mend}{_season(compared)}"
    )


def also(features: list[str]) -> str:
    """A further sentence on the features that changed together with it; empty when none did."""
    if not features:
        return ""
    named = "; ".join(SPOKEN[feature] for feature in features[:MOST_NAMED])
    more = len(features) - MOST_NAMED
    return f" With it changed: {named}{f'; and {more} more' if more > 0 else ''}."


def _reaching(shares: Counts) -> Counts:
    """The share of postings that reaches each of `LEVELS`."""
    reached: Counts = np.cumsum(shares[::-1])[::-1][1:]
    return reached


def _since(compared: Comparison) -> str:
    return day_of(compared.since, compared.night)


def _season(compared: Comparison) -> str:
    return (
        " The same days of the year before are not known here: it may be the season." if compared.is_new_season else ""
    )
