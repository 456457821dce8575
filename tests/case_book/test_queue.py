"""The queue: its order, its pages, its filters, and what masked readers get of it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from include.cases import (
    CaseBook,
    CaseRefusedError,
    CaseState,
    NoSuchCaseError,
    NotYoursToSeeError,
    QueueFilter,
    SavedView,
)
from include.cases.queue import MOST_COUNTED
from include.cases.searches import NamedSearch
from tests.case_book.nights import DAY, MINUTE, NIGHT, NOW, Desk, broken, finding, settings_of

RICH, SURE, OLD, WARNED = 870000021, 870000022, 870000023, 870000024
"""Accounts with much money at stake, a broken rule, a long wait, and a warning."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = Desk(settings_of(tmp_path_factory.mktemp("queue")))
    early = NIGHT - 30 * DAY
    desk.publish([finding("old", OLD, early, amount=10, shown_district="Praha")], early)
    warned = {"code": "fee_amount", "severity": "warn", "amount": 5}
    desk.publish(
        [
            finding("rich", RICH, amount=50_000, trans_id=4242),
            finding("again", RICH, amount=50_000, trans_id=4242, code="balance"),
            broken("sure", SURE),
            broken("warned", WARNED, **warned),
        ]
    )
    return desk


def _found(desk: Desk, **wanted: object) -> list[str]:
    return [row.headline_finding_id for row in desk.queue(**wanted)]


def test_the_order_weighs_money_sureness_and_age(desk: Desk) -> None:
    assert [row.account for row in desk.queue()] == [str(each) for each in (RICH, SURE, OLD, WARNED)]
    old = next(row for row in desk.queue() if row.account == str(OLD))
    assert [part.text for part in old.rank_parts] == ["10.00 at stake", "score 0.60", "waiting 30 days"]
    sure = next(row for row in desk.queue() if row.account == str(SURE))
    assert [part.text for part in sure.rank_parts] == ["540.00 at stake", "a rule is broken", "waiting 0 days"]


def test_a_postings_money_counts_once(desk: Desk) -> None:
    assert desk.queue()[0].money == Decimal(50_000)
    assert desk.queue()[0].findings == 2


def test_pages_follow_one_another_without_gap_or_repetition(desk: Desk) -> None:
    seen, after = [], None
    for _ in range(4):
        page = desk.book.queue(QueueFilter(), NOW, after=after, size=1, sees_accounts=True)
        seen += [row.account for row in page.rows]
        after = page.after
    assert seen == [row.account for row in desk.queue()]
    assert after is None
    assert (page.count, page.is_capped) == (4, False)
    with pytest.raises(NoSuchCaseError, match="there is no page of the queue that begins at 'nothing'"):
        desk.book.queue(QueueFilter(), NOW, after="nothing", sees_accounts=True)


def test_a_case_that_changes_between_two_pages_moves_nothing_else(tmp_path: Path) -> None:
    desk = Desk(settings_of(tmp_path))
    desk.publish([finding(str(n), RICH + n, amount=10**n) for n in range(1, 5)])
    first = desk.book.queue(QueueFilter(), NOW, size=2, sees_accounts=True)
    assert first.after is not None
    last = first.rows[-1]
    more = finding("more", RICH + 3, NIGHT + DAY, amount=10**7)
    desk.publish([more], NIGHT + DAY)
    assert desk.queue()[0].case_id == last.case_id
    second = desk.book.queue(QueueFilter(), NOW, after=first.after, size=2, sees_accounts=True)
    assert [row.account for row in second.rows] == [str(RICH + 2), str(RICH + 1)]
    with pytest.raises(NoSuchCaseError, match="there is no page of the queue"):
        desk.book.queue(QueueFilter(), NOW, after=f"x{first.after[1:]}", sees_accounts=True)
    assert first.after not in (last.case_id, first.rows[0].case_id)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"codes": ("fee_amount",)}, ["warned"]),
        ({"kinds": ("break",)}, ["sure", "warned"]),
        ({"last_night": NIGHT - DAY}, ["old"]),
        ({"first_night": NIGHT, "codes": ("amount",)}, ["rich"]),
        ({"least_amount": Decimal(500), "most_amount": Decimal(600)}, ["sure"]),
        ({"district": "Praha"}, ["old"]),
        ({"account": SURE}, ["sure"]),
        ({"posting": 4242}, ["rich"]),
        ({"posting": 4242, "account": RICH, "codes": ("balance",)}, ["rich"]),
        ({"posting": 4242, "account": SURE}, []),
        ({"search": "4242"}, ["rich"]),
        ({"search": str(WARNED)}, ["warned"]),
        ({"search": "paid out"}, []),
        ({"states": (CaseState.CLOSED,)}, []),
        ({"codes": ("amount",), "kinds": ("break",)}, []),
    ],
)
def test_filters_choose(desk: Desk, wanted: dict[str, object], found: list[str]) -> None:
    assert [name.replace("again", "rich") for name in _found(desk, **wanted)] == found


