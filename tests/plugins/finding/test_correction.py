"""A break's correction on its page: endorsed by one, approved by another."""

from __future__ import annotations

import httpx

from tests.plugins.clients import send_from_a_page
from tests.plugins.finding.bank import BROKEN, SCORED

PAGE = f"/findings/{BROKEN}"


def _act(client, act: str, **sent: str) -> httpx.Response:
    return send_from_a_page(client, f"{PAGE}/correction/{act}", data=sent)


def _correction_of(text: str) -> str:
    return text.split('name="correction_id" value="')[1].split('"')[0]


def test_a_correction_is_proposed_by_one_and_approved_by_another(visit) -> None:
    assert "Set the amount of posting" in visit("USER").get(PAGE).text
    answer = _act(visit("USER"), "propose", note="Seen in the ledger.")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}#correction")
    text = visit("ADMIN", "otto").get(PAGE).text
    assert "ida proposed it" in text
    assert "Seen in the ledger." in text
    assert "Seen in the ledger." not in visit("VIEWER").get(PAGE).text  # an analyst's own words
    correction = _correction_of(text)

    refused = _act(visit("ADMIN"), "approve", correction_id=correction)
    assert refused.status_code == 409
    assert "somebody else must approve it" in refused.text
    assert 'name="correction_id"' not in refused.text  # no form for whoever may not use it

    assert _act(visit("ADMIN", "otto"), "approve", correction_id=correction).status_code == 303
    told = visit("USER").get(PAGE).text
    assert "otto approved it" in told
    assert "The correction is approved, and with the back office." in told

    again = _act(visit("USER"), "propose", note="Once more.")
    assert (again.status_code, "Once more." in again.text) == (409, True)


def test_what_has_no_correction_takes_none(visit) -> None:
    answer = send_from_a_page(visit("USER"), f"/findings/{SCORED}/correction/propose", data={"note": "x"})
    assert answer.status_code == 409
    assert "proposes no correction" in answer.text


def test_unknown_findings_and_corrections_are_told(visit) -> None:
    assert send_from_a_page(visit("USER"), "/findings/0123/correction/propose", data={}).status_code == 404
    assert _act(visit("ADMIN"), "refuse", correction_id="0123", note="x").status_code == 404
