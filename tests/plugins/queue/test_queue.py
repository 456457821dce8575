"""The queue's page: what each reader sees of it, the filter, the pages, search, and the file."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import httpx
import pytest

from include.cases import queue as cases
from include.cases.paging import PAGE_KEY, Place
from include.masking.keys import NameKeyStore
from plugins.settlement_console.queue import export, listing
from tests.case_book.nights import ACCOUNT, DAY, NIGHT, OTHER, finding, publish
from tests.plugins.queue.conftest import EVIL, A, B, Office

CASE = re.compile(r"/cases/([0-9a-f]{32})")


def _cases(page: httpx.Response) -> list[str]:
    return list(dict.fromkeys(CASE.findall(page.text)))


def test_the_queue_shows_cases_in_their_order_with_why(night: Office) -> None:
    page = night.ann.get("/queue").text
    assert page.index(f"account {OTHER}") < page.index(f"account {ACCOUNT}")
    assert "Stands here for: 900.00 at stake, score 0.60, waiting 1 banking day" in page
    assert "2 cases, the most urgent first" in page


def test_a_viewer_sees_pseudonyms_and_nothing_to_act_with(night: Office) -> None:
    page = night.viewer.get("/queue").text
    assert "Account … paid out 100.00." in page
    assert [number for number in (str(ACCOUNT), str(OTHER)) if number in page] == []
    assert len(re.findall(r"account [0-9a-f]{8} ", page)) == 2
    assert [act for act in ("/queue/next", "/queue/bulk", 'name="whose"') if act in page] == []


def test_a_filter_chooses_and_stands_in_each_link(night: Office) -> None:
    page = night.ann.get("/queue?least=500")
    (case,) = _cases(page)
    assert f"/cases/{case}?least=500" in page.text
    assert "/queue/export?least=500" in page.text
    assert "No case has all of this" in night.ann.get("/queue?least=5000").text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from=1994-02-30", "From is 1994-02-30, which is no date: write year-month-day"),
        ("kind=theft", "Kind is theft: write one of break, score"),
        (f"after={'0' * 32}", "No page of the queue has this address"),
        (f"least=%22{EVIL}", "which is no amount"),
    ],
)
def test_what_cannot_be_shown_is_told_with_what_can(night: Office, query: str, said: str) -> None:
    page = night.ann.get(f"/queue?{query}")
    assert (page.status_code, said in page.text, "See the whole queue" in page.text) == (422, True, True)
    assert EVIL not in page.text
    assert _cases(page) == []


def test_a_viewer_cannot_ask_for_the_cases_of_a_person(night: Office) -> None:
    page = night.viewer.get("/queue?whose=mine")
    assert (page.status_code, "those who may see accounts" in page.text) == (422, True)


def test_pages_follow_each_other_without_gap_or_repetition(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.desk.publish([finding(f"{n:032x}", ACCOUNT + n, amount=100) for n in range(5)])
    monkeypatch.setattr(listing, "ROWS", 2)
    address, seen = "/queue?state=open", []
    for _ in range(3):
        page = office.ann.get(address)
        seen += _cases(page)
        further = re.search(r'href="(/queue\?state=open&amp;after=[^"]+)" rel="next"', page.text)
        address = further[1].replace("&amp;", "&") if further else ""
    assert (len(seen), len(set(seen)), address) == (5, 5, "")
    assert "First page" in page.text


def test_older_nights_that_are_not_taken_in_yet_are_told(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.cases.following.AT_A_LOOK", 1)
    for n in range(3):
        publish(office.desk.settings, [finding(f"{n:032x}", ACCOUNT + n, NIGHT + n * DAY)], NIGHT + n * DAY)
    pages = [office.ann.get("/queue") for _ in range(3)]
    assert [len(_cases(page)) for page in pages] == [1, 2, 3]
    told = ["2 older nights are still being taken in", "1 older night is still being taken in"]
    assert [[said in page.text for said in told] for page in pages] == [[True, False], [False, True], [False, False]]


def test_beyond_the_end_the_first_page_is_offered(night: Office) -> None:
    keys = NameKeyStore.open(night.desk.settings.lake_uri, night.desk.settings).find()
    assert keys is not None
    last = Place(-(10**9), "f" * 32).sealed(keys.lasting_key(PAGE_KEY))
    page = night.ann.get(f"/queue?after={last}")
    assert (page.status_code, "the page before was the last one" in page.text) == (200, True)


def test_counts_end_where_nobody_counts_further(night: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cases.MOST_COUNTED == 1000
    monkeypatch.setattr(cases, "MOST_COUNTED", 1)
    page = night.ann.get("/queue").text
    assert "1+ cases" in page
    assert "As a file for a spreadsheet</a>, the first 10,000" in page


def test_an_empty_queue_says_what_to_do(office: Office) -> None:
    page = office.ann.get("/queue")
    assert (page.status_code, "No night is published yet" in page.text) == (200, True)
    office.desk.publish([])
    assert "Nothing is open" in office.ann.get("/queue").text


@pytest.mark.parametrize("number", [str(ACCOUNT), f" {A} ", str(sum(map(ord, A)))])
def test_search_leads_to_the_case_without_a_number_in_its_address(night: Office, number: str) -> None:
    answer = night.ann.post("/queue/search", data={"number": number})
    assert answer.status_code == 303
    assert CASE.fullmatch(answer.headers["location"])


def test_a_search_by_a_number_is_audited(night: Office) -> None:
    log = night.desk.book.audit
    before = len([*log.entries()])
    night.ann.post("/queue/search", data={"number": "5"})
    (entry,) = log.entries(before + 1)
    assert (entry.action, entry.detail) == ("searched", {"rows": 0})
    assert [each.number for each in log.entries_about(5)] == [entry.number]


def test_an_account_goes_with_the_other_filters_and_stands_in_no_address(night: Office) -> None:
    log = night.desk.book.audit
    before = len([*log.entries()])
    found = night.ann.post("/queue/filter", data={"account": str(ACCOUNT), "code": "amount"}).headers["location"]
    assert re.fullmatch("/queue[?]code=amount&find=[0-9a-f]{32}", found)
    page = night.ann.get(found)
    assert _cases(page) == [night.desk.book.case_of(A)]
    assert f'autocomplete="off" value="{ACCOUNT}"' in page.text
    assert found.replace("&", "&amp;").removeprefix("/queue?") in page.text
    assert len(_file(night.ann.get(found.replace("/queue", "/queue/export")))) == 1
    other = night.ann.post("/queue/filter", data={"account": str(ACCOUNT), "least": "500"}).headers["location"]
    assert "No case has all of this" in night.ann.get(other).text
    actions = [each.action for each in log.entries_about(ACCOUNT) if each.number > before]
    assert actions == ["searched", "listed", "searched"]


def test_a_posting_is_a_filter_too(night: Office) -> None:
    found = night.ann.post("/queue/filter", data={"posting": str(sum(map(ord, B)))}).headers["location"]
    assert _cases(night.ann.get(found)) == [night.desk.book.case_of(B)]


def test_a_search_is_its_persons_alone_and_is_not_saved(night: Office) -> None:
    found = night.ann.post("/queue/filter", data={"account": str(ACCOUNT)}).headers["location"]
    theirs = night.bob.get(found)
    assert (theirs.status_code, "or somebody else&#39;s" in theirs.text) == (422, True)
    assert str(ACCOUNT) not in theirs.text
    query = found.removeprefix("/queue?")
    assert night.bob.post("/queue/next", data={"view": query}).headers["location"] == found
    assert "Save this filter as" not in night.ann.get(found).text
    night.ann.post("/queue/views", data={"name": "one", "view": query})
    (view,) = night.desk.book.views("ann")
    assert view.wanted.account is None
    night.ann.post("/queue/views/forget", data={"name": "one"})
    assert night.viewer.post("/queue/filter", data={"account": str(ACCOUNT)}).status_code == 403


def test_a_number_that_is_none_is_told_and_kept_in_the_form(night: Office) -> None:
    page = night.ann.post("/queue/filter", data={"account": EVIL, "code": "amount"})
    assert (page.status_code, "write its number, 1 to 18 digits" in page.text) == (422, True)
    assert EVIL not in page.text
    assert 'value="&lt;script&gt;' in page.text
    assert '<option value="amount" selected>' in page.text


def test_cases_are_chosen_by_whose_they_are(office: Office) -> None:
    office.desk.publish([finding(A), finding(B, OTHER)])
    mine, free = (office.desk.book.case_of(name) for name in (A, B))
    office.bob.post(f"/cases/{mine}/claim")
    page = office.ann.get("/queue").text
    (bob,) = re.findall('<option value="([0-9a-f]{32})">bob</option>', page)
    assert _cases(office.ann.get(f"/queue?whose={bob}")) == [mine]
    assert _cases(office.ann.get("/queue?whose=nobody")) == [free]
    assert "bob" not in office.bob.get("/queue").text.split('id="whose"')[1].split("</select>")[0]
    assert _cases(office.bob.get("/queue?whose=mine")) == [mine]
    office.ann.post("/queue/views", data={"name": "his", "view": f"whose={bob}"})
    assert f"whose={bob}" in office.ann.get("/queue").text
    assert office.viewer.get(f"/queue?whose={bob}").status_code == 422
    assert 'name="whose"' not in office.viewer.get("/queue").text
    office.bob.post(f"/cases/{mine}/release")
    gone = office.ann.get(f"/queue?whose={bob}")
    assert (gone.status_code, "a colleague who holds none now" in gone.text, _cases(gone)) == (200, True, [])


@pytest.mark.parametrize("number", ["1", "", "x" * 999, "' or 1=1", "9" * 64])
def test_a_search_that_finds_nothing_says_so(night: Office, number: str) -> None:
    answer = night.ann.post("/queue/search", data={"number": number})
    assert answer.headers["location"] == "/queue?said=not-found"
    assert "No case has that number or id" in night.ann.get("/queue?said=not-found").text


def test_a_viewer_finds_no_account(night: Office) -> None:
    refused = night.viewer.post("/queue/search", data={"number": str(ACCOUNT)})
    assert (refused.status_code, "those who may see accounts" in refused.text) == (403, True)
    assert night.viewer.post("/queue/search", data={"number": A}).status_code == 303


def test_a_view_is_saved_opened_and_removed_by_its_owner(night: Office) -> None:
    night.ann.post("/queue/views", data={"name": EVIL, "view": "least=500&code=amount"})
    page = night.ann.get("/queue").text
    assert 'href="/queue?code=amount&amp;least=500&amp;state=open&amp;state=in_review"' in page
    assert EVIL not in page
    assert "Saved views" not in night.bob.get("/queue").text
    night.ann.post("/queue/views/forget", data={"name": EVIL})
    assert "Saved views" not in night.ann.get("/queue").text
    assert night.ann.post("/queue/views", data={"name": "", "view": ""}).status_code == 422


def _file(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.headers["content-disposition"] == 'attachment; filename="queue.csv"'
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_the_file_holds_what_its_reader_may_see(night: Office) -> None:
    assert [row["account"] for row in _file(night.ann.get("/queue/export"))] == [str(OTHER), str(ACCOUNT)]
    masked = night.viewer.get("/queue/export")
    assert [number for number in (str(ACCOUNT), str(OTHER)) if number in masked.text] == []
    assert len(_file(night.ann.get("/queue/export?least=500"))) == 1
    assert night.ann.get("/queue/export?from=never").status_code == 422


def test_no_cell_of_the_file_is_a_formula(office: Office) -> None:
    texts = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1", "=cmd|'/c calc'!A1", "＝1+1"]
    told = [finding(f"{n:032x}", ACCOUNT + n, text=text, masked_text=text) for n, text in enumerate(texts)]
    office.desk.publish(told)
    for person in (office.ann, office.viewer):
        rows = _file(person.get("/queue/export"))
        assert [row["what was found"].lstrip()[0] for row in rows] == ["'"] * len(texts)


def test_an_export_and_a_look_are_in_the_audit_log(night: Office) -> None:
    log = night.desk.book.audit
    before = len([*log.entries()])
    night.ann.get("/queue/export?code=amount")
    # A filter of its own: the same page within a minute would be no entry of its own.
    case = _cases(night.ann.get("/queue?code=amount&state=open"))[0]
    night.ann.get("/queue?code=amount&state=open")
    night.ann.get(f"/cases/{case}")
    night.viewer.get(f"/cases/{case}")
    done = [(each.who, each.action, each.subject) for each in log.entries(before + 1)]
    assert done == [("ann", "exported", ""), ("ann", "listed", "queue"), ("ann", "viewed", case)]
    assert next(log.entries(before + 1)).detail == {"what": "queue", "rows": 2, "filter": "code=amount"}
    about = [each.action for each in log.entries_about(OTHER) if each.number > before]
    assert about == ["listed", "viewed"]
    assert log.faults() == []


def test_a_large_file_says_no_more_than_it_holds(night: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "MOST_ROWS", 1)
    assert len(_file(night.ann.get("/queue/export"))) == 1


def test_a_banks_texts_are_text(office: Office) -> None:
    office.desk.publish([finding(A, text=EVIL, masked_text=EVIL, shown_district=EVIL)])
    for person in (office.ann, office.viewer):
        page = person.get("/queue").text
        assert EVIL not in page
        assert "&lt;script&gt;" in page


def test_the_next_case_is_claimed_and_nobody_else_gets_it(office: Office) -> None:
    office.desk.publish([finding(A), finding(B, OTHER)])
    none = office.bob.post("/queue/next", data={"view": "code=fee_amount"})
    assert none.headers["location"] == "/queue?code=fee_amount&said=none-left"
    first = office.ann.post("/queue/next", data={"view": "code=amount"}).headers["location"]
    second = office.bob.post("/queue/next", data={}).headers["location"]
    assert first.endswith("?code=amount")
    assert CASE.findall(first) != CASE.findall(second)
    assert "said=none-left" in office.bob.post("/queue/next", data={}).headers["location"]
    assert "with ann until" in office.bob.get("/queue").text
    assert "yours until" in office.ann.get("/queue?whose=mine").text


@pytest.mark.parametrize("after", ["the last", "one that is gone"])
def test_after_the_last_case_comes_the_first_that_nobody_holds(office: Office, after: str) -> None:
    office.desk.publish([finding(A), finding(B, OTHER, amount=900)])
    place = office.desk.book.case_of(A) if after == "the last" else after
    found = office.ann.post("/queue/next", data={"after": place}).headers["location"]
    assert CASE.findall(found) == [office.desk.book.case_of(B)]


def test_a_store_that_cannot_be_read_is_a_sentence(office: Office, tmp_path: Path) -> None:
    office.desk.publish([finding(A)])
    (store,) = tmp_path.rglob("*-cases.db")
    store.write_bytes(b"no database" * 1000)
    answer = office.ann.get("/queue")
    assert answer.status_code == 503
    assert "database that this page needs does not answer" in answer.text
