"""Scores at the gate: whatever would mislead an analyst stops the night."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from include.lake.tables import SCORES_SCHEMA
from include.quality import RefusedError, check_scores
from tests.quality.small_bank import NIGHT

_REASON = {"code": "amount", "feature": "f", "value": "1", "typical": "2", "contribution": 0.4, "text": "<b>much</b>"}


def _score(key: int, **values: Any) -> dict[str, Any]:
    ordinary = {
        "trans_id": key,
        "account_id": 1,
        "settlement_date": NIGHT,
        "score": 0.1,
        "typical_score": 0.1,
        "is_flagged": False,
        "threshold": 0.5,
        "model_version": "1",
        "reasons": None,
    }
    return {**ordinary, **values}


def _flagged(key: int) -> dict[str, Any]:
    return _score(key, score=0.5, is_flagged=True, reasons=[_REASON])


def _checked(*scores: dict[str, Any], postings: int | None = None, budget: float = 0.02) -> tuple[str, ...]:
    table = pa.Table.from_pylist(list(scores), SCORES_SCHEMA)
    return check_scores(table, len(scores) if postings is None else postings, budget)[0]


def test_ordinary_scores_pass() -> None:
    assert _checked(*(_score(key) for key in range(50)), _flagged(99)) == ()


def test_a_night_without_postings_passes() -> None:
    assert _checked() == ()


@pytest.mark.parametrize(
    "bad",
    [
        _score(2, score=None),
        _score(2, score=1.01),
        _score(2, score=-0.01),
        _score(2, score=float("nan")),
        _score(1),
        _score(2, threshold=0.6),
        _score(2, is_flagged=True, reasons=[_REASON]),
        _score(2, score=0.6),
        _score(2, score=0.6, is_flagged=True),
        _score(2, score=0.6, is_flagged=True, reasons=[]),
        _score(2, reasons=[_REASON]),
        _score(2, account_id=None),
    ],
    ids=[
        "null",
        "above one",
        "below zero",
        "not a number",
        "posting twice",
        "another threshold",
        "flagged below the threshold",
        "above the threshold, not flagged",
        "flagged without reasons",
        "flagged with an empty list",
        "reasons where not flagged",
        "no account",
    ],
)
def test_a_misleading_score_stops_the_night(bad: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match=r"anomaly_scores: found .*\[expect_"):
        _checked(_score(1), bad)


def test_a_posting_without_a_score_stops_the_night() -> None:
    with pytest.raises(RefusedError, match="found 1, allowed value 2"):
        _checked(_score(1), postings=2)


def test_far_more_than_the_budget_is_reported() -> None:
    many = [_flagged(key) for key in range(3)] + [_score(key) for key in range(3, 10)]
    [warning] = _checked(*many)
    assert "found 3 of 10 rows that do not meet it, allowed 20% of them" in warning
    assert _checked(*many, budget=0.05) == ()
