"""The Work page: the backlog, precision, money, and second looks that people give without knowing the first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from threading import Barrier
from typing import Any

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from include.cases.audit import AuditLog
from include.casework.second_looks import Item, Part, SecondLooks
from include.lake import Lake, RunStamp
from include.lake.tables import SCORES_SCHEMA
from include.masking.keys import NameKeyStore
from include.reviews.drop import inbox_of, read_inbox
from include.settings import Settings, get_settings
from plugins.settlement_console.work import routes
from plugins.settlement_console.work.overview import looks_of
from plugins.settlement_console.work.second_look import check_open
from tests.case_book.nights import ACCOUNT, OTHER, broken, finding, publish, settings_of
from tests.plugins.clients import client_of, send_from_a_page

MONTHS = (date(1994, 1, 5), date(1994, 2, 7), date(1994, 3, 7))
LAST = date(1994, 4, 1)
EVIL = "<script>alert(1)</script>"
DECIDED_AT = datetime(1994, 4, 2, 9, tzinfo=UTC)


def _review(trans_id: int, decision: str) -> dict[str, Any]:
    moments = {"decided_at": DECIDED_AT, "known_at": DECIDED_AT}
    return {
        "trans_id": trans_id,
        "decision": decision,
        "who": "eva",
        "reason": "",
        "review_key": str(trans_id),
        **moments,
    }


def _posting(night: date, trans_id: int) -> dict[str, Any]:
    kind = {"trans_type": "D", "operation": "ROB", "counterparty": EVIL, "other_bank_id": "AB"}
    return {"trans_id": trans_id, "account_id": ACCOUNT, "amount": Decimal("12.50"), "balance": Decimal(900), **kind}


@pytest.fixture(scope="module")
def lake_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Three months that are over, each with a dismissed and a confirmed posting and two unflagged ones."""
    settings = settings_of(tmp_path_factory.mktemp("work"))
    NameKeyStore.open(settings.lake_uri, settings).get(has_nights=False)
    for number, night in enumerate(MONTHS):
        base = 10 * (number + 1)
        on = {"reviewed_on": DECIDED_AT.date()}
        found = [
            finding(f"{night}-dismissed", night=night, trans_id=base, review_state="dismissed", **on),
            finding(f"{night}-confirmed", OTHER, night, trans_id=base + 1, review_state="confirmed", **on),
            broken(f"{night}-break", 870_000_013, night),
        ]
        reviews = [_review(base, "dismissed"), _review(base + 1, "confirmed")]
        lake = publish(
            settings,
            found,
            night,
            run=f"{number}",
            postings=[_posting(night, base + n) for n in range(4)],
            reviews=reviews,
        )
        _score(lake, night, f"{number}", base)
    _score(publish(settings, [], LAST, run="9"), LAST, "9", 90)
    return settings


def _score(lake: Lake, night: date, run: str, base: int) -> None:
    rows = [
        {"settlement_date": night, "trans_id": base + n, "account_id": ACCOUNT, "score": 0.5, "is_flagged": n < 2}
        for n in range(4)
    ]
    lake.replace("anomaly_scores", night, pa.Table.from_pylist(rows, SCORES_SCHEMA), RunStamp(run * 16, "first", night))


@pytest.fixture
def open_as(
    lake_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., TestClient]]:
    """Opens the console for a role; its reviews go to a drop of the test's own."""
    monkeypatch.setenv("ADS_LAKE_URI", lake_settings.lake_uri)
    monkeypatch.setenv("ADS_KEY_FILE", str(lake_settings.key_file))
    monkeypatch.setenv("ADS_REVIEWS_URI", str(tmp_path / "drop"))
    get_settings.cache_clear()
    yield lambda role, login="ida": client_of(role, monkeypatch, login)
    get_settings.cache_clear()


def _looks() -> SecondLooks:
    settings = get_settings()
    found = looks_of(settings, Lake.open(settings.lake_uri, settings))
    assert found is not None
    return found


def _figure(page: str, name: str) -> str:
    found = re.search(rf"<dt>{name}</dt><dd>(.*?)</dd>", page)
    assert found, f"the page has no figure {name}"
    return found[1]


