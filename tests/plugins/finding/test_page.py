"""A finding's page: what it gathers, for those who see accounts and for those who do not."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from include.features.catalog import REASON_CODES
from include.lake import Lake, RunStamp
from include.settings import Settings
from include.settlement.findings import CHECK_CODES
from plugins.settlement_console.finding import page as finding_pages
from plugins.settlement_console.finding.advice import advice_on, correction_words
from plugins.settlement_console.finding.charts import charts_of
from plugins.settlement_console.finding.page import AccountStory, FindingPage, NoSuchFindingError, finding_page
from tests.lake.nights import manifest_row
from tests.plugins.finding.bank import (
    ACCOUNT,
    BROKEN,
    COMPARED,
    DAYS,
    EARLIER,
    FILE,
    FLAGGED,
    LATE,
    NIGHT,
    PARTY,
    RELATIVE,
    SCORED,
    STRANGER,
    masker,
    pseudonym,
    publish_night,
)

VIEWS = pytest.mark.parametrize("sees_accounts", [True, False], ids=["full", "masked"])


Read = Callable[[str, bool], FindingPage]


@pytest.fixture(scope="module")
def read(account_bank: Settings) -> Read:
    """Reads a page once, however many tests look at it."""
    return cache(lambda finding_id, sees_accounts: finding_page(account_bank, finding_id, sees_accounts=sees_accounts))


def _account(page: FindingPage) -> AccountStory:
    assert page.account is not None
    return page.account


@VIEWS
def test_the_figures_of_the_sum_add_up_as_they_are_shown(read: Read, sees_accounts: bool) -> None:
    found = read(SCORED, sees_accounts).score
    assert found is not None
    assert [step.adds for step in found.steps] == [301, 100]  # rounded one by one they would be 300 and 100
    assert round(found.typical * 1000) + sum(step.adds for step in found.steps) == round(found.score * 1000) == 601
    assert [step.left for step in found.steps] == [found.typical_place, 100.2]


@VIEWS
def test_postings_to_compare_with_are_found_by_what_the_sentence_says(read: Read, sees_accounts: bool) -> None:
    compared = _account(read(SCORED, sees_accounts)).compared
    name = COMPARED if sees_accounts else pseudonym("transaction", COMPARED)
    assert [posting.row["trans_id"] for posting in compared] == [name]


def test_around_it_lie_the_accounts_own_postings_with_what_is_usual(read: Read) -> None:
    around = _account(read(SCORED, True)).around
    assert {posting.row["account_id"] for posting in around.postings} == {ACCOUNT}
    assert [(p.row["trans_id"], p.name) for p in around.postings if p.is_own] == [(FLAGGED, "transfer to another bank")]
    assert [p.row["settlement_date"] for p in around.postings if p.marks] == [NIGHT.replace(day=10), NIGHT]
    assert around.usual_balance is not None
    assert around.usual_balance.number == 6  # the days before the night, not its own nor a later one
    assert around.usual_amount is None  # no other posting of its kind
    assert (around.first, around.last) == (DAYS[0], DAYS[-1])  # the lake holds no others
    axes = [chart.option["xAxis"] for chart in charts_of(around, NIGHT)]
    assert [(axis["min"], axis["max"]) for axis in axes] == [(DAYS[0], DAYS[-1])] * 2


@VIEWS
def test_accounts_are_linked_by_people_and_by_the_counterparty(read: Read, sees_accounts: bool) -> None:
    account = _account(read(SCORED, sees_accounts))
    relative, stranger = (n if sees_accounts else pseudonym("account", n) for n in (RELATIVE, STRANGER))
    linked = {other.account_id: other.why for other in account.linked}
    assert linked == {
        relative: "the same person may use it",
        stranger: "it has dealt with the same counterparty",
    }
    (party,) = account.counterparties
    assert party.is_own
    assert party.counterparty == (str(PARTY) if sees_accounts else pseudonym("counterparty", PARTY))


@VIEWS
def test_it_tells_what_was_decided_on_its_like(read: Read, sees_accounts: bool) -> None:
    found = read(SCORED, sees_accounts)
    assert [row["finding_id"] for row in found.before.on_account] == [EARLIER]
    tally = found.before.in_all
    assert (tally.dismissed, tally.is_open, tally.precision) == (1, 1, 0.0)
    assert tally.interval is not None
    assert tally.interval[1] == pytest.approx(0.793, abs=0.001)  # one dismissal proves little
    assert {row["finding_id"] for row in _account(found).others} == {EARLIER, BROKEN}


def test_a_break_has_its_figures_and_its_correction_in_words(read: Read) -> None:
    found = read(BROKEN, True)
    assert found.score is None
    assert found.broken is not None
    assert found.correction == f"Set the amount of posting {FLAGGED} to 8,984.00."
    masked = read(BROKEN, False)
    assert masked.correction == "Set the amount of the posting to 8,984.00."


def test_file_and_line_are_for_those_who_see_accounts(read: Read) -> None:
    assert read(SCORED, True).source == (FILE, 12)
    assert read(SCORED, False).source is None


@VIEWS
def test_a_finding_on_the_bank_as_a_whole_has_no_account(read: Read, sees_accounts: bool) -> None:
    found = read(LATE, sees_accounts)
    assert found.account is None
    assert "played again" in " ".join(found.advice.steps)


def test_every_check_and_reason_has_its_advice() -> None:
    codes = [("break", code) for code in sorted(CHECK_CODES)] + [("score", code) for code in REASON_CODES]
    said = [advice_on({"kind": kind, "code": code}) for kind, code in codes]
    assert len(set(said)) == len(codes)
    assert all(len(advice.steps) >= 2 for advice in said)
    assert "does not know" in advice_on({"kind": "break", "code": "of_a_later_version"}).meaning


@pytest.mark.parametrize(
    ("action", "field", "value", "words"),
    [
        ("delete", None, None, "Delete it."),
        ("set", "trans_type", "D", "Set the direction of it to a debit."),
        ("set", "amount", None, "Set the amount of it to another value."),
        ("insert", "amount", "540.00", "Book the missing credit of 540.00."),
        ("insert", "amount", None, "Book the missing posting."),
        ("set", "purpose", "rent", "Set the purpose of it to rent."),
    ],
)
def test_a_correction_is_told_in_words(action: str, field: str | None, value: str | None, words: str) -> None:
    assert correction_words({"action": action, "field": field, "value": value}, "it") == words


@pytest.mark.parametrize("finding_id", ["0" * 32, "' or 1=1", "", "\0"])
def test_an_unknown_id_says_what_may_have_happened_and_where_to_look(account_bank: Settings, finding_id: str) -> None:
    with pytest.raises(NoSuchFindingError, match=r"played again .* queue"):
        finding_page(account_bank, finding_id, sees_accounts=True)


def test_a_look_makes_no_lake(tmp_path) -> None:
    with pytest.raises(NoSuchFindingError, match="no night is published"):
        finding_page(Settings(lake_uri=str(tmp_path / "lake")), SCORED, sees_accounts=True)
    assert not (tmp_path / "lake").exists()


def test_a_night_that_is_replaced_while_it_is_read_is_read_again(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(lake_uri=str(tmp_path / "lake"))
    publish_night(Lake.open(settings.lake_uri, settings), NIGHT, masker())
    read, runs = finding_pages._page, iter("b")

    def read_while_published_again(records, finding, newest):
        found = read(records, finding, newest)
        for run in runs:
            publish_night(Lake.open(settings.lake_uri, settings), NIGHT, masker(), run=run)
        return found

    monkeypatch.setattr(finding_pages, "_page", read_while_published_again)
    found = finding_page(settings, SCORED, sees_accounts=True)
    assert found.finding["run_key"] == "b" * 16
    assert found.score is not None


def test_a_night_of_a_version_without_marts_has_no_findings_to_show(tmp_path) -> None:
    settings, stamp = Settings(lake_uri=str(tmp_path / "lake")), RunStamp("a" * 16, "first", NIGHT)
    Lake.open(settings.lake_uri, settings).publish_manifest(manifest_row(stamp), stamp)
    with pytest.raises(NoSuchFindingError, match="queue"):
        finding_page(settings, SCORED, sees_accounts=True)


def test_where_money_is_rounded_the_check_stands_for_the_sentence(tmp_path) -> None:
    settings = Settings(lake_uri=str(tmp_path / "lake"))
    publish_night(Lake.open(settings.lake_uri, settings), NIGHT, masker(amount_step=1000))
    found = finding_page(settings, BROKEN, sees_accounts=False)
    assert found.title == "balance chain (break)"
    assert found.correction == "Set the amount of the posting to another value."
    assert finding_page(settings, SCORED, sees_accounts=False).score is None
