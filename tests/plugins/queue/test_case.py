"""A case's page: what it shows, what is done there, and what a refusal keeps."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from include.reviews.drop import inbox_of
from tests.case_book.nights import ACCOUNT, DAY, INSERT, NIGHT, OTHER, broken, finding
from tests.plugins.clients import ADDRESS, as_browser, token_of
from tests.plugins.queue.conftest import EVIL, A, B, Office, OneCase

TODAY = datetime.now(UTC).date()
TOMORROW = TODAY + timedelta(days=1)


def test_a_case_shows_its_findings_and_what_became_of_them(office: Office) -> None:
    office.desk.publish([finding(A)])
    office.desk.publish([finding(B, night=NIGHT + DAY, amount=250)], NIGHT + DAY)
    page = office.ann.get(f"/cases/{office.desk.book.case_of(A)}").text
    assert f"Account {ACCOUNT} paid out 100.00." in page
    assert f"/findings/{B}/account" in page
    assert all(amount in page for amount in ("100.00", "250.00", "350.00"))
    assert page.index("Joined") > page.index("History")


def test_a_viewer_sees_a_case_masked_and_cannot_act(case: OneCase) -> None:
    case.send("note", note=f"asked {case.account}")
    page = case.page(case.office.viewer)
    assert "Account … paid out 100.00." in page
    assert [name for name in (str(case.account), "ann") if re.search(rf"\b{name}\b", page)] == []
    assert "<form" not in page
    assert case.send("claim", case.office.viewer).status_code == 403


@pytest.mark.parametrize("address", ["/cases/" + "f" * 32, "/cases/x", "/cases/%27%20or%201=1"])
def test_a_case_that_is_not_there_is_told(case: OneCase, address: str) -> None:
    assert case.office.ann.get(address).status_code == 404
    assert case.office.ann.post(f"{address}/claim").status_code == 404


def test_a_decision_shows_at_once_and_says_from_when_on_it_acts(case: OneCase) -> None:
    page = case.office.ann.get(case.decide().headers["location"]).text
    acts = f"It acts from the night of {TODAY.day} {TODAY:%B %Y} on."
    assert f"1 finding of 1 case decided as “Fraud”. {acts}" in page
    assert "The client called." in page
    assert case.case_id not in case.office.ann.get("/queue").text
    assert "closed: Fraud" in case.office.ann.get("/queue?state=closed").text


def test_a_decision_becomes_a_review(case: OneCase) -> None:
    case.decide()
    files = inbox_of(case.office.desk.settings.lake_uri).iterdir()
    rows = [row for file in files for row in pq.read_table(file.path).to_pylist()]
    (row,) = (row for row in rows if row["trans_id"] == int(case.name, 16))
    assert (row["decision"], row["who"]) == ("confirmed", "ann")


def test_it_is_undone_by_its_notice(case: OneCase) -> None:
    page = case.office.ann.get(case.decide().headers["location"]).text
    (decision,) = set(re.findall(r'name="decision_id" value="([0-9a-f]{32})"', page))
    answer = case.office.ann.post("/queue/undo", data={"decision_id": decision})
    assert answer.headers["location"] == "/queue?said=undone"
    assert "The decision is taken back" in case.office.ann.get(answer.headers["location"]).text
    assert not case.is_closed
    again = case.send("undo", decision_id=decision)
    assert (again.status_code, "Nothing was changed" in again.text) == (409, True)
    assert "taken back by ann" in case.page()


def test_after_a_decision_the_next_case_is_claimed(office: Office) -> None:
    office.desk.publish([finding(A, amount=900), finding(B, OTHER)])
    first, second = OneCase(office, A, ACCOUNT), OneCase(office, B, OTHER)
    answer = first.decide(then="next", view="code=amount")
    assert answer.headers["location"].startswith(f"{second.address}?code=amount&done=")
    page = office.ann.get(answer.headers["location"]).text
    assert "yours until" in page
    assert f'href="{first.address}?code=amount">See the case' in page
    assert second.decide(then="next").headers["location"].startswith("/queue?said=none-left&done=")


def test_the_second_analyst_sees_the_first(case: OneCase) -> None:
    ann, bob = case.office.ann, case.office.bob
    case.send("claim", ann)
    assert "with ann until" in case.page(bob)
    held = case.decide(bob, note="Mine!")
    assert (held.status_code, "Ann is looking at this case until" in held.text) == (409, True)
    assert ">Mine!</textarea>" in held.text
    case.send("release", ann)
    seen = case.seen
    assert case.decide(bob, seen=seen).status_code == 303
    late = case.decide(ann, seen=seen, note="I said so")
    assert (late.status_code, "Bob decided it as" in late.text, "I said so" in late.text) == (409, True, True)


def test_an_open_page_learns_that_somebody_acted(case: OneCase) -> None:
    states = [case.office.viewer.get("/state").json()["state"]]
    for act in ("claim", "release", "note"):
        case.send(act, note="looked at it")
        states.append(case.office.viewer.get("/state").json()["state"])
    assert len({*states}) == 4
    assert case.office.viewer.get("/state").json()["state"] == states[-1]


def test_what_a_restated_night_changed_is_refused_with_what_changed(office: Office) -> None:
    office.desk.publish([finding(A)])
    case = OneCase(office, A, ACCOUNT)
    seen = case.seen
    office.desk.publish([finding(A, amount=250, text="Paid out 250.00.")], run="b")
    answer = case.decide(seen=seen)
    assert (answer.status_code, "the night was played again" in answer.text) == (409, True)
    assert re.search(r"amount</th><td>100.00</td><td>250.00", answer.text)
    assert ">The client called.</textarea>" in answer.text
    assert 'value="fraud:card_misused" data-key="c" selected' in answer.text
    assert case.decide().status_code == 303


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"verdict": ""}, "is no outcome: choose one of fraud"),
        ({"verdict": "fraud"}, "is no reason for fraud"),
        ({"verdict": f"{EVIL}:x"}, "is no outcome"),
        ({"note": "x" * 4001}, "4,000"),
        ({"seen": []}, "finding"),
    ],
)
def test_a_decision_that_says_too_little_or_too_much_is_refused(
    case: OneCase, sent: dict[str, object], said: str
) -> None:
    answer = case.decide(**sent)
    assert (answer.status_code, said in answer.text) == (409, True)
    assert EVIL not in answer.text
    assert not case.is_closed


def test_a_note_of_ten_megabytes_is_not_read(case: OneCase) -> None:
    answer = case.decide(note="x" * (10 << 20))
    assert (answer.status_code, "At most 1,048,576 bytes" in answer.text) == (413, True)


def test_only_what_is_named_is_decided(office: Office) -> None:
    office.desk.publish([finding(A), finding(B)])
    case = OneCase(office, A, ACCOUNT)
    case.decide()
    assert case.page().count('name="seen"') == 1
    assert "1 case, the most urgent first" in office.ann.get("/queue").text


def test_a_case_waits_and_its_check_is_snoozed(case: OneCase) -> None:
    case.send("wait", until=TOMORROW, note="asked the branch")
    assert f"waits until {TOMORROW.day} {TOMORROW:%B %Y}" in case.office.ann.get("/queue?state=waiting").text
    case.send("snooze", until=TOMORROW, code="amount")
    (snooze,) = re.findall(r'name="snooze_id" value="([^"]+)"', case.page())
    assert case.send("wake", snooze_id=snooze).status_code == 303
    assert "Wake it" not in case.page()


@pytest.mark.parametrize("until", ["never", "", "1994-01-31", "2999-01-01"])
def test_a_day_that_is_none_or_too_far_is_refused(case: OneCase, until: str) -> None:
    for act in ("wait", "snooze"):
        answer = case.send(act, until=until, code="amount")
        assert answer.status_code in (409, 422)
        assert "text/html" in answer.headers["content-type"]


def test_a_banks_texts_and_peoples_notes_are_text(office: Office) -> None:
    told = {"text": EVIL, "masked_text": EVIL, "shown_district": EVIL}
    office.desk.publish([broken(A, **told)], corrections={A: {"action": "set", "field": EVIL, "value": EVIL}})
    case = OneCase(office, A, ACCOUNT)
    case.send("note", note=EVIL)
    case.send("propose", finding_id=A, note=EVIL)
    for person in (office.ann, office.viewer):
        for address in (case.address, "/queue", "/corrections"):
            page = person.get(address).text
            assert "<script>alert" not in page
            assert "&lt;script&gt;" in page


def test_a_break_that_was_settled_since_is_proposed_for_closing(office: Office) -> None:
    office.desk.publish([broken(A), finding(B, OTHER)], corrections={A: INSERT})
    paid = {"trans_id": 77, "account_id": ACCOUNT, "trans_type": "D", "amount": 540}
    office.desk.publish([], NIGHT + DAY, postings=[paid])
    case = OneCase(office, A, ACCOUNT)
    proposed = 'value="cleared:posted_later" data-key="d" selected'
    assert "May be settled: Posting 77 of 1994-02-01 had the missing amount." in case.page()
    assert proposed in case.page()
    assert "May be settled: Posting … of" in case.page(office.viewer)
    assert "May be settled" in office.ann.get("/queue?kind=break").text
    assert proposed not in OneCase(office, B, OTHER).page()


def test_a_browser_sends_the_forms_of_a_page(case: OneCase) -> None:
    browser = as_browser(case.office.ann)
    token = token_of(case.page(browser))
    refused = case.send("claim", browser, csrf_token=token)
    assert (refused.status_code, "Origin" in refused.text) == (403, True)
    browser.headers["origin"] = ADDRESS
    assert case.send("claim", browser, csrf_token=token).status_code == 303
    assert case.send("claim", browser).status_code == 403
