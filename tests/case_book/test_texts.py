"""Texts that a server's database does not hold, from people and from banks, stop no look at the cases."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from include.cases import CaseRefusedError, QueueFilter
from include.cases.store import open_store
from local.postgres import LocalPostgres
from tests.case_book.nights import ACCOUNT, NIGHT, NOW, Desk, finding, settings_of

NUL = "a\0b"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, postgres_server: LocalPostgres) -> Desk:
    """A book in a server, over a night whose texts and reviews hold NUL."""
    folder, uri = tmp_path_factory.mktemp("texts"), postgres_server.uri("postgres")
    made = Desk(settings_of(folder, catalog_uri=uri, namespace="texts"))
    said = {"trans_id": 7, "decision": "confirmed", "reason": NUL, "who": NUL, "decided_at": NOW, "known_at": NOW}
    told = finding("n" * 32, trans_id=7, text=NUL, masked_text=NUL, shown_district="N" * 300, review_state="confirmed")
    made.publish([told, finding("m" * 32)], reviews=[said])
    return made


def test_nul_stops_no_look_at_a_case(desk: Desk) -> None:
    case = desk.case("n" * 32)
    assert [each.text for each in case.findings if each.finding_id == "n" * 32] == ["a�b"]
    assert "a�b" in [event.note for event in case.events]
    desk.book.note(case.row.case_id, "ann", NOW, NUL)
    assert desk.case("n" * 32).events[0].note == "a�b"
    assert [row.account for row in desk.queue()] == [str(ACCOUNT)]


def test_an_error_of_the_database_is_logged_without_what_it_was_about(desk: Desk) -> None:
    store = open_store(desk.settings.lake_uri, desk.settings)
    statement = sa.text("select 1 / (0 * length(:said))")
    with pytest.raises(sa.exc.DBAPIError, match="parameters hidden") as raised, store.read() as connection:
        connection.execute(statement, {"said": f"account {ACCOUNT}"})
    assert str(ACCOUNT) not in str(raised.value)


def test_nul_finds_nothing(desk: Desk) -> None:
    assert desk.queue(district=NUL) == []
    for given in (desk.book.case_of, lambda given: desk.book.undo(given, "ann", NOW)):
        with pytest.raises(CaseRefusedError):
            given(NUL)
    with pytest.raises(CaseRefusedError):
        desk.book.queue(QueueFilter(first_night=NIGHT), NOW, after=NUL, sees_accounts=True)