def test_the_backlog_and_its_money_are_shown_by_age(open_as) -> None:
    page = open_as("VIEWER").get("/work").text
    assert _figure(page, "Cases not closed") == "1"
    assert _figure(page, "Money at risk") == "1,620.00"  # three breaks of 540.00 on one account
    assert _figure(page, "Confirmed in a year") == "300.00"
    assert "Backlog by age" in page
    assert "21 days and more" in page


def test_precision_is_told_by_reason_and_by_month_with_its_interval(open_as) -> None:
    page = open_as("VIEWER").get("/work").text
    assert re.search(r">amount</th><td>score</td>.*50\.00% \(18\.76% to 81\.24%\)", page)
    assert "3 of 6 decided findings were confirmed." in page


def test_a_viewer_sees_no_account_no_colleague_and_no_link_to_judge(open_as) -> None:
    page = open_as("VIEWER").get("/work").text
    assert str(ACCOUNT) not in page
    assert "Who holds what" not in page
    assert "/second-looks/" not in page


def test_an_investigator_sees_who_holds_what(open_as, lake_settings) -> None:
    from include.cases import CaseBook

    client = open_as("USER")
    client.get("/work")
    book = CaseBook.open(lake_settings.lake_uri, lake_settings)
    book.claim(book.case_of(f"{MONTHS[0]}-break"), "max", datetime.now(UTC))
    assert re.search(
        r'<th scope="row">max</th><td class="n">1</td><td class="n">1,620\.00</td>', client.get("/work").text
    )


def test_a_posting_is_judged_without_being_told_whether_it_was_flagged(open_as) -> None:
    client, looks = open_as("USER"), _looks()
    pages = {item.part: client.get(f"/work/second-looks/{item.item_id}") for item in looks.items}
    assert {answer.status_code for answer in pages.values()} == {200}
    for answer in pages.values():
        assert "(to be judged)" in answer.text
        assert "Your answer" in answer.text
        assert "eva" not in answer.text
        assert "<script>alert" not in answer.text
    asked = (pages[part].text.partition("The account around it")[0] for part in Part)
    dismissed, unflagged = (re.sub(r"[0-9a-f]{32}|\d", "", question) for question in asked)
    assert dismissed == unflagged


def test_an_answer_becomes_a_review_and_the_next_posting_follows(open_as, tmp_path) -> None:
    client, looks = open_as("USER"), _looks()
    item = next(item for item in looks.items if item.part is Part.UNFLAGGED)
    answer = send_from_a_page(
        client, f"/work/second-looks/{item.item_id}", data={"decision": "confirmed", "note": "a slip"}
    )
    assert answer.status_code == 303
    assert re.fullmatch(r"/work/second-looks/[0-9a-f]{32}", answer.headers["location"])
    assert not answer.headers["location"].endswith(item.item_id)
    (file,), _ = read_inbox(inbox_of("", str(tmp_path / "drop")))
    (review,) = file.rows.to_pylist()
    told = ("trans_id", "decision", "reason", "who")
    assert [review[name] for name in told] == [item.trans_id, "confirmed", "second look: a slip", "ida"]
    assert "1 of 9" in _figure(client.get("/work").text, "Judged")


def test_the_second_of_two_who_judge_one_posting_is_told_so(open_as) -> None:
    client, item = open_as("USER"), _looks().items[0]
    send_from_a_page(client, f"/work/second-looks/{item.item_id}", data={"decision": "dismissed"})
    other = open_as("USER", "max")
    answer = send_from_a_page(other, f"/work/second-looks/{item.item_id}", data={"decision": "confirmed"})
    assert (answer.status_code, "was judged by ida already" in answer.text) == (409, True)
    assert [each.answer.decision for each in _looks().items if each.answer] == ["dismissed"]


def test_nobody_judges_what_they_decided_themselves(open_as) -> None:
    client = open_as("USER", "eva")
    item = next(item for item in _looks().items if item.part is Part.DISMISSED)
    assert "a second look is a colleague" in client.get(f"/work/second-looks/{item.item_id}").text
    answer = send_from_a_page(client, f"/work/second-looks/{item.item_id}", data={"decision": "dismissed"})
    assert answer.status_code == 409
    links = re.findall(r"/work/second-looks/([0-9a-f]{32})", client.get("/work").text)
    assert links
    assert item.item_id not in links


