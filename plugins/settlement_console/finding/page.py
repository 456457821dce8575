"""Gathers one finding with everything that is read beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from include.errors import LakeConflictError
from include.settings import Settings
from plugins.settlement_console.account_rows import account_days, account_findings
from plugins.settlement_console.finding.advice import Advice, advice_on, correction_words
from plugins.settlement_console.finding.compared import compared_postings
from plugins.settlement_console.finding.decided import DecidedBefore, decided_before
from plugins.settlement_console.finding.links import Counterparty, LinkedAccount, counterparties, linked_accounts
from plugins.settlement_console.finding.scores import ScoreSum, score_sum
from plugins.settlement_console.finding.surroundings import DAYS_BEFORE, Posting, Surroundings, surroundings
from plugins.settlement_console.records import Records, Row

MOST_OTHERS = 50
"""Largest number of other findings of the account that are listed; more of a night are shown as one already."""
_READ_TURNS = 2
"""A night is read again once where it was published meanwhile; twice within one page is an accident."""


class NoSuchFindingError(LookupError):
    """Raised when no published night that the pages look at has a finding of an id."""


@dataclass(frozen=True)
class AccountStory:
    """What is shown of the account that a finding names.

    Attributes
    ----------
    around
        The account around the finding.
    compared
        The postings that the reasons compare the finding's with.
    counterparties, linked
        Whom it deals with, and the accounts linked to it.
    others
        Other findings on it, newest first.
    """

    around: Surroundings
    compared: list[Posting]
    counterparties: list[Counterparty]
    linked: list[LinkedAccount]
    others: list[Row]


@dataclass(frozen=True)
class FindingPage:
    """One finding.

    Attributes
    ----------
    finding
        Its row of `mart_findings`.
    is_masked
        Whether the page is made from the masked tables.
    advice
        What it means and what to do.
    score
        The sum of the reasons of a flagged posting; None for other findings, and where money is rounded, as reasons
        tell amounts.
    broken
        Row of `settlement_breaks` of a break; None for others.
    correction
        The proposed correction in words; empty where there is none.
    source
        File or table, and line, of the record; None in the masked view, and where no record is meant.
    account
        What is shown of its account; None where the finding is about the bank as a whole.
    before
        What was decided on findings like it.
    """

    finding: Row
    is_masked: bool
    advice: Advice
    score: ScoreSum | None
    broken: Row | None
    correction: str
    source: tuple[str, int] | None
    account: AccountStory | None
    before: DecidedBefore

    @property
    def title(self) -> str:
        """The finding as a sentence; its check or reason where money is rounded, so that no sentence is shown."""
        return str(self.finding["text"] or f"{self.finding['code'].replace('_', ' ')} ({self.finding['kind']})")


def finding_page(settings: Settings, finding_id: str, *, sees_accounts: bool) -> FindingPage:
    """The page of a finding of the last nights, which are those on which a decision can still be given.

    Parameters
    ----------
    settings
        The installation's settings.
    finding_id
        The finding's opaque name.
    sees_accounts
        Whether the visitor may see accounts and clients; the page is made from the masked tables otherwise.

    Raises
    ------
    NoSuchFindingError
        When none of these nights has a finding of that id.
    LakeConflictError
        When the night was published again and again while it was read.
    """
    records = Records.open(settings, sees_accounts=sees_accounts)
    span = None if records is None else records.lake.span()
    if records is None or span is None:
        raise NoSuchFindingError("no night is published yet, so that there are no findings: trigger nightly_settlement")
    for _ in range(_READ_TURNS):
        finding = find(records, finding_id, span[1])
        page = _page(records, finding, span)
        if _is_still_published(records, finding):
            return page
    night = finding["settlement_date"]
    raise LakeConflictError(
        f"the night {night} was published again while it was read: load the page again", night=night
    )


def find(records: Records, finding_id: str, newest: date) -> Row:
    """The newest row of `mart_findings` of an id, among the nights whose reviews a night reads.

    Raises
    ------
    NoSuchFindingError
        When there is none.
    """
    # Ids alone first: a thousand sentences of each night would be read for one.
    ids = records.rows("mart_findings", _first_known(newest), newest, ("settlement_date",), finding_id=finding_id)
    night = max((row["settlement_date"] for row in ids), default=None)
    found = [] if night is None else records.rows("mart_findings", night, night, finding_id=finding_id)
    if not found:
        raise NoSuchFindingError(_gone(newest))
    return found[0]


def _gone(newest: date) -> str:
    return (
        f"no finding of the nights from {_first_known(newest)} to {newest} has this id. The night may have been "
        "played again with corrected records, so that the finding is gone; the link may be cut off or older; or it "
        "belongs to another lake. Look for it in its night's queue, or, older, in the table mart_findings"
    )


def _first_known(newest: date) -> date:
    from include.reviews.intake import KNOWN_DAYS

    return newest - timedelta(KNOWN_DAYS)


def _is_still_published(records: Records, finding: Row) -> bool:
    night = finding["settlement_date"]
    return bool(records.lake.run_keys(night, night).get(night) == finding["run_key"])


def _page(records: Records, finding: Row, span: tuple[date, date]) -> FindingPage:
    night, newest = finding["settlement_date"], span[1]
    score = _row_of(records, "anomaly_scores", finding)
    broken = _row_of(records, "settlement_breaks", finding)
    alike = records.table(
        "mart_findings",
        _first_known(newest),
        newest,
        ("settlement_date", "review_state"),
        kind=finding["kind"],
        code=finding["code"],
    )
    days = _days(records, finding, newest)
    on_account = account_findings(records, finding["account_id"], days)
    return FindingPage(
        finding=finding,
        is_masked=records.is_masked,
        advice=advice_on(finding),
        score=score_sum(score) if score and score["reasons"] and score["typical_score"] is not None else None,
        broken=broken,
        correction=_correction(broken, is_masked=records.is_masked),
        source=_source(records, finding, night),
        account=_account(records, finding, span, days, on_account, (score or {}).get("reasons") or ()),
        before=decided_before(finding, on_account, alike),
    )


def _row_of(records: Records, name: str, finding: Row) -> dict[str, Any] | None:
    night = finding["settlement_date"]
    rows = records.rows(name, night, night, finding_id=finding["finding_id"])
    return rows[0] if rows else None


def _correction(broken: Row | None, *, is_masked: bool) -> str:
    correction = broken and broken["correction"]
    if not correction or not correction["action"]:
        return ""
    return correction_words(correction, "the posting" if is_masked else f"posting {correction['trans_id']}")


def _source(records: Records, finding: Row, night: date) -> tuple[str, int] | None:
    """File and line, which masked tables do not tell."""
    if records.is_masked:
        return None
    columns = ("source_uri", "source_line")
    rows = records.rows("alerts", night, night, columns, finding_id=finding["finding_id"])
    lines = [(row["source_uri"], row["source_line"]) for row in rows if row["source_line"] is not None]
    return lines[0] if lines else None


def _days(records: Records, finding: Row, newest: date) -> list[Row]:
    """The days of the finding's account that anything on the page looks at; none without an account."""
    if finding["account_id"] is None:
        return []
    first = min(_first_known(newest), finding["settlement_date"] - timedelta(DAYS_BEFORE))
    return account_days(records, finding["account_id"], first, newest)


def _account(
    records: Records,
    finding: Row,
    span: tuple[date, date],
    days: Sequence[Row],
    on_account: Sequence[Row],
    reasons: Iterable[Row],
) -> AccountStory | None:
    if finding["account_id"] is None:
        return None
    around = surroundings(records, finding, span, days, on_account)
    return AccountStory(
        around=around,
        compared=compared_postings(reasons, around.postings, finding),
        counterparties=counterparties(around.postings, around.own),
        linked=linked_accounts(records, finding, around.own, around.first, around.last),
        others=[row for row in on_account if row["finding_id"] != finding["finding_id"]][:MOST_OTHERS],
    )
