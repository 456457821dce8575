"""Reviews through the console: who may, what is taken, and nothing from other sites."""

from __future__ import annotations

import json
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-tests-"))

from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.api_fastapi.core_api import security
from fastapi import HTTPException
from fastapi.testclient import TestClient

from include.settings import get_settings
from plugins.settlement_console import app as console
from plugins.settlement_console import reviews, tally
from plugins.settlement_console.nights import routes as night_routes
from plugins.settlement_console.reviews import MOST_BYTES, MOST_FAULTS, MOST_REVIEWS
from tests.plugins.clients import client_of, send_from_a_page

ONE = {"reviews": [{"trans_id": 7, "decision": "confirmed", "reason": "the client never paid this"}]}


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ADS_LAKE_URI", f"file:{tmp_path}")
    monkeypatch.setattr(tally, "AIRFLOW_HOME", str(tmp_path))
    get_settings.cache_clear()
    yield tmp_path / "reviews" / "inbox"
    get_settings.cache_clear()


@pytest.fixture
def reviewer(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    return client_of("USER", monkeypatch)


def _rows(inbox: Path) -> list[dict]:
    (file,) = inbox.iterdir()
    return pq.read_table(file).to_pylist()


def test_a_review_becomes_a_file_of_the_drop(inbox, reviewer):
    before = datetime.now(UTC)
    answer = reviewer.post("/reviews", json=ONE)
    assert answer.status_code == 201, answer.text
    assert answer.json()["taken"] == 1
    (row,) = _rows(inbox)
    assert (row["trans_id"], row["decision"], row["who"]) == (7, "confirmed", "ida")
    assert before <= row["known_at"] == row["decided_at"] <= datetime.now(UTC)


@pytest.mark.parametrize(
    "finding", [{"trans_id": 0}, {"account_id": 0, "check_code": "fee_amount"}, {"trans_id": 2**63 - 1}]
)
def test_any_number_of_a_finding_is_taken(inbox, reviewer, finding):
    assert reviewer.post("/reviews", json={"reviews": [{"decision": "unsure", **finding}]}).status_code == 201
    (row,) = _rows(inbox)
    assert finding.items() <= row.items()


def test_who_only_looks_may_not_review(inbox, monkeypatch):
    assert client_of("VIEWER", monkeypatch).post("/reviews", json=ONE).status_code == 403
    assert not inbox.exists()


def test_an_answer_of_the_page_work_is_given_there_alone(inbox, reviewer):
    said = {"trans_id": 7, "decision": "confirmed", "reason": "second look: mine"}
    answer = reviewer.post("/reviews", json={"reviews": [said]})
    assert (answer.status_code, "is an answer on the page Work" in answer.text) == (422, True)


def test_without_a_login_nobody_reviews(inbox, monkeypatch):
    client = client_of("ADMIN", monkeypatch)

    def nobody():
        raise HTTPException(401)

    client.app.dependency_overrides[security.get_user] = nobody
    assert client.post("/reviews", json=ONE).status_code == 401
    assert not inbox.exists()


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
        {"origin": "http://bank:8081"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_other_sites_are_refused(inbox, reviewer, headers):
    assert reviewer.post("/reviews", json=ONE, headers=headers).status_code == 403
    assert not inbox.exists()


def test_the_servers_own_pages_are_not(inbox, reviewer):
    headers = {"origin": "http://bank:8080", "sec-fetch-site": "same-origin"}
    assert reviewer.post("/reviews", json=ONE, headers=headers).status_code == 201


def test_whoever_comes_with_the_cookie_alone_brings_origin_and_token(inbox, reviewer):
    assert send_from_a_page(reviewer, "/reviews", json=ONE).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        {"reviews": [{}] * MOST_REVIEWS},
        {"reviews": [{"trans_id": 7, "x" * 900_000: 1, "decision": "confirmed"}]},
        {"reviews": [{str(number): 1 for number in range(90_000)}]},
        {"reviews": [1] * 300_000},
        {str(number): [] for number in range(90_000)},
        {"reviews": [[]] * MOST_REVIEWS},
    ],
    ids=["empty", "a long name", "many names", "many reviews", "many lists", "lists"],
)
def test_an_answer_to_a_bad_request_is_small(inbox, reviewer, body):
    answer = reviewer.post("/reviews", json=body)
    assert answer.status_code == 422
    assert len(answer.content) < 10_000
    detail = answer.json()["detail"]
    assert isinstance(detail, str) or len(detail) <= MOST_FAULTS
    assert not inbox.exists()


