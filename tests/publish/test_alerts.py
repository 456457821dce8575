"""The queue: one order of urgency, every row traceable to its record."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.lake.tables import BREAKS_SCHEMA, SCORES_SCHEMA
from include.publish.alerts import MOST_ALIKE, alert_queue, alerts_csv, score_alerts

NIGHT = date(1994, 1, 31)
POSTINGS = pa.table(
    {
        "trans_id": [7, 8, 9],
        "amount": pa.array([Decimal("10.00"), Decimal("99.00"), Decimal("5.00")], pa.decimal128(12, 2)),
        "source_uri": ["file:/bank/trans.asc"] * 3,
        "source_line": [4, 5, 6],
    }
)


def _break(code: str, severity: str, difference: str | None, trans_id: int | None = None) -> dict[str, object]:
    row = dict.fromkeys(BREAKS_SCHEMA.names)
    amount = Decimal(difference) if difference else None
    return {
        **row,
        "settlement_date": NIGHT,
        "check_code": code,
        "severity": severity,
        "difference": amount,
        "account_id": 1,
        "trans_id": trans_id,
        "text": code,
    }


def _score(trans_id: int, score: float, is_flagged: bool) -> dict[str, object]:
    reason = {"code": "amount", "feature": "f", "value": "1", "typical": "2", "contribution": 0.4, "text": "Large."}
    row = dict.fromkeys(SCORES_SCHEMA.names) | {"settlement_date": NIGHT, "trans_id": trans_id, "score": score}
    return {**row, "is_flagged": is_flagged, "reasons": [reason] if is_flagged else None}


def _queue() -> list[dict[str, object]]:
    breaks = [
        _break("interest_amount", "warn", "9000.00"),
        _break("fee_amount", "error", "-1.00", trans_id=9),
        _break("balance_chain", "error", "-500.00", trans_id=7),
    ]
    scores = [_score(7, 0.9, True), _score(8, 0.99, True), _score(9, 0.1, False)]
    late = [{"settlement_date": date(1993, 1, 1), "text": "late"}]
    return alert_queue(
        pa.Table.from_pylist(breaks, schema=BREAKS_SCHEMA),
        pa.Table.from_pylist(scores, schema=SCORES_SCHEMA),
        POSTINGS,
        late,
        [{"settlement_date": NIGHT, "code": code, "text": "Changed."} for code in ("precision", "feature_drift")],
    ).to_pylist()


def test_what_is_certain_comes_first_and_the_largest_first() -> None:
    order = [(row["kind"], row["code"], row["trans_id"]) for row in _queue()]
    assert order == [
        ("break", "balance_chain", 7),
        ("break", "fee_amount", 9),
        ("score", "amount", 8),
        ("score", "amount", 7),
        ("late", "late_record", None),
        ("break", "interest_amount", None),
        ("drift", "feature_drift", None),
        ("performance", "precision", None),
    ]
    assert [row["rank"] for row in _queue()] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_an_alert_names_the_line_it_comes_from_and_what_is_at_stake() -> None:
    by_key = {(row["kind"], row["trans_id"]): row for row in _queue()}
    assert by_key["score", 8]["source_line"] == 5
    assert by_key["score", 8]["amount"] == Decimal("99.00")
    assert by_key["break", 7]["amount"] == Decimal("-500.00")


def test_a_night_without_scores_still_has_its_breaks() -> None:
    breaks = pa.Table.from_pylist([_break("balance_chain", "error", "1.00")], schema=BREAKS_SCHEMA)
    assert alert_queue(breaks, None, POSTINGS, [], []).num_rows == 1


def test_what_reviews_say_is_told_and_what_is_left_of_a_score_is_not():
    row = _score(7, 0.9, True)
    (large,) = row["reasons"]
    dismissed = {**large, "code": "other", "feature": "dismissed", "text": "Dismissed on 2 March."}
    left = {**large, "code": "other", "feature": "", "text": "Everything else."}
    texts = []
    for other in (dismissed, left):
        scores = pa.Table.from_pylist([{**row, "reasons": [large, other]}], schema=SCORES_SCHEMA)
        (alert,) = alert_queue(BREAKS_SCHEMA.empty_table(), scores, POSTINGS, [], []).to_pylist()
        texts.append(alert["text"])
    assert texts == ["Large. Dismissed on 2 March.", "Large."]


def test_a_warning_that_was_dismissed_stands_behind_the_others_and_says_so_and_an_error_stays() -> None:
    breaks = [
        _break("interest_amount", "warn", "9000.00"),
        _break("other_check", "warn", "1.00"),
        _break("fee_amount", "error", "-1.00"),
    ]
    notice = [{"settlement_date": NIGHT, "code": "precision", "text": "Changed."}]
    queue = alert_queue(
        pa.Table.from_pylist(breaks, schema=BREAKS_SCHEMA),
        None,
        POSTINGS,
        [],
        notice,
        {(1, "interest_amount"): "Dismissed.", (1, "fee_amount"): "Dismissed.", (2, "other_check"): "Dismissed."},
    ).to_pylist()
    assert [(row["code"], row["text"]) for row in queue] == [
        ("fee_amount", "fee_amount"),
        ("other_check", "other_check"),
        ("interest_amount", "interest_amount Dismissed."),
        ("precision", "Changed."),
    ]


def _alike(count: int, account: int = 1, code: str = "fee_amount", first: int = 0) -> list[dict[str, object]]:
    return [
        {**_break(code, "error", f"-{number + 1}.00", trans_id=first + number), "account_id": account}
        for number in range(count)
    ]


def _queue_of(*breaks: dict[str, object]) -> list[dict[str, object]]:
    found = pa.Table.from_pylist(list(breaks), schema=BREAKS_SCHEMA)
    return alert_queue(found, None, POSTINGS.slice(0, 0), [], []).to_pylist()


@pytest.mark.parametrize("count", [1, MOST_ALIKE, MOST_ALIKE + 1, 2_000])
def test_a_flood_of_one_account_and_code_is_one_row_with_count_sum_first_and_last(count):
    other = _alike(3, account=2)
    rows = _queue_of(*_alike(count, first=10), *other)
    own = [row for row in rows if row["account_id"] == 1]
    assert len(rows) == len(own) + len(other)
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    if count <= MOST_ALIKE:
        assert [row["postings"] for row in own] == [None] * count
        return
    (row,) = own
    assert (row["postings"], row["first_trans_id"], row["last_trans_id"]) == (count, 10, 10 + count - 1)
    assert row["amount_sum"] == -Decimal(count * (count + 1) // 2)
    assert (row["amount"], row["trans_id"], row["rank"]) == (-Decimal(count), 10 + count - 1, 1)
    assert row["text"].startswith(f"{count:,} findings of the kind fee_amount on this account in one night, -")
    assert f"from transaction 10 to {10 + count - 1}; they are shown as one." in row["text"]


def test_what_differs_in_account_or_code_or_names_no_account_stays_apart():
    rows = _queue_of(*_alike(MOST_ALIKE), *_alike(MOST_ALIKE, code="duplicate_posting"), *_alike(MOST_ALIKE, account=2))
    assert len(rows) == 3 * MOST_ALIKE
    assert {row["postings"] for row in rows} == {None}


def test_flagged_postings_without_end_make_a_small_sheet():
    scores = [{**_score(number, 0.9, True), "account_id": 5} for number in range(5_000)]
    queue = alert_queue(
        BREAKS_SCHEMA.empty_table(), pa.Table.from_pylist(scores, schema=SCORES_SCHEMA), POSTINGS, [], []
    )
    assert queue.num_rows == 1
    assert len(alerts_csv(queue)) < 1_000


def test_alerts_of_scores_alone_are_those_of_the_queue():
    flood = [{**_score(number, 0.9, True), "account_id": 5} for number in range(MOST_ALIKE + 5)]
    single = [{**_score(1_000 + number, 0.8, number < 2), "account_id": 6} for number in range(3)]
    scores = pa.Table.from_pylist([*flood, *single], schema=SCORES_SCHEMA)
    breaks = pa.Table.from_pylist([_break("fee_amount", "error", "-1.00", trans_id=9)], schema=BREAKS_SCHEMA)
    queue = alert_queue(breaks, scores, POSTINGS, [], []).to_pylist()
    alone = score_alerts(scores, POSTINGS).to_pylist()
    assert len(alone) == 3
    assert alone == [{**row, "rank": None} for row in queue if row["kind"] == "score"]


@given(st.permutations(range(MOST_ALIKE + 5)))
def test_a_flood_says_the_same_in_any_order(order):
    breaks = _alike(MOST_ALIKE + 5)
    assert _queue_of(*(breaks[place] for place in order)) == _queue_of(*breaks)
