"""Corrections: proposed by investigators, approved by others, and written by nobody but the back office."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from plugins.settlement_console.rights import Right
from tests.case_book.nights import ACCOUNT, INSERT, Desk, broken, settings_of
from tests.plugins.queue.conftest import EVIL, Office, OneCase

LARGE = {**INSERT, "value": "-54000.00"}
PAIRS = 10
CORRECTION = re.compile(r"/corrections/([0-9a-f]{32})/")


@dataclass(frozen=True)
class Proposed:
    """Two corrections that Ann proposed, the second one above the amount that needs two approvers."""

    office: Office
    small: str
    large: str
    accounts: tuple[str, str]


@pytest.fixture(scope="module")
def breaks(app: FastAPI, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OneCase, OneCase]]:
    """Cases of one break each, in pairs whose second one is about much money."""
    office = Office(app, Desk(settings_of(tmp_path_factory.mktemp("breaks"))))
    names = [f"{n:032x}" for n in range(2 * PAIRS)]
    office.desk.publish(
        [broken(name, ACCOUNT + n, amount=-54000 if n % 2 else -540) for n, name in enumerate(names)],
        corrections={name: LARGE if n % 2 else INSERT for n, name in enumerate(names)},
    )
    made = iter([OneCase(office, name, ACCOUNT + n) for n, name in enumerate(names)])
    return zip(made, made, strict=True)


@pytest.fixture
def proposed(breaks: Iterator[tuple[OneCase, OneCase]]) -> Proposed:
    pair = next(breaks)
    office, ids = pair[0].office, []
    for case in pair:
        assert "Book the missing debit of" in case.page()
        assert case.send("propose", finding_id=case.name).status_code == 303
        (row,) = office.desk.book.corrections(sees_accounts=True, finding_id=case.name)
        ids.append(row.correction_id)
    return Proposed(office, *ids, (str(pair[0].account), str(pair[1].account)))


def _rows(person: TestClient) -> list[dict[str, str]]:
    answer = person.get("/corrections/export")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_whoever_proposed_a_correction_does_not_approve_it(proposed: Proposed) -> None:
    office, small = proposed.office, proposed.small
    assert office.ann.post(f"/corrections/{small}/approve").status_code == 403
    own = office.approver("ann")
    assert f"/corrections/{small}/approve" not in own.get("/corrections").text
    refused = own.post(f"/corrections/{small}/approve")
    assert (refused.status_code, "Nothing was changed" in refused.text) == (409, True)
    assert office.approver().post(f"/corrections/{small}/approve").headers["location"].endswith("said=approved")
    assert "Approved: it is in the back office" in office.approver().get("/corrections?said=approved").text
    again = office.approver().post(f"/corrections/{small}/approve")
    assert again.status_code == 409


def test_a_large_one_needs_two_people(proposed: Proposed) -> None:
    office, large = proposed.office, proposed.large
    first, second = office.approver("kim"), office.approver("lou")
    assert first.post(f"/corrections/{large}/approve").headers["location"].endswith("said=one-more")
    assert first.post(f"/corrections/{large}/approve").status_code == 409
    assert "kim; 2 are needed" in second.get("/corrections").text
    assert second.post(f"/corrections/{large}/approve").headers["location"].endswith("said=approved")
    assert "approved by kim, lou" in second.get("/corrections").text


def test_an_investigator_takes_back_their_own_alone(proposed: Proposed) -> None:
    office, small, large = proposed.office, proposed.small, proposed.large
    assert office.bob.post(f"/corrections/{small}/refuse", data={"note": "no"}).status_code == 403
    assert office.ann.post(f"/corrections/{small}/refuse", data={"note": "a slip"}).status_code == 303
    assert office.approver().post(f"/corrections/{large}/refuse", data={"note": EVIL}).status_code == 303
    page = office.bob.get("/corrections").text
    assert not {small, large} & {*CORRECTION.findall(page)}
    assert EVIL not in page


def test_the_back_office_gets_a_file(proposed: Proposed) -> None:
    office = proposed.office
    rows = {row["account"]: (row["state"], row["value"]) for row in _rows(office.approver())}
    small, large = proposed.accounts
    assert (rows[small], rows[large]) == (("proposed", "-540.00"), ("proposed", "-54000.00"))
    assert {row["account"] for row in _rows(office.viewer)}.isdisjoint(proposed.accounts)


def test_a_viewer_sees_them_masked_and_cannot_act(proposed: Proposed) -> None:
    office = proposed.office
    page = office.viewer.get("/corrections").text
    assert [number for number in (*proposed.accounts, "ann") if re.search(rf"\b{number}\b", page)] == []
    assert "<form" not in page
    only_approver = office.person("pat", Right.APPROVER)
    assert only_approver.get("/corrections").status_code == 200


@pytest.mark.parametrize("act", ["approve", "refuse"])
def test_a_correction_that_is_not_there_is_told(proposed: Proposed, act: str) -> None:
    assert proposed.office.approver().post(f"/corrections/{'0' * 32}/{act}").status_code == 404


def test_without_a_night_the_page_says_where_they_come_from(office: Office) -> None:
    page = office.ann.get("/corrections")
    assert (page.status_code, "An investigator proposes one" in page.text) == (200, True)


def test_one_whose_break_was_restated_says_so_everywhere_and_is_proposed_anew(office: Office) -> None:
    name = "a" * 32
    office.desk.publish([broken(name)], corrections={name: INSERT})
    case = OneCase(office, name, ACCOUNT)
    case.send("propose", finding_id=name)
    (made,) = office.desk.book.corrections(sees_accounts=True)
    office.desk.publish([broken(name)], corrections={name: {**INSERT, "value": "-1.00"}}, run="b")
    said = "it was insert amount -540.00, and is insert amount -1.00 now"
    page = office.approver().get("/corrections").text
    assert (said in page, f"/corrections/{made.correction_id}/approve" in page) == (True, False)
    assert said in _rows(office.approver())[0]["outdated"]
    assert "proposed, but outdated" in case.page()
    assert case.send("propose", finding_id=name).status_code == 303
    rows = _rows(office.approver())
    assert [(row["state"], row["value"], row["outdated"]) for row in rows] == [
        ("replaced", "-540.00", ""),
        ("proposed", "-1.00", ""),
    ]
    assert "replaced by a newer one" in office.approver().get("/corrections").text


def test_what_a_later_night_says_otherwise_of_is_no_money_recovered(office: Office) -> None:
    name = "a" * 32
    office.desk.publish([broken(name)], corrections={name: INSERT})
    OneCase(office, name, ACCOUNT).send("propose", finding_id=name)
    (made,) = office.desk.book.corrections(sees_accounts=True)
    office.approver().post(f"/corrections/{made.correction_id}/approve")
    assert '<dd>540.00</dd><dd class="about">1 correction approved</dd>' in office.ann.get("/work").text
    office.desk.publish([broken(name)], corrections={name: {**INSERT, "value": "-1.00"}}, run="b")
    assert '<dd>0.00</dd><dd class="about">0 corrections approved</dd>' in office.ann.get("/work").text