def test_more_fields_than_a_review_has_are_not_looked_into(inbox, reviewer):
    answer = reviewer.post("/reviews", json={"reviews": [dict.fromkeys("abcdefgh", 1)]})
    assert "a review has at most the fields trans_id, " in answer.json()["detail"]


def _limits(monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    for name, value in limits.items():
        monkeypatch.setenv(f"ADS_{name.upper()}", str(value))
    get_settings.cache_clear()


def test_a_flood_of_requests_is_answered_429_whatever_they_hold(inbox, monkeypatch):
    _limits(monkeypatch, reviews_per_minute=6)
    # As many servers as there are workers, each with memory of its own.
    workers = [client_of("USER", monkeypatch) for _ in range(3)]
    bodies = [ONE, {"reviews": [{}]}, {}]
    answers = [workers[turn % 3].post("/reviews", json=bodies[turn // 2 % 3]) for turn in range(9)]
    assert [answer.status_code for answer in answers] == [201, 201, 422, 422, 422, 422, 429, 429, 429]
    assert "at most 6 requests a minute" in answers[-1].text
    assert answers[-1].headers["retry-after"] == "60"
    assert len(list(inbox.iterdir())) == 2


def test_so_are_more_reviews_than_one_night_takes(inbox, reviewer, monkeypatch):
    _limits(monkeypatch, reviews_per_night=5)
    three = {"reviews": ONE["reviews"] * 3}
    assert [reviewer.post("/reviews", json=three).status_code for _ in range(2)] == [201, 429]
    answer = reviewer.post("/reviews", json=three)
    assert "at most 5 reviews for one night: send the rest after midnight UTC" in answer.text
    assert 0 < int(answer.headers["retry-after"]) <= 86_401
    assert reviewer.post("/reviews", json={"reviews": ONE["reviews"] * 2}).status_code == 201
    assert sum(pq.read_table(file).num_rows for file in inbox.iterdir()) == 5


def test_each_user_has_limits_of_their_own(inbox, reviewer, monkeypatch):
    _limits(monkeypatch, reviews_per_minute=1)
    assert [reviewer.post("/reviews", json=ONE).status_code for _ in range(2)] == [201, 429]
    other = SimpleAuthManagerUser(username="eva", role="USER")
    reviewer.app.dependency_overrides[security.get_user] = lambda: other
    assert reviewer.post("/reviews", json=ONE).status_code == 201


def test_a_drop_that_fails_takes_nothing_of_the_nights_reviews(inbox, reviewer, monkeypatch):
    _limits(monkeypatch, reviews_per_night=1)
    inbox.parent.mkdir(parents=True)
    inbox.write_text("a file where the folder should be")
    assert reviewer.post("/reviews", json=ONE).status_code == 503
    inbox.unlink()
    assert reviewer.post("/reviews", json=ONE).status_code == 201


def test_processes_that_count_at_once_let_no_more_through(tmp_path):
    file = tmp_path / "tally.db"
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: tally.Tally(file).take("requests", "ida", 1, 10, 0), range(40)))
    assert sum(ticket is not None for ticket in found) == 10
    assert file.stat().st_mode & 0o777 == 0o600


def _statuses(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> dict[int, Any]:
    monkeypatch.setattr(night_routes, "newest_runs", lambda _: 1 / 0)
    quiet = TestClient(client.app, base_url="http://bank:8080", raise_server_exceptions=False)
    answers = [
        client.get("/docs/nowhere.html"),
        client.get("/nothing"),
        client.delete("/reviews"),
        client.post("/reviews", content=b"", headers={"content-type": "text/plain"}),
        client.post("/reviews", json={}),
        client.post("/reviews", json=ONE, headers={"origin": "https://elsewhere.example"}),
        quiet.get("/"),
    ]
    client.app.dependency_overrides[security.get_user] = lambda: (_ for _ in ()).throw(HTTPException(401))
    return {answer.status_code: answer for answer in [*answers, client.get("/models")]}


def test_refusals_and_failures_have_the_headers_of_pages(inbox, reviewer, monkeypatch):
    answers = _statuses(reviewer, monkeypatch)
    assert answers.keys() == {401, 403, 404, 405, 415, 422, 500}
    for answer in answers.values():
        assert {name: answer.headers.get(name) for name in console.HEADERS} == console.HEADERS
    assert "ZeroDivision" not in answers[500].text


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_only_json_is_taken(inbox, reviewer, kind):
    answer = reviewer.post("/reviews", content=json.dumps(ONE), headers={"content-type": kind})
    assert answer.status_code == 415
    assert not inbox.exists()


@pytest.mark.parametrize(
    "review",
    [
        {"trans_id": 7, "decision": "maybe"},
        {"trans_id": "seven", "decision": "confirmed"},
        {"trans_id": 2**63, "decision": "confirmed"},
        {"decision": "confirmed"},
        {"account_id": 3, "decision": "confirmed"},
        {"trans_id": 7, "decision": "confirmed", "who": "somebody else"},
        {"trans_id": 7, "decision": "confirmed", "known_at": "2020-01-01T00:00:00Z"},
        {"trans_id": 7, "decision": "confirmed", "reason": "x" * 1001},
        {"trans_id": 7, "decision": "confirmed", "decided_at": "2020-01-01T00:00:00"},
        {"trans_id": 7, "decision": "confirmed", "decided_at": "0001-01-01T00:00:00+23:59"},
        {"trans_id": 7, "decision": "confirmed", "decided_at": "9999-12-31T23:59:59-23:59"},
        {"account_id": 7, "check_code": "balance-chain", "decision": "dismissed"},
        {"trans_id": 7, "decision": "confirmed", "decided_at": (datetime.now(UTC) + timedelta(days=1)).isoformat()},
    ],
)
def test_what_is_wrong_is_refused_whole(inbox, reviewer, review):
    answer = reviewer.post("/reviews", json={"reviews": [*ONE["reviews"], review]})
    assert answer.status_code == 422, answer.text
    assert "somebody else" not in answer.text
    assert not inbox.exists()


def test_requests_are_bounded(inbox, reviewer):
    assert reviewer.post("/reviews", json={"reviews": ONE["reviews"] * (MOST_REVIEWS + 1)}).status_code == 422
    large = {"reviews": [{**ONE["reviews"][0], "reason": "x" * MOST_BYTES}]}
    assert reviewer.post("/reviews", json=large).status_code == 413
    assert reviewer.post("/reviews", json={"reviews": []}).status_code == 422
    assert reviewer.post("/reviews", content=b"[", headers={"content-type": "application/json"}).status_code == 422
    assert not inbox.exists()


def test_a_break_may_be_reviewed_and_texts_stay_texts(inbox, reviewer):
    review = {"account_id": 3, "check_code": "fee_amount", "decision": "dismissed", "reason": "=cmd()|'x'!A1 <script>"}
    decided = "2024-03-01T10:00:00+02:00"
    assert reviewer.post("/reviews", json={"reviews": [{**review, "decided_at": decided}]}).status_code == 201
    (row,) = _rows(inbox)
    assert row["reason"] == review["reason"]  # made inert by the night that takes it in
    assert row["decided_at"] == datetime(2024, 3, 1, 8, tzinfo=UTC)


def test_a_finding_may_be_named_by_its_id_alone(inbox, reviewer, monkeypatch):
    named = {"a" * 32: {"trans_id": 7}, "b" * 32: {"account_id": 5, "check_code": "fee_amount"}}
    asked = []
    monkeypatch.setattr(reviews, "_findings", lambda ids, _: asked.append(ids) or named)
    said = [{"finding_id": name, "decision": "dismissed"} for name in named]
    assert reviewer.post("/reviews", json={"reviews": said}).status_code == 201
    assert [(row["trans_id"], row["account_id"], row["check_code"]) for row in _rows(inbox)] == [
        (7, None, None),
        (None, 5, "fee_amount"),
    ]
    assert asked == [named.keys()]


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"finding_id": "c" * 32}, "no finding of the last nights"),
        ({"finding_id": "c" * 32, "trans_id": 7}, "not both"),
        ({"finding_id": "../../alerts"}, "String should match pattern"),
    ],
)
def test_a_finding_that_is_none_is_refused(inbox, reviewer, said, fault):
    """There is no lake yet, and asking makes none."""
    answer = reviewer.post("/reviews", json={"reviews": [{"decision": "dismissed", **said}]})
    assert answer.status_code == 422
    assert fault in answer.text
    assert not inbox.exists()
    assert not list(inbox.parent.parent.glob("*.id"))