def test_many_findings_are_chosen_as_few_are(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    few = [_found(desk, codes=("amount",)), _found(desk, kinds=("break",), states=())]
    monkeypatch.setattr("include.cases.queue._FEW", 0)
    assert [_found(desk, codes=("amount",)), _found(desk, kinds=("break",), states=())] == few


def test_an_id_is_found_by_everybody(desk: Desk) -> None:
    case_id = desk.book.case_of("old")
    assert _found(desk, sees_accounts=False, search=case_id) == ["old"]


@pytest.mark.parametrize("wanted", [{"account": RICH}, {"posting": 4242}, {"search": "4242"}, {"holder": "ann"}])
def test_masked_readers_do_not_search_by_numbers_and_names(desk: Desk, wanted: dict[str, object]) -> None:
    with pytest.raises(NotYoursToSeeError, match="for those who may see accounts"):
        desk.queue(sees_accounts=False, **wanted)


def test_masked_readers_get_pseudonyms(desk: Desk) -> None:
    desk.book.claim(desk.book.case_of("warned"), "ann", NOW)
    shown = desk.queue(sees_accounts=False)
    assert not [number for number in (RICH, SURE, OLD, WARNED) if str(number) in repr(shown)]
    assert "ann" not in [row.holder for row in shown]
    assert len({row.account for row in shown}) == 4
    assert shown[0].headline == "Account … paid out 100.00."
    desk.book.release(desk.book.case_of("warned"), "ann", NOW)


def test_states_are_those_of_the_moment(desk: Desk) -> None:
    case_id = desk.book.case_of("warned")
    desk.book.claim(case_id, "ann", NOW)
    in_review, later = {"states": (CaseState.IN_REVIEW,)}, NOW + 61 * MINUTE
    assert (_found(desk, **in_review), _found(desk, holder="ann")) == (["warned"], ["warned"])
    assert desk.queue(later, **in_review) == []
    desk.book.wait(case_id, (NOW + DAY).date(), "ann", NOW, "He calls back.")
    waiting = {"states": (CaseState.WAITING,)}
    assert [row.waits_until for row in desk.queue(**waiting)] == [NOW.replace(hour=0) + DAY]
    assert "warned" not in _found(desk)
    assert "warned" in [row.headline_finding_id for row in desk.queue(NOW + DAY)]
    assert desk.queue(NOW + DAY, **waiting) == []


def test_counts_are_capped(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_COUNTED == 1000
    monkeypatch.setattr("include.cases.queue.MOST_COUNTED", 2)
    page = desk.book.queue(QueueFilter(states=()), NOW, sees_accounts=True)
    assert (page.count, page.is_capped, len(page.rows)) == (2, True, 4)


def test_a_filter_is_kept_under_a_name(desk: Desk) -> None:
    wanted = QueueFilter(NIGHT, NIGHT + DAY, ("amount",), ("score",), Decimal("1.50"), Decimal(2), "Praha", RICH, "4")
    desk.book.save_view("ann", SavedView("mine", QueueFilter()))
    desk.book.save_view("ann", SavedView(" mine ", wanted))
    assert desk.book.views("ann") == [SavedView("mine", wanted)]
    assert desk.book.views("bob") == []
    desk.book.forget_view("ann", "mine")
    assert desk.book.views("ann") == []


def test_a_search_is_kept_for_a_day_for_one_person(desk: Desk) -> None:
    search = NamedSearch(account=RICH, posting=4242)
    token = desk.book.keep_search(search, "ann", NOW)
    assert desk.book.search(token, "ann", NOW + DAY - MINUTE) == search
    assert desk.book.search(token, "ann", NOW + DAY) is None
    assert desk.book.search(token, "bob", NOW) is None
    assert str(RICH) not in token
    with pytest.raises(CaseRefusedError, match="so large a number"):
        desk.book.keep_search(NamedSearch(posting=2**63), "ann", NOW)


def test_holders_are_those_whose_claim_has_not_lapsed(desk: Desk) -> None:
    rich, sure = (desk.book.case_of(name) for name in ("rich", "sure"))
    desk.book.claim(rich, "bob", NOW)
    desk.book.claim(sure, "ann", NOW + 30 * MINUTE)
    assert [each.who for each in desk.book.holders(NOW + 31 * MINUTE)] == ["ann", "bob"]
    (ann,) = desk.book.holders(NOW + 61 * MINUTE)
    assert (ann.who, ann.name) == ("ann", desk.book.pseudonym("ann"))
    free = _found(desk, now=NOW + 61 * MINUTE, is_free=True)
    assert ({"sure"} & {*free}, {"rich", "again"} & {*free} != set()) == (set(), True)
    desk.book.release(sure, "ann", NOW + 62 * MINUTE)


def test_with_rounded_money_masked_readers_choose_by_what_they_see(tmp_path: Path) -> None:
    desk = Desk(settings_of(tmp_path, masked_amount_step=1000))
    desk.publish([finding("a", amount=1234)], masked={"amount": 1000, "text": None})
    (row,) = desk.queue(sees_accounts=False)
    assert (row.money, row.headline) == (Decimal(1000), None)
    narrow = {"least_amount": Decimal(1200), "most_amount": Decimal(1300)}
    assert (len(desk.queue(**narrow)), desk.queue(sees_accounts=False, **narrow)) == (1, [])


def test_the_store_is_its_owners_alone(desk: Desk) -> None:
    file = Path(desk.settings.lake_uri.removeprefix("file:")) / "ads-cases.db"
    assert file.stat().st_mode & 0o777 == 0o600
    assert CaseBook.open(desk.settings.lake_uri, desk.settings).views("ann") == []
