"""An account's page: its years at a glance, for those who see accounts and for those who do not."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from include.cases import AuditLog
from include.lake import Lake, RunStamp
from include.settings import Settings
from plugins.settlement_console.account.charts import charts_of
from plugins.settlement_console.account.page import Period, account_page
from plugins.settlement_console.finding.page import NoSuchFindingError
from tests.lake.nights import manifest_row
from tests.plugins.finding.bank import ACCOUNT, CLIENT, DAYS, IDENTIFIERS, LATE, NIGHT, SCORED, masker, publish_night

ADDRESS = f"/findings/{SCORED}/account"


def test_days_are_summed_by_month_and_year(account_bank: Settings) -> None:
    found = account_page(account_bank, SCORED, None, sees_accounts=True)
    assert (found.first, found.last, found.earlier, found.later) == (DAYS[0], DAYS[-1], None, None)
    (month,) = found.months
    assert month == Period(
        first=date(1994, 1, 1),
        postings=8,
        findings=3,
        came_in=Decimal(0),
        went_out=7 * Decimal("555.00") + Decimal("8894.00"),
        lowest=Decimal(17000),
        highest=Decimal(30000),
        last=Decimal(30000 - 7 * 555),
    )
    assert found.years == found.months
    assert [chart.name for chart in charts_of(found)] == ["months", "balance"]


def test_an_earlier_stretch_can_be_asked_for_and_left_again(account_bank: Settings) -> None:
    found = account_page(account_bank, SCORED, DAYS[2], sees_accounts=True)
    assert [row["settlement_date"] for row in found.days] == list(DAYS[:3])
    assert (found.earlier, found.later) == (None, DAYS[-1])
    long_ago = account_page(account_bank, SCORED, date(1990, 1, 1), sees_accounts=True)
    assert (long_ago.first, long_ago.last, len(long_ago.days)) == (DAYS[0], DAYS[0], 1)


def test_more_nights_than_are_read_at_once_are_offered(tmp_path) -> None:
    settings = Settings(lake_uri=str(tmp_path / "lake"))
    lake, long_ago = Lake.open(settings.lake_uri, settings), RunStamp("a" * 16, "first", date(1990, 12, 31))
    lake.publish_manifest(manifest_row(long_ago), long_ago)
    publish_night(lake, NIGHT, masker())
    found = account_page(settings, SCORED, None, sees_accounts=True)
    assert (found.first, found.earlier) == (date(1991, 1, 18), date(1991, 1, 17))


def test_an_investigators_page_has_people_and_products(visit) -> None:
    text = visit("USER").get(ADDRESS).text
    told = [f"Account {ACCOUNT}", str(CLIENT), "6 May 1940", "classic card 66003", "lent on 5 July 1993 for 12 months"]
    assert [part for part in [*told, "555.00 each month for the household, to 87144583"] if part not in text] == []


def test_a_viewers_page_names_nobody(visit) -> None:
    text = visit("VIEWER").get(ADDRESS).text
    names = [*IDENTIFIERS, "66001", "66002", "66003", "87144583", "6 May 1940"]
    assert [name for name in names if name in text] == []
    assert "classic card" in text


def test_what_begins_later_is_not_shown(visit) -> None:
    text = visit("USER").get(ADDRESS).text
    assert "classic card" in text
    assert "gold card" not in text  # issued after the newest night


def test_a_look_at_an_account_is_audited(visit, account_bank: Settings) -> None:
    visit("VIEWER").get(ADDRESS)
    log = AuditLog.open(account_bank.lake_uri, account_bank)
    before = len([*log.entries_about(ACCOUNT)])
    for path in (ADDRESS, f"/findings/{SCORED}"):
        visit("USER").get(path)
    looks = [*log.entries_about(ACCOUNT)][before:]
    assert [(look.who, look.action, look.subject) for look in looks] == [("ida", "viewed", SCORED)] * 2


def test_what_is_no_date_is_refused_with_a_sentence(visit) -> None:
    answer = visit("USER").get(f"{ADDRESS}?until=yesterday")
    assert answer.status_code == 422
    assert "until" in answer.text.lower()


def test_a_finding_on_the_bank_as_a_whole_leads_to_no_account(account_bank: Settings, visit) -> None:
    with pytest.raises(NoSuchFindingError, match="as a whole"):
        account_page(account_bank, LATE, None, sees_accounts=True)
    assert visit("USER").get(f"/findings/{LATE}/account").status_code == 404