def test_a_lake_that_cannot_be_asked_about_findings_is_said(inbox, reviewer, monkeypatch):
    monkeypatch.setattr(reviews, "is_made", lambda _: True)
    monkeypatch.setenv("ADS_CATALOG_URI", "sqlite:////no/such/folder/catalog.db")
    get_settings.cache_clear()
    said = {"finding_id": "a" * 32, "decision": "dismissed"}
    assert reviewer.post("/reviews", json={"reviews": [said]}).status_code == 503
    assert not inbox.exists()


def test_a_drop_that_cannot_be_written_is_said(inbox, reviewer):
    inbox.parent.mkdir(parents=True)
    inbox.write_text("a file where the folder should be")
    assert reviewer.post("/reviews", json=ONE).status_code == 503


@pytest.mark.parametrize("number", [9007199254740993, 2**63 - 1])
def test_an_identifier_may_be_a_text_of_digits(inbox, reviewer, number: int) -> None:
    """JavaScript would round it as a number."""
    said = {"decision": "confirmed", "check_code": "balance_chain"}
    texts = [{**said, "trans_id": str(number), "account_id": str(number)}, {**said, "trans_id": number}]
    assert reviewer.post("/reviews", json={"reviews": texts}).status_code == 201
    assert [row["trans_id"] for row in _rows(inbox)] == [number, number]
    assert [row["account_id"] for row in _rows(inbox)] == [number, None]


@pytest.mark.parametrize("text", ["", "-", "1.0", "1e3", " 7", "٧", str(2**63), "9" * 400])
def test_another_text_is_no_identifier(inbox, reviewer, text: str) -> None:
    answer = reviewer.post("/reviews", json={"reviews": [{"trans_id": text, "decision": "confirmed"}]})
    assert answer.status_code == 422
    assert not inbox.exists()


def test_no_answer_holds_a_number_that_javascript_would_round(inbox, reviewer) -> None:
    large = 2**63 - 1
    good = {"trans_id": large, "decision": "confirmed"}
    answers = [
        reviewer.post("/reviews", json={"reviews": [each]}).text
        for each in (good, {**good, "decision": "perhaps"}, {**good, "trans_id": large + 1})
    ]
    numbers: list[int] = []
    for text in answers:
        json.loads(text, parse_int=lambda digits: numbers.append(int(digits)))
    assert max(numbers, default=0) < 2**53
