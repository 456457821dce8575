"""The backlog's sums are those of the queue's rows, whoever asks, and a desk holds what nobody else does."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from include.cases import CaseState
from include.cases.views import DeskFilter
from local.postgres import LocalPostgres
from tests.case_book.nights import DAY, NIGHT, NOW, Desk, broken, finding, settings_of

NEXT = NIGHT + DAY
STATES = (CaseState.OPEN, CaseState.IN_REVIEW, CaseState.WAITING)
NAMES = ("free", "held", "lapsed", "waiting", "closed", "young")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def desk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_server: LocalPostgres
) -> Desk:
    """A book with a case in each state; the young one is of the next night."""
    place = {"catalog_uri": postgres_server.uri("postgres"), "namespace": "summed"}
    on = place if request.param == "postgresql" else {}
    desk = Desk(settings_of(tmp_path_factory.mktemp("backlog"), **on))
    rows = [broken(name, 870_000_100 + number) for number, name in enumerate(NAMES[:-1])]
    desk.publish([*rows, finding("bank", None, kind="break", code="cash", trans_id=None)])
    desk.publish([finding("young", 870_000_200, NEXT, amount=70)], NEXT)
    book, case_of = desk.book, desk.book.case_of
    book.claim(case_of("held"), "max", NOW)
    book.claim(case_of("lapsed"), "max", NOW - timedelta(hours=2))
    book.wait(case_of("waiting"), (NOW + 9 * DAY).date(), "ida", NOW)
    book.decide(desk.decision("closed"), "ann", NOW)
    return desk


@pytest.mark.parametrize("sees_accounts", [True, False])
def test_the_sums_are_those_of_the_queues_rows(desk: Desk, sees_accounts: bool) -> None:
    rows = desk.queue(sees_accounts=sees_accounts, states=STATES)
    by_row: dict[tuple[object, ...], list[Decimal]] = {}
    for row in rows:
        by_row.setdefault((row.oldest, row.state, row.holder, row.held_until), []).append(row.money)
    sums = desk.book.backlog(NOW, sees_accounts=sees_accounts)
    assert {(each.oldest, each.state, each.holder, each.first_lapse): (each.cases, each.money) for each in sums} == {
        key: (len(money), sum(money)) for key, money in by_row.items()
    }
    assert [each.oldest for each in sums] == sorted(each.oldest for each in sums)


def test_a_desk_holds_what_is_free_or_ones_own_the_most_urgent_first(desk: Desk) -> None:
    def found(who: str = "ida", most: int = 9, **wanted: Any) -> tuple[int, list[str]]:
        on = desk.book.on_desk(DeskFilter(who, most, **wanted), NOW, sees_accounts=False)
        return on.cases, sorted(on.findings)

    assert found() == (4, ["bank", "free", "lapsed", "young"])
    assert found("max") == (5, ["bank", "free", "held", "lapsed", "young"])
    assert found(with_waiting=True) == (5, ["bank", "free", "lapsed", "waiting", "young"])
    assert found(newer_than=NIGHT) == (1, ["young"])
    assert found(oldest_between=(NIGHT, NIGHT)) == (3, ["bank", "free", "lapsed"])
    assert found(newer_than=NEXT) == (0, [])
    cases, (urgent,) = found(most=1)
    assert (cases, urgent) == (4, desk.queue(states=(CaseState.OPEN,))[0].headline_finding_id)
