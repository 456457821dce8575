"""Several at once, on both engines: one follows, one claims, one decides first; nothing is doubled or lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from decimal import Decimal
from threading import Barrier
from typing import Any, TypeVar

import pytest

from include.cases import (
    CaseBook,
    CaseRefusedError,
    Decision,
    HeldByAnotherError,
    NoSuchCaseError,
    QueueFilter,
    claims,
    decisions,
    following,
)
from include.cases.acts import Act
from include.cases.searches import NamedSearch
from include.cases.store import open_store, writing
from include.cases.views import Decided
from include.lake import Lake
from include.settings import Settings
from local.postgres import LocalPostgres
from tests.case_book.nights import DAY, NIGHT, NOW, OTHER, Desk, finding, publish, settings_of

PEOPLE = 6
T = TypeVar("T")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def settings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_server: LocalPostgres
) -> Settings:
    """Settings of a lake of one night with twelve accounts, which nobody has followed yet."""
    folder = tmp_path_factory.mktemp("together")
    values = {}
    if request.param == "postgresql":
        postgres_server.create_database("together")
        values = {"catalog_uri": postgres_server.uri("together"), "namespace": "many"}
    settings = settings_of(folder, **values)
    publish(settings, [finding(f"f{number}", number) for number in range(1, 13)])
    return settings


def _at_once(settings: Settings, act: Callable[[CaseBook, str], T]) -> list[T]:
    """What several people get who do the same in one moment, each with a book of their own."""
    together = Barrier(PEOPLE)

    def one(number: int) -> T:
        book = CaseBook.open(settings.lake_uri, settings)
        together.wait()
        return act(book, f"person-{number}")

    with ThreadPoolExecutor(PEOPLE) as people:
        return [*people.map(one, range(PEOPLE))]


def test_of_those_who_follow_at_once_one_writes(settings: Settings) -> None:
    lake_uri = settings.lake_uri
    found = _at_once(settings, lambda book, _: book.follow(Lake.open(lake_uri, settings), NOW))
    assert sorted(each.joined for each in found) == [0] * (PEOPLE - 1) + [12]
    publish(settings, [finding("g1", 1, NIGHT + DAY)], NIGHT + DAY)
    found = _at_once(settings, lambda book, _: book.follow(Lake.open(lake_uri, settings), NOW))
    assert sum(each.joined for each in found) == 1
    desk = Desk(settings)
    assert (desk.kinds("f1"), len(desk.queue())) == (["opened", "joined"], 12)


def test_no_two_get_the_same_next_case(settings: Settings) -> None:
    Desk(settings).book.follow(Lake.open(settings.lake_uri, settings), NOW)
    got = _at_once(settings, lambda book, who: book.claim_next(QueueFilter(), who, NOW, sees_accounts=True))
    assert len({*got} - {None}) == PEOPLE


def test_who_comes_while_another_takes_a_case_sees_the_other(settings: Settings) -> None:
    desk, later = Desk(settings), NOW + 2 * DAY
    desk.book.follow(Lake.open(settings.lake_uri, settings), NOW)
    first, second = (row.case_id for row in desk.queue(later)[:2])
    with ThreadPoolExecutor() as others:
        with writing(open_store(settings.lake_uri, settings)) as connection:
            claims.claim(Act(connection, "ann", later, desk.book.audit.chain), first)
            claimed = others.submit(Desk(settings).book.claim, first, "bob", later)
            following = others.submit(Desk(settings).book.claim_next, QueueFilter(), "cat", later, sees_accounts=True)
            wait([claimed, following], timeout=1)
        with pytest.raises(HeldByAnotherError, match="ann is looking at this case"):
            claimed.result()
        assert following.result() == second


def test_one_finding_is_decided_once(settings: Settings) -> None:
    desk = Desk(settings)
    desk.book.follow(Lake.open(settings.lake_uri, settings), NOW)
    later = NOW + 3 * DAY
    decision = desk.decision("f12")

    def decide(book: CaseBook, who: str) -> str:
        try:
            book.decide(decision, who, later)
        except CaseRefusedError as error:
            return type(error).__name__
        return "decided"

    assert Counter(_at_once(settings, decide)) == {"decided": 1, "DecidedByAnotherError": PEOPLE - 1}
    assert len(desk.case("f12").decisions) == 1
    assert desk.book.audit.faults() == []


def test_who_takes_many_back_and_who_claims_one_of_them_do_not_wait_for_each_other(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(settings)
    desk.book.follow(Lake.open(settings.lake_uri, settings), NOW)
    # Later than every claim of the tests before.
    now, undo = NOW + 4 * DAY, decisions.undo
    cases = [desk.book.case_of(name) for name in ("f10", "f11")]
    seen = desk.book.preview(cases, "in_order", "bank_way", "ann", now)
    done = desk.book.decide_many(seen.decisions, "ann", now)
    part, claims = min(done.decided.values(), key=lambda each: each.decision_id), []
    last = next(name for name, each in done.decided.items() if each is not part)

    def undo_slowly(act: Act, decision_id: str, settings: Settings) -> Decided:
        undone = undo(act, decision_id, settings)
        if decision_id == part.decision_id:
            claims.append(people.submit(CaseBook.open(settings.lake_uri, settings).claim, last, "bob", now))
            wait(claims, timeout=0.5)
        return undone

    monkeypatch.setattr(decisions, "undo", undo_slowly)
    with ThreadPoolExecutor(1) as people:
        desk.book.undo(done.batch_id, "ann", now)
    (until,) = (claim.result() for claim in claims)
    assert until > now
    assert [desk.case(name).row.findings for name in ("f10", "f11")] == [1, 1]


def test_who_read_an_older_run_of_a_night_does_not_bring_it_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, lake, night = Desk(settings), Lake.open(settings.lake_uri, settings), NIGHT + 3 * DAY
    desk.publish([finding("h1", 20, night)], night)
    publish(settings, [finding("h1", 20, night, amount=200)], night, run="b")
    read = following.findings_of

    def read_slowly(*of: Any) -> list[Any]:
        found = read(*of)
        monkeypatch.setattr(following, "findings_of", read)
        desk.publish([finding("h1", 20, night, amount=300)], night, run="c")
        desk.book.decide(desk.decision("h1"), "ann", NOW)
        return found

    monkeypatch.setattr(following, "findings_of", read_slowly)
    assert CaseBook.open(settings.lake_uri, settings).follow(lake, NOW).nights == ()
    (mine,) = (each for each in desk.case("h1").findings if each.finding_id == "h1")
    assert (mine.amount, mine.outcome) == (300, "fraud")
    assert desk.book.follow(lake, NOW).nights == ()


def test_what_is_erased_leaves_the_store(settings: Settings) -> None:
    from include.cases.erasing import HeldCases

    desk = Desk(settings)
    desk.book.follow(Lake.open(settings.lake_uri, settings), NOW)
    held = HeldCases.find(settings.lake_uri, settings)
    assert held is not None
    assert held.cases_of([2, OTHER]) == 1
    searches = [NamedSearch(account=2), NamedSearch(posting=77), NamedSearch(account=5, posting=78)]
    tokens = [desk.book.keep_search(each, "ann", NOW) for each in searches]
    held.erase([2], ["f3"], described=[4], numbers=[2, 77])
    held.erase([2], ["f3"], described=[4], numbers=[2, 77])
    assert [desk.book.search(each, "ann", NOW) for each in tokens] == [None, None, searches[2]]
    left = desk.queue(NOW + 2 * DAY)
    assert {"f2", "f3"} & {row.headline_finding_id for row in left} == set()
    assert next(row for row in left if row.account == "4").district is None
    assert desk.book.follow(Lake.open(settings.lake_uri, settings), NOW).joined == 0
    assert desk.book.audit.faults() == []


@pytest.mark.parametrize("given", ["a\0b", "x" * 500, "'; drop table cases; --", ""])
def test_what_cannot_be_an_id_is_an_id_that_nothing_has(settings: Settings, given: str) -> None:
    desk = Desk(settings)
    book, seen = desk.book, {"case_id": given, "seen": {given: given}, "outcome": "fraud", "reason": "other"}
    asks: list[Callable[[], object]] = [
        lambda: book.case(given, NOW, sees_accounts=True),
        lambda: book.case_of(given),
        lambda: book.claim(given, "ann", NOW),
        lambda: book.undo(given, "ann", NOW),
        lambda: book.wake(given, "ann", NOW),
        lambda: book.propose_correction(given, "ann", NOW),
        lambda: book.approve_correction(given, "ann", NOW),
        lambda: book.decide(Decision(**seen), "ann", NOW),
        lambda: book.queue(QueueFilter(), NOW, after=given, sees_accounts=True),
    ]
    for ask in asks:
        with pytest.raises(NoSuchCaseError, match="there is no"):
            ask()
    huge = {"account": 10**30, "least_amount": Decimal("-1e40"), "most_amount": Decimal("1e40")}
    wanted = QueueFilter(codes=(given,), district=given, search=given, holder=given, **huge)
    assert book.queue(wanted, NOW, sees_accounts=True).rows == ()
    assert book.queue(QueueFilter(least_amount=Decimal(-1)), NOW, sees_accounts=True).count > 0


def test_a_banks_text_may_hold_anything(settings: Settings) -> None:
    night = NIGHT + 7 * DAY
    odd = {"text": "Paid \0 to <script>", "masked_text": "\0", "shown_district": "\0" + "D" * 300}
    desk = Desk(settings)
    desk.publish([finding("odd", 77, night, **odd)], night)
    desk.book.note(desk.book.case_of("odd"), "ann", NOW, "a\0b")
    assert desk.case("odd").findings[0].text == "Paid  to <script>"
    assert desk.case("odd").row.district == "D" * 200
