"""A finding's page as the console answers with it."""

from __future__ import annotations

import pytest

from tests.plugins.finding.bank import ACCOUNT, BROKEN, EVIL, FLAGGED, IDENTIFIERS, LATE, SCORED


@pytest.mark.parametrize("finding_id", [SCORED, BROKEN, LATE])
def test_a_viewers_page_names_nobody(visit, finding_id: str) -> None:
    answer = visit("VIEWER").get(f"/findings/{finding_id}")
    assert answer.status_code == 200
    assert [name for name in IDENTIFIERS if name in answer.text] == []
    assert "under other names" in answer.text


def test_an_investigators_page_names_account_posting_file_and_line(visit) -> None:
    text = visit("USER").get(f"/findings/{SCORED}").text
    assert all(name in text for name in IDENTIFIERS if name != "700700")  # the client is on the account's page
    assert "line 12" in text
    assert "<dt>Severity</dt><dd>serious</dd>" in text


def test_the_sentence_comes_first_and_then_what_to_do(visit) -> None:
    text = visit("VIEWER").get(f"/findings/{SCORED}").text
    parts = ["<h1>Transferred 8,894.00", "What to do next", "Why it was flagged", "+0.301", "+0.100", "Compare it with"]
    places = [text.index(part) for part in [*parts, "The account around it", "Whom it deals with", "Where it comes"]]
    assert places == sorted(places)


def test_no_identifier_stands_in_a_title_or_a_link(visit) -> None:
    text = visit("USER").get(f"/findings/{SCORED}").text
    assert "<title>Finding</title>" in text
    links = [part.split('"')[0] for part in text.split('href="')[1:]]
    assert [link for link in links if str(ACCOUNT) in link or str(FLAGGED) in link] == []


def test_an_unknown_finding_is_told_as_a_page(visit) -> None:
    answer = visit("VIEWER").get("/findings/0123")
    assert answer.status_code == 404
    assert "Look for it in its night&#39;s queue" in answer.text


@pytest.mark.parametrize("role", ["USER", "VIEWER"])
@pytest.mark.parametrize("finding_id", [SCORED, LATE])
def test_a_banks_texts_are_text(visit, role: str, finding_id: str) -> None:
    text = visit(role).get(f"/findings/{finding_id}").text
    assert EVIL not in text
    assert "&lt;script&gt;" in text
