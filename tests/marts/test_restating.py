"""Findings of earlier nights take the state that reviews of later nights give them, once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from include.lake import Lake, RunStamp
from include.lake.tables import REVIEWS_SCHEMA
from include.marts import MART_TABLES, restated_findings
from include.marts.inputs import INPUT_SCHEMAS
from include.settings import get_settings
from tests.lake.nights import manifest_row

FIRST, SECOND, THIRD = date(1994, 1, 31), date(1994, 2, 1), date(1994, 2, 2)
FINDINGS = MART_TABLES["mart_findings"]


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lake]:
    monkeypatch.setenv("ADS_KEY_FILE", str(tmp_path / "lake.key"))
    get_settings.cache_clear()
    yield Lake.open(f"file:{tmp_path / 'lake'}")
    monkeypatch.undo()
    get_settings.cache_clear()


def _finding(night: date, rank: int, **columns: Any) -> dict[str, Any]:
    usual = {"kind": "score", "code": "amount", "text": f"said {rank}", "review_state": "open"}
    return {"settlement_date": night, "rank": rank, "trans_id": rank, **usual, **columns}


def _review(night: date, decision: str, **columns: Any) -> dict[str, Any]:
    at = datetime(night.year, night.month, night.day, 10, tzinfo=UTC)
    return {
        "settlement_date": night,
        "decision": decision,
        "decided_at": at,
        "known_at": at,
        "review_key": f"{night}-{decision}-{columns}",
        **columns,
    }


def _publish(lake: Lake, night: date, findings: list[dict[str, Any]], reviews: list[dict[str, Any]]) -> None:
    stamp = RunStamp(f"run of {night}", "1", night)
    lake.replace(FINDINGS, night, pa.Table.from_pylist(findings, INPUT_SCHEMAS["earlier_findings"]), stamp)
    lake.replace("reviews", night, pa.Table.from_pylist(reviews, REVIEWS_SCHEMA), stamp)
    lake.publish_manifest(manifest_row(stamp), stamp)


def _write(lake: Lake, restated: dict[date, pa.Table]) -> None:
    for night, rows in restated.items():
        lake.replace(FINDINGS, night, rows, RunStamp(f"run of {night}", "1", night))


def _states(rows: pa.Table) -> dict[int, tuple[str, date | None]]:
    return {row["rank"]: (row["review_state"], row["reviewed_on"]) for row in rows.to_pylist()}


def test_a_finding_takes_the_state_that_a_later_night_took_in_and_keeps_the_rest(lake: Lake) -> None:
    _publish(lake, FIRST, [_finding(FIRST, 1), _finding(FIRST, 2)], [])
    _publish(lake, SECOND, [_finding(SECOND, 1, trans_id=11)], [_review(SECOND, "confirmed", trans_id=2)])
    restated = restated_findings(lake, SECOND)
    assert restated.keys() == {FIRST}
    assert _states(restated[FIRST]) == {1: ("open", None), 2: ("confirmed", SECOND)}
    assert restated[FIRST]["text"].to_pylist() == ["said 1", "said 2"]
    _write(lake, restated)
    assert _states(lake.read(FINDINGS, FIRST, FIRST)) == {1: ("open", None), 2: ("confirmed", SECOND)}
    assert restated_findings(lake, SECOND) == {}


def test_a_later_night_makes_up_for_one_that_could_not_write(lake: Lake) -> None:
    _publish(lake, FIRST, [_finding(FIRST, 1)], [])
    _publish(lake, SECOND, [], [_review(SECOND, "confirmed", trans_id=1)])
    _publish(lake, THIRD, [], [])
    assert _states(restated_findings(lake, THIRD)[FIRST]) == {1: ("confirmed", SECOND)}


def test_a_changed_mind_counts(lake: Lake) -> None:
    _publish(lake, FIRST, [_finding(FIRST, 1)], [])
    _publish(lake, SECOND, [], [_review(SECOND, "confirmed", trans_id=1)])
    _write(lake, restated_findings(lake, SECOND))
    _publish(lake, THIRD, [], [_review(THIRD, "dismissed", trans_id=1)])
    assert _states(restated_findings(lake, THIRD)[FIRST]) == {1: ("dismissed", THIRD)}


def test_a_break_without_a_posting_takes_the_review_of_its_account_and_check(lake: Lake) -> None:
    missing = {"kind": "break", "code": "missing_fee", "account_id": 5, "trans_id": None}
    _publish(lake, FIRST, [_finding(FIRST, 1, **missing)], [])
    _publish(lake, SECOND, [_finding(SECOND, 1, **missing)], [])
    said = _review(THIRD, "dismissed", account_id=5, check_code="missing_fee")
    _publish(lake, THIRD, [], [said])
    restated = restated_findings(lake, THIRD)
    assert restated.keys() == {SECOND}
    assert _states(restated[SECOND]) == {1: ("dismissed", THIRD)}


def test_a_lake_without_marts_has_nothing_to_restate(lake: Lake) -> None:
    stamp = RunStamp("run", "1", FIRST)
    lake.replace("reviews", FIRST, pa.Table.from_pylist([_review(FIRST, "unsure", trans_id=1)], REVIEWS_SCHEMA), stamp)
    lake.publish_manifest(manifest_row(stamp), stamp)
    assert restated_findings(lake, FIRST) == {}
