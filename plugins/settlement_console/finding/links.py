"""Whom the account deals with, and which other accounts are linked to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from plugins.settlement_console.finding.surroundings import Posting
from plugins.settlement_console.posting_words import Party, party_of
from plugins.settlement_console.records import Records, Row

MOST_LINKED = 20
"""Largest number of linked accounts and of counterparties that are listed: a screen of each."""


@dataclass(frozen=True)
class Counterparty:
    """One counterparty of the account, in the days around the finding.

    Attributes
    ----------
    counterparty, bank
        Its account and bank, as the view has them.
    postings
        Number of postings.
    came_in, went_out
        Sums of their money.
    first, last
        Days of the first and last of them.
    is_own
        Whether it is the counterparty of the finding's posting.
    """

    counterparty: str
    bank: str | None
    postings: int
    came_in: Decimal
    went_out: Decimal
    first: date
    last: date
    is_own: bool


@dataclass(frozen=True)
class LinkedAccount:
    """Another account that is linked to the finding's.

    Attributes
    ----------
    account_id
        Its number, or pseudonym.
    why
        What links it, in words.
    newest
        Its newest finding, as a row of `mart_findings`; None where it has none.
    """

    account_id: Any
    why: str
    newest: Row | None


def counterparties(postings: Sequence[Posting], own: Posting | None) -> list[Counterparty]:
    """The account's counterparties, the finding's own first, then the latest ones."""
    groups: dict[Party, list[Posting]] = {}
    for posting in postings:
        if party := party_of(posting.row):
            groups.setdefault(party, []).append(posting)
    mine = None if own is None else party_of(own.row)
    found = [_counterparty(party, group, is_own=party == mine) for party, group in groups.items()]
    return sorted(found, key=lambda party: (party.is_own, party.last, party.counterparty), reverse=True)


def linked_accounts(
    records: Records, finding: Row, own: Posting | None, first: date, last: date
) -> list[LinkedAccount]:
    """The accounts of the same people, and those that dealt with the counterparty of the finding's posting.

    Parameters
    ----------
    records
        The lake's records in the visitor's view.
    finding
        Row of `mart_findings`.
    own
        The posting that the finding is about.
    first, last
        Days whose postings and findings are looked at.
    """
    why = _of_same_people(records, finding["account_id"])
    if own is not None and (party := party_of(own.row)):
        why |= {account: why.get(account, words) for account, words in _of_party(records, party, first, last).items()}
    why.pop(finding["account_id"], None)
    accounts = list(why)[:MOST_LINKED]
    newest = _newest_findings(records, accounts, first, last)
    return [LinkedAccount(account, why[account], newest.get(account)) for account in accounts]


def _of_same_people(records: Records, account: Any) -> dict[Any, str]:  # noqa: ANN401 - a number or a pseudonym
    """The accounts on which somebody has a right who has one on this account."""
    holders = {row["client_id"] for row in records.rows("fin_disposition", account_id=account)}
    rights = records.rows("fin_disposition", client_id=sorted(holders)) if holders else []
    return {row["account_id"]: "the same person may use it" for row in rights}


def _of_party(records: Records, party: Party, first: date, last: date) -> dict[Any, str]:
    """The accounts that dealt with a counterparty."""
    counterparty, bank = party
    columns = ("account_id", "settlement_date")
    wanted = {"counterparty": counterparty, "other_bank_id": bank}
    rows = records.rows("fin_transaction", first, last, columns, **wanted)
    words = "it has dealt with the same counterparty"
    return {row["account_id"]: words for row in sorted(rows, key=lambda row: row["settlement_date"], reverse=True)}


def _newest_findings(records: Records, accounts: list[Any], first: date, last: date) -> dict[Any, Row]:
    if not accounts:
        return {}
    columns = ("settlement_date", "finding_id", "code", "kind", "review_state")
    rows = records.rows("mart_findings", first, last, columns, account_id=accounts)
    return {row["account_id"]: row for row in sorted(rows, key=lambda row: row["settlement_date"])}


def _counterparty(party: Party, postings: Sequence[Posting], *, is_own: bool) -> Counterparty:
    days = [posting.row["settlement_date"] for posting in postings]
    signed = [posting.signed for posting in postings]
    return Counterparty(
        *party,
        postings=len(postings),
        came_in=_sum(amount for amount in signed if amount > 0),
        went_out=_sum(-amount for amount in signed if amount < 0),
        first=min(days),
        last=max(days),
        is_own=is_own,
    )


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