@pytest.mark.parametrize("sent", [{"decision": "perhaps"}, {}, {"decision": "dismissed", "note": "x" * 988}])
def test_an_answer_that_is_none_changes_nothing(open_as, tmp_path, sent) -> None:
    item = _looks_item(open_as, 0).item_id
    answer = send_from_a_page(open_as("USER"), f"/work/second-looks/{item}", data=sent)
    assert (answer.status_code, "nothing was changed" in answer.text) == (409, True)
    assert not (tmp_path / "drop").exists()


def _looks_item(open_as: Callable[..., TestClient], place: int) -> Item:
    """One of the nine postings; whoever answers takes one that no other test does, as the audit stays."""
    open_as("USER")
    return _looks().items[place]


def _audited(settings: Settings, item_id: str) -> list[tuple[str, str]]:
    entries = AuditLog.open(settings.lake_uri, settings).entries_about(ACCOUNT)
    return [(entry.who, entry.action) for entry in entries if entry.subject == item_id]


def test_what_is_looked_at_and_answered_is_audited(open_as, lake_settings) -> None:
    item, client = _looks_item(open_as, 2), open_as("USER", "zoe")
    client.get(f"/work/second-looks/{item.item_id}")
    assert _audited(lake_settings, item.item_id)[-1] == ("zoe", "viewed")
    send_from_a_page(client, f"/work/second-looks/{item.item_id}", data={"decision": "unsure"})
    assert _audited(lake_settings, item.item_id)[-1] == ("zoe", "decided")


def test_of_two_who_answer_at_once_one_is_the_first(open_as, tmp_path, monkeypatch) -> None:
    item, both = _looks_item(open_as, 4), Barrier(2)

    def checked_together(*given: Any) -> None:
        check_open(*given)
        both.wait(30)

    monkeypatch.setattr(routes, "check_open", checked_together)
    clients = [open_as("USER", login) for login in ("ida", "max")]
    with ThreadPoolExecutor(2) as pool:
        address = f"/work/second-looks/{item.item_id}"
        sent = [pool.submit(send_from_a_page, client, address, data={"decision": "unsure"}) for client in clients]
        answers = {answer.result().status_code: answer.result().text for answer in sent}
    assert sorted(answers) == [303, 409]
    (file,), _ = read_inbox(inbox_of("", str(tmp_path / "drop")))
    (review,) = file.rows.to_pylist()
    assert f"was judged by {review['who']} already" in answers[409]


def test_an_answer_that_the_drop_does_not_take_can_be_given_again(open_as, lake_settings, tmp_path) -> None:
    client, item = open_as("USER"), _looks_item(open_as, 5)
    (tmp_path / "drop").write_text("no folder")
    answer = send_from_a_page(client, f"/work/second-looks/{item.item_id}", data={"decision": "unsure"})
    assert (answer.status_code, "nothing was taken" in answer.text) == (503, True)
    (tmp_path / "drop").unlink()
    again = send_from_a_page(client, f"/work/second-looks/{item.item_id}", data={"decision": "unsure"})
    assert again.status_code == 303
    said = [action for _, action in _audited(lake_settings, item.item_id) if action != "viewed"]
    assert said == ["decided", "failed", "decided"]


def test_what_is_not_drawn_is_told(open_as) -> None:
    answer = open_as("USER").get(f"/work/second-looks/{'0' * 32}")
    assert (answer.status_code, "no posting of the sample has this id" in answer.text) == (404, True)


def test_a_lake_that_is_not_there_has_no_work(open_as, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("ADS_LAKE_URI", f"file:{tmp_path}/nowhere")
    get_settings.cache_clear()
    assert "No night is published yet" in open_as("VIEWER").get("/work").text
    assert open_as("USER").get("/work/second-looks/x").status_code == 404
    assert not (tmp_path / "nowhere").exists()
