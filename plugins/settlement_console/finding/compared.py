"""The earlier postings that a finding on the order of postings is to be compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from plugins.settlement_console.finding.surroundings import Posting
from plugins.settlement_console.records import Row

if TYPE_CHECKING:
    from include.explaining.words.sequence import Mention


def compared_postings(reasons: Iterable[Row], postings: Sequence[Posting], finding: Row) -> list[Posting]:
    """The account's postings that the reasons' sentences name, oldest first.

    Masked sentences hide the postings' numbers, so that each is found by what the sentence says of it: its day, its
    kind and its rough amount. Where two fit, both are given.

    Parameters
    ----------
    reasons
        Reasons of a flagged posting.
    postings
        The account's postings around it.
    finding
        Row of `mart_findings`.
    """
    from include.explaining.words.sequence import mentions

    named = [mention for reason in reasons for mention in mentions(reason["text"] or "")]
    return [posting for posting in postings if any(_is_named(posting, mention, finding) for mention in named)]


def _is_named(posting: Posting, mention: Mention, finding: Row) -> bool:
    row = posting.row
    if mention.trans_id is not None:
        return bool(mention.trans_id == row["trans_id"])
    night = finding["settlement_date"]
    is_earlier = row["trans_id"] != finding["trans_id"] and row["settlement_date"] <= night
    return is_earlier and mention.fits(posting.kind, abs(float(row["amount"])), row["settlement_date"], night)
