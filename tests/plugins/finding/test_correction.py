"""A break's correction on its page: endorsed by one, approved by another."""

from __future__ import annotations

import re

import httpx
from fastapi.testclient import TestClient

from tests.plugins.clients import send_from_a_page
from tests.plugins.finding.bank import BROKEN, SCORED

PAGE = f"/findings/{BROKEN}"
ANSWER = re.compile(r'action="(/corrections/[0-9a-f]{32}/(?:approve|refuse))"')
"""Where a form of the page sends an answer to its correction: to the page of all corrections."""


def _propose(client: TestClient, note: str) -> httpx.Response:
    return send_from_a_page(client, f"{PAGE}/correction/propose", data={"note": note})


def _answers(client: TestClient) -> list[str]:
    return ANSWER.findall(client.get(PAGE).text)


def test_a_correction_is_proposed_by_one_and_approved_by_another(visit) -> None:
    assert "Set the amount of posting" in visit("USER").get(PAGE).text
    answer = _propose(visit("USER"), "Seen in the ledger.")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}#correction")
    text = visit("ADMIN", "otto").get(PAGE).text
    assert "ida proposed it" in text
    assert "Seen in the ledger." in text
    assert "Seen in the ledger." not in visit("VIEWER").get(PAGE).text  # an analyst's own words

    approve, refuse = _answers(visit("ADMIN", "otto"))
    assert _answers(visit("ADMIN")) == [refuse]  # whoever proposed it takes it back, and no more
    assert _answers(visit("USER", "eva")) == []
    assert "somebody else must approve it" in visit("ADMIN").get(PAGE).text

    assert send_from_a_page(visit("ADMIN", "otto"), approve).status_code == 303
    told = visit("USER").get(PAGE).text
    assert "otto approved it" in told
    assert "The correction is approved, and with the back office." in told

    again = _propose(visit("USER"), "Once more.")
    assert (again.status_code, "Once more." in again.text) == (409, True)


def test_what_has_no_correction_takes_none(visit) -> None:
    answer = send_from_a_page(visit("USER"), f"/findings/{SCORED}/correction/propose", data={"note": "x"})
    assert answer.status_code == 409
    assert "proposes no correction" in answer.text


def test_an_unknown_finding_is_told(visit) -> None:
    assert send_from_a_page(visit("USER"), "/findings/0123/correction/propose", data={}).status_code == 404
