"""Corrections: proposed by investigators, approved by others, and written by nobody but the back office."""

from __future__ import annotations

import csv
import io
import re

import pytest
from fastapi.testclient import TestClient

from plugins.settlement_console.rights import Right
from tests.case_book.nights import ACCOUNT, INSERT, OTHER, broken
from tests.plugins.queue.conftest import EVIL, A, B, Office

LARGE = {**INSERT, "value": "-54000.00"}
CORRECTION = re.compile(r"/corrections/([0-9a-f]{32})/")


@pytest.fixture
def proposed(office: Office) -> Office:
    """An office in which Ann proposed two corrections, the second one above the amount that needs two approvers."""
    office.desk.publish([broken(A), broken(B, OTHER, amount=-54000)], corrections={A: INSERT, B: LARGE})
    for name in (A, B):
        case = f"/cases/{office.desk.book.case_of(name)}"
        assert "Book the missing debit of" in office.ann.get(case).text
        assert office.ann.post(f"{case}/propose", data={"finding_id": name}).status_code == 303
    return office


def _ids(office: Office) -> tuple[str, str]:
    small, large = (office.desk.book.corrections(sees_accounts=True, finding_id=name)[0] for name in (A, B))
    return small.correction_id, large.correction_id


def _rows(person: TestClient) -> list[dict[str, str]]:
    answer = person.get("/corrections/export")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_whoever_proposed_a_correction_does_not_approve_it(proposed: Office) -> None:
    small, _ = _ids(proposed)
    assert proposed.ann.post(f"/corrections/{small}/approve").status_code == 403
    own = proposed.approver("ann")
    assert f"/corrections/{small}/approve" not in own.get("/corrections").text
    refused = own.post(f"/corrections/{small}/approve")
    assert (refused.status_code, "Nothing was changed" in refused.text) == (409, True)
    assert proposed.approver().post(f"/corrections/{small}/approve").headers["location"].endswith("said=approved")
    assert "Approved: it is in the back office" in proposed.approver().get("/corrections?said=approved").text
    again = proposed.approver().post(f"/corrections/{small}/approve")
    assert again.status_code == 409


def test_a_large_one_needs_two_people(proposed: Office) -> None:
    _, large = _ids(proposed)
    first, second = proposed.approver("kim"), proposed.approver("lou")
    assert first.post(f"/corrections/{large}/approve").headers["location"].endswith("said=one-more")
    assert first.post(f"/corrections/{large}/approve").status_code == 409
    assert "kim; 2 are needed" in second.get("/corrections").text
    assert second.post(f"/corrections/{large}/approve").headers["location"].endswith("said=approved")
    assert "approved by kim, lou" in second.get("/corrections").text


def test_an_investigator_takes_back_their_own_alone(proposed: Office) -> None:
    small, large = _ids(proposed)
    assert proposed.bob.post(f"/corrections/{small}/refuse", data={"note": "no"}).status_code == 403
    assert proposed.ann.post(f"/corrections/{small}/refuse", data={"note": "a slip"}).status_code == 303
    assert proposed.approver().post(f"/corrections/{large}/refuse", data={"note": EVIL}).status_code == 303
    page = proposed.bob.get("/corrections").text
    assert CORRECTION.findall(page) == []
    assert EVIL not in page


def test_the_back_office_gets_a_file(proposed: Office) -> None:
    rows = _rows(proposed.approver())
    assert [(row["state"], row["account"], row["value"]) for row in rows] == [
        ("proposed", str(ACCOUNT), "-540.00"),
        ("proposed", str(OTHER), "-54000.00"),
    ]
    masked = _rows(proposed.viewer)
    assert {row["account"] for row in masked}.isdisjoint({str(ACCOUNT), str(OTHER)})


def test_a_viewer_sees_them_masked_and_cannot_act(proposed: Office) -> None:
    page = proposed.viewer.get("/corrections").text
    assert [number for number in (str(ACCOUNT), str(OTHER), "ann") if re.search(rf"\b{number}\b", page)] == []
    assert "<form" not in page
    only_approver = proposed.person("pat", Right.APPROVER)
    assert only_approver.get("/corrections").status_code == 200


@pytest.mark.parametrize("act", ["approve", "refuse"])
def test_a_correction_that_is_not_there_is_told(proposed: Office, act: str) -> None:
    assert proposed.approver().post(f"/corrections/{'0' * 32}/{act}").status_code == 404


def test_without_a_night_the_page_says_where_they_come_from(office: Office) -> None:
    page = office.ann.get("/corrections")
    assert (page.status_code, "An investigator proposes one" in page.text) == (200, True)
