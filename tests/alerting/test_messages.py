"""The messages of a night: counts and keys that follow from its outputs, and no identifier."""

from __future__ import annotations

import json
from typing import Any

import pytest

from include.alerting import Message, MessageKind, Severity, outbox_of
from include.alerting.messages import MOST_TOLD
from include.quality import Counts
from tests.alerting.nights import CANARY, NIGHT, finding, published


def messages(queue: list[dict[str, Any]], **counts: int) -> dict[str, Message]:
    """The messages of a night with this queue, by kind."""
    rows = outbox_of(NIGHT, published(queue), Counts(**counts).as_dict()).to_pylist()
    return {row["kind"]: Message.from_row(row) for row in rows}


def test_a_night_tells_its_counts() -> None:
    flood = finding(3, kind="score", code="amount", postings=60)
    queue = [finding(1), finding(2, code="fee"), flood, finding(4, kind="score", code="amount")]
    content = messages(queue, offered_rows=9, quarantined_rows=2)["night"].content
    assert (content["offered_rows"], content["quarantined_rows"], content["findings"]) == (9, 2, 4)
    assert content["breaks"] == {"balance_chain": 1, "fee": 1}
    assert content["flagged"] == {"amount": 61}


@pytest.mark.parametrize(
    ("queue", "counts", "severity"),
    [
        ([], {}, Severity.INFO),
        ([], {"quarantined_rows": 1}, Severity.WARN),
        ([], {"unreadable_rows": 1}, Severity.WARN),
        ([finding(1, severity="warn")], {}, Severity.WARN),
        ([finding(1, severity="warn"), finding(2)], {}, Severity.ERROR),
    ],
)
def test_a_night_is_as_urgent_as_what_it_found(queue: list[Any], counts: dict[str, int], severity: Severity) -> None:
    assert messages(queue, **counts)["night"].severity == severity


def test_notices_are_messages_of_their_own() -> None:
    queue = [
        finding(1),
        finding(2, kind="drift", code="feature_drift"),
        finding(3, kind="performance", code="dismissed"),
    ]
    found = messages([{**row, "severity": "warn"} for row in queue])
    assert {kind: message.codes for kind, message in found.items()} == {
        "night": ("balance_chain", "dismissed", "feature_drift"),
        "drift": ("feature_drift",),
        "performance": ("dismissed",),
    }


def test_the_same_night_played_again_gives_the_same_keys() -> None:
    assert messages([finding(1)])["night"].key == messages([finding(1)])["night"].key


@pytest.mark.parametrize("change", [{"masked_text": "Account … is well."}, {"finding_id": "f" * 32}, {"code": "fee"}])
def test_a_night_that_says_something_else_has_another_key(change: dict[str, Any]) -> None:
    assert messages([finding(1)])["night"].key != messages([finding(1, **change)])["night"].key
    assert messages([], offered_rows=1)["night"].key != messages([], offered_rows=2)["night"].key


def test_what_nobody_is_told_does_not_change_a_key() -> None:
    queue = [finding(rank) for rank in range(1, MOST_TOLD + 2)]
    changed = [*queue[:-1], {**queue[-1], "masked_text": "Account … is well."}]
    assert messages(queue)["night"].key == messages(changed)["night"].key


def test_the_outbox_names_neither_an_account_nor_a_finding() -> None:
    queue = [finding(1), finding(2, kind="drift", code="feature_drift", severity="warn")]
    for message in messages(queue).values():
        said = json.dumps(message.as_row(), default=str)
        assert str(CANARY) not in said
        assert queue[0]["finding_id"] not in said


def test_a_message_comes_back_from_its_row() -> None:
    (message,) = messages([finding(1)]).values()
    assert Message.from_row(message.as_row()) == message
    assert message.kind == MessageKind.NIGHT
