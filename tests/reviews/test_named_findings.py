"""A finding's id says what a decision on it is about."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa

from include.lake import TABLES, Lake
from include.reviews.intake import KNOWN_DAYS
from include.reviews.named_findings import named_findings
from tests.lake.nights import manifest_row, stamp_of

NIGHT, LONG_AGO = date(2024, 3, 3), date(2023, 3, 3)
SCORE, BREAK, LATE, ORPHAN, OLD = (letter * 32 for letter in "abcde")


def test_a_finding_is_named_as_a_review_names_it(tmp_path: Path) -> None:
    lake = Lake.open(f"file:{tmp_path / 'lake'}")
    assert named_findings(lake, {SCORE}) == {}
    _publish(lake, LONG_AGO, {"finding_id": OLD, "kind": "score", "trans_id": 1})
    _publish(
        lake,
        NIGHT,
        {"finding_id": SCORE, "kind": "score", "code": "amount", "account_id": 5, "trans_id": 7},
        {"finding_id": BREAK, "kind": "break", "code": "fee_amount", "account_id": 5, "trans_id": 8},
        {"finding_id": LATE, "kind": "late", "code": "late_record"},
        {"finding_id": ORPHAN, "kind": "break", "code": "unknown_reference"},
    )
    assert named_findings(lake, {SCORE, BREAK, LATE, ORPHAN, OLD, "f" * 32}) == {
        SCORE: {"trans_id": 7},
        BREAK: {"account_id": 5, "check_code": "fee_amount"},
    }
    assert (NIGHT - LONG_AGO).days > KNOWN_DAYS


def _publish(lake: Lake, night: date, *alerts: dict[str, object]) -> None:
    stamp = stamp_of("a", night)
    schema = pa.schema([field for field in TABLES["alerts"].schema if field.name != "run_key"])
    rows = pa.Table.from_pylist([{"settlement_date": night, **alert} for alert in alerts], schema)
    lake.replace("alerts", night, rows, stamp)
    lake.publish_manifest(manifest_row(stamp), stamp)
