"""What is told of alerts, reasons, reviews and refused records; silence where there is too little to say."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest

from include.monitoring.earlier_nights import FLAGGED_SCHEMA, REVIEW_SCHEMA
from include.monitoring.performance import NIGHTS_SCHEMA, Findings
from include.monitoring.profiles import Profiles
from include.monitoring.signals import PERSISTENCE
from tests.monitoring.nights import watched

FIRST = date(1995, 1, 1)
LAST = FIRST + timedelta(days=130)
CHANGE = LAST - timedelta(days=30)
NOTHING = Profiles(LAST, {})


def findings(
    *,
    alerts: tuple[int, int] = (4, 4),
    codes: tuple[str, str] = ("amount", "amount"),
    confirmed: tuple[float, float] | None = None,
    refused: tuple[int, int] = (0, 0),
) -> Findings:
    """200 postings a night; each figure before the last month, and in it."""
    days = [FIRST + timedelta(days=n) for n in range(131)]
    nights = [
        {
            "settlement_date": day,
            "is_scored": True,
            "scored_rows": 200,
            "offered_rows": 200,
            "refused_rows": refused[day >= CHANGE],
        }
        for day in days
    ]
    found = [
        {"settlement_date": day, "trans_id": n * 100 + k, "code": codes[day >= CHANGE] if k % 2 else "timing"}
        for n, day in enumerate(days)
        for k in range(alerts[day >= CHANGE])
    ]
    decided = [] if confirmed is None else [_review(row, confirmed[row["settlement_date"] >= CHANGE]) for row in found]
    return Findings(
        pa.Table.from_pylist(nights, schema=NIGHTS_SCHEMA),
        pa.Table.from_pylist(found, schema=FLAGGED_SCHEMA),
        pa.Table.from_pylist(decided, schema=REVIEW_SCHEMA),
        0.02,
        6_200,
    )


def _review(row: dict[str, Any], share: float) -> dict[str, Any]:
    place = row["trans_id"] * 7919 % 101
    return {"trans_id": row["trans_id"], "decision": "confirmed" if place < share * 101 else "dismissed"}


def told(found: Findings) -> list[dict[str, Any]]:
    return watched(NOTHING, CHANGE - timedelta(days=5), LAST, findings=found)


@pytest.mark.parametrize(
    ("found", "code", "feature", "words", "asks"),
    [
        (findings(alerts=(4, 9)), "alert_volume", "", "More is odd than the model was trained to expect", True),
        (findings(alerts=(4, 0)), "alert_volume", "", "hardly finds anything odd", True),
        (findings(codes=("amount", "location")), "reason_shift", "amount", "for an unusual amount, compared", False),
        (findings(confirmed=(0.6, 0.2)), "precision", "", "were confirmed (", True),
        (findings(refused=(0, 6)), "quality", "", "could not be let in, compared with less than 0.1 %", False),
    ],
    ids=["too many", "too few", "reasons", "precision", "quality"],
)
def test_what_has_changed_is_told(found: Findings, code: str, feature: str, words: str, asks: bool) -> None:
    said = told(found)
    assert {row["code"] for row in said} == {code}
    (notice,) = [row for row in said if row["feature"] == feature]
    assert words in notice["text"]
    assert notice["asks_for_selection"] == asks
    assert notice["settlement_date"] >= CHANGE + timedelta(days=PERSISTENCE - 1)


def test_records_that_cannot_be_let_in_for_months_never_ask_for_another_model() -> None:
    said = watched(NOTHING, FIRST, FIRST + timedelta(days=130), findings=_refusing_since(FIRST + timedelta(days=50)))
    assert len(said) > 1
    assert not any(row["asks_for_selection"] for row in said)


def _refusing_since(day: date) -> Findings:
    """No record refused before, then ever more of them."""
    found = findings()
    nights = found.nights.to_pylist()
    rows = [{**row, "refused_rows": max(0, (row["settlement_date"] - day).days)} for row in nights]
    nights = pa.Table.from_pylist(rows, schema=NIGHTS_SCHEMA)
    return Findings(nights, found.alerts, found.reviews, 0.02, 6_200)


def test_nothing_is_told_of_months_that_are_as_they_were() -> None:
    assert told(findings(confirmed=(0.5, 0.45), refused=(1, 1))) == []


def test_few_reviews_say_nothing_of_precision() -> None:
    found = findings(confirmed=(0.6, 0.0))
    few = Findings(found.nights, found.alerts, found.reviews.slice(found.reviews.num_rows - 15), 0.02, 6_200)
    assert told(few) == []


def test_a_month_that_was_not_scored_throughout_has_no_volume() -> None:
    found = findings(alerts=(9, 9))
    half = found.nights.to_pylist()
    unscored = [{**row, "is_scored": row["settlement_date"] >= CHANGE + timedelta(days=1)} for row in half]
    nights = pa.Table.from_pylist(unscored, schema=NIGHTS_SCHEMA)
    assert told(Findings(nights, found.alerts, found.reviews, 0.02, 6_200)) == []


def test_figures_say_what_the_month_was_like() -> None:
    figures = findings(alerts=(4, 6), confirmed=(0.5, 0.5), refused=(0, 1)).figures(LAST)
    assert figures["alert_share"] == pytest.approx(0.03)
    assert figures["refused_share"] == pytest.approx(0.005)
    assert figures["precision"] == pytest.approx(0.5, abs=0.08)
    assert figures["reason_share/amount"] == pytest.approx(0.5)
