"""A case's page: what it shows, what is done there, and what a refusal keeps."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import httpx
import pyarrow.parquet as pq
import pytest

from include.reviews.drop import inbox_of
from tests.case_book.nights import ACCOUNT, DAY, NIGHT, OTHER, broken, finding
from tests.plugins.clients import ADDRESS, as_browser, token_of
from tests.plugins.queue.conftest import EVIL, A, B, Office

FRAUD = "fraud:card_misused"
TOMORROW = datetime.now(UTC).date() + timedelta(days=1)


@pytest.fixture
def case(office: Office) -> str:
    """The address of a case of one finding."""
    office.desk.publish([finding(A)])
    return f"/cases/{office.desk.book.case_of(A)}"


def _seen(office: Office, *names: str) -> list[str]:
    found = office.desk.case(names[0]).findings
    return [f"{each.finding_id}:{each.seen}" for each in found if each.finding_id in names]


def _decide(office: Office, case: str, person: str = "ann", **sent: object) -> httpx.Response:
    form = {"seen": _seen(office, A), "verdict": FRAUD, "note": "The client called.", **sent}
    return getattr(office, person).post(f"{case}/decide", data=form)


def test_a_case_shows_its_findings_and_what_became_of_them(office: Office, case: str) -> None:
    office.desk.publish([finding(B, night=NIGHT + DAY, amount=250)], NIGHT + DAY)
    page = office.ann.get(case).text
    assert f"Account {ACCOUNT} paid out 100.00." in page
    assert f"/findings/{B}/account" in page
    assert all(amount in page for amount in ("100.00", "250.00", "350.00"))
    assert page.index("Joined") > page.index("History")


def test_a_viewer_sees_a_case_masked_and_cannot_act(office: Office, case: str) -> None:
    office.ann.post(f"{case}/note", data={"note": f"asked {ACCOUNT}"})
    page = office.viewer.get(case).text
    assert "Account … paid out 100.00." in page
    assert str(ACCOUNT) not in page
    assert "ann" not in re.sub(r"<[^>]+>|[a-z]*ann[a-z]+", "", page)
    assert "<form" not in page
    assert office.viewer.post(f"{case}/claim").status_code == 403


@pytest.mark.parametrize("address", ["/cases/" + "0" * 32, "/cases/x", "/cases/%27%20or%201=1"])
def test_a_case_that_is_not_there_is_told(office: Office, case: str, address: str) -> None:
    assert office.ann.get(address).status_code == 404
    assert office.ann.post(f"{address}/claim").status_code == 404


def test_a_decision_shows_at_once_and_says_from_when_on_it_acts(office: Office, case: str) -> None:
    answer = _decide(office, case)
    page = office.ann.get(answer.headers["location"]).text
    today = datetime.now(UTC).date()
    told = f"1 finding of 1 case decided as “Fraud”. It acts from the night of {today.day} {today:%B %Y} on."
    assert told in page
    assert "The client called." in page
    assert office.ann.get("/queue").text.count("/cases/") == 0
    assert "closed: Fraud" in office.ann.get("/queue?state=closed").text


def test_a_decision_becomes_a_review(office: Office, case: str) -> None:
    _decide(office, case)
    (file,) = inbox_of(office.desk.settings.lake_uri).iterdir()
    (row,) = pq.read_table(file.path).to_pylist()
    assert (row["decision"], row["who"], row["trans_id"]) == ("confirmed", "ann", sum(map(ord, A)))


def test_it_is_undone_by_its_notice(office: Office, case: str) -> None:
    page = office.ann.get(_decide(office, case).headers["location"]).text
    (decision,) = set(re.findall(r'name="decision_id" value="([0-9a-f]{32})"', page))
    answer = office.ann.post("/queue/undo", data={"decision_id": decision})
    assert answer.headers["location"] == "/queue?said=undone"
    assert "1 case, the most urgent first" in office.ann.get(answer.headers["location"]).text
    again = office.ann.post(f"{case}/undo", data={"decision_id": decision})
    assert (again.status_code, "Nothing was changed" in again.text) == (409, True)
    assert "taken back by ann" in office.ann.get(case).text


def test_after_a_decision_the_next_case_is_claimed(office: Office) -> None:
    office.desk.publish([finding(A, amount=900), finding(B, OTHER)])
    first, second = (office.desk.book.case_of(name) for name in (A, B))
    answer = _decide(office, f"/cases/{first}", then="next", view="code=amount")
    assert answer.headers["location"].startswith(f"/cases/{second}?code=amount&done=")
    page = office.ann.get(answer.headers["location"]).text
    assert "yours until" in page
    assert f'href="/cases/{first}?code=amount">See the case' in page
    last = office.ann.post(f"/cases/{second}/decide", data={"seen": _seen(office, B), "verdict": FRAUD, "then": "next"})
    assert last.headers["location"].startswith("/queue?said=none-left&done=")


def test_the_second_analyst_sees_the_first(office: Office, case: str) -> None:
    office.ann.post(f"{case}/claim")
    assert "with ann until" in office.bob.get(case).text
    held = _decide(office, case, "bob", note="Mine!")
    assert (held.status_code, "Ann is looking at this case until" in held.text) == (409, True)
    assert ">Mine!</textarea>" in held.text
    office.ann.post(f"{case}/release")
    seen = _seen(office, A)
    assert _decide(office, case, "bob", seen=seen).status_code == 303
    late = _decide(office, case, seen=seen, note="I said so")
    assert (late.status_code, "Bob decided it as" in late.text, "I said so" in late.text) == (409, True, True)


def test_what_a_restated_night_changed_is_refused_with_what_changed(office: Office, case: str) -> None:
    seen = _seen(office, A)
    office.desk.publish([finding(A, amount=250, text="Paid out 250.00.")], run="b")
    answer = _decide(office, case, seen=seen)
    page = answer.text
    assert (answer.status_code, "the night was played again" in page) == (409, True)
    assert re.search(r"amount</th><td>100.00</td><td>250.00", page)
    assert ">The client called.</textarea>" in page
    assert f'value="{FRAUD}" data-key="c" selected' in page
    assert _decide(office, case).status_code == 303


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"verdict": ""}, "is no outcome: choose one of fraud"),
        ({"verdict": "fraud"}, "is no reason for fraud"),
        ({"verdict": "theft:x"}, "is no outcome"),
        ({"verdict": f"{EVIL}:x"}, "is no outcome"),
        ({"note": "x" * 4001}, "4,000"),
        ({"seen": []}, "finding"),
    ],
)
def test_a_decision_that_says_too_little_or_too_much_is_refused(
    office: Office, case: str, sent: dict[str, object], said: str
) -> None:
    answer = _decide(office, case, **sent)
    assert (answer.status_code, said in answer.text) == (409, True), answer.text[-3000:]
    assert EVIL not in answer.text


def test_a_note_of_ten_megabytes_is_not_read(office: Office, case: str) -> None:
    answer = _decide(office, case, note="x" * (10 << 20))
    assert (answer.status_code, "At most 1,048,576 bytes" in answer.text) == (413, True)


def test_only_what_is_named_is_decided(office: Office) -> None:
    office.desk.publish([finding(A), finding(B)])
    case = f"/cases/{office.desk.book.case_of(A)}"
    _decide(office, case)
    page = office.ann.get(case).text
    assert page.count('name="seen"') == 1
    assert "1 case, the most urgent first" in office.ann.get("/queue").text


def test_a_case_waits_and_its_check_is_snoozed(office: Office, case: str) -> None:
    office.ann.post(f"{case}/wait", data={"until": str(TOMORROW), "note": "asked the branch"})
    assert f"waits until {TOMORROW.day} {TOMORROW:%B %Y}" in office.ann.get("/queue?state=waiting").text
    office.ann.post(f"{case}/snooze", data={"until": str(TOMORROW), "code": "amount"})
    page = office.ann.get(case).text
    assert "Snoozed" in page
    (snooze,) = re.findall(r'name="snooze_id" value="([^"]+)"', page)
    assert office.ann.post(f"{case}/wake", data={"snooze_id": snooze}).status_code == 303


@pytest.mark.parametrize("until", ["never", "", "1994-01-31", "2999-01-01"])
@pytest.mark.parametrize("act", ["wait", "snooze"])
def test_a_day_that_is_none_or_too_far_is_refused(office: Office, case: str, act: str, until: str) -> None:
    answer = office.ann.post(f"{case}/{act}", data={"until": until, "code": "amount"})
    assert answer.status_code in (409, 422)
    assert "text/html" in answer.headers["content-type"]


def test_a_banks_texts_and_peoples_notes_are_text(office: Office) -> None:
    told = {"text": EVIL, "masked_text": EVIL, "code": "amount", "shown_district": EVIL}
    office.desk.publish([broken(A, **told)], corrections={A: {"action": "set", "field": EVIL, "value": EVIL}})
    case = f"/cases/{office.desk.book.case_of(A)}"
    office.ann.post(f"{case}/note", data={"note": EVIL})
    office.ann.post(f"{case}/propose", data={"finding_id": A, "note": EVIL})
    for person in (office.ann, office.viewer):
        for address in (case, "/queue", "/corrections"):
            page = person.get(address).text
            assert "<script>alert" not in page
            assert "&lt;script&gt;" in page


def test_a_browser_sends_the_forms_of_a_page(office: Office, case: str) -> None:
    ann = office.ann
    who = ann.headers["x-test-visitor"]
    browser = as_browser(ann)
    browser.headers["x-test-visitor"] = who
    token = token_of(browser.get(case).text)
    refused = browser.post(f"{case}/claim", data={"csrf_token": token})
    assert (refused.status_code, "Origin" in refused.text) == (403, True)
    taken = browser.post(f"{case}/claim", data={"csrf_token": token}, headers={"origin": ADDRESS})
    assert taken.status_code == 303
