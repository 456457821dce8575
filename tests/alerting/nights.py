"""Nights of a lake with a queue and its messages, and little else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from include.alerting import OUTBOX, outbox_of
from include.lake import TABLES, Lake, RunStamp
from include.lake.tables import ALERTS_SCHEMA, BREAKS_SCHEMA
from include.quality import Counts
from include.settings import Settings

NIGHT = date(2026, 3, 2)
NOW = datetime(2026, 3, 3, 3, tzinfo=UTC)
"""The night is published, the hour by which it is missed has not come."""
CANARY = 4_711_008_150
"""An account that no message may name."""


def finding(rank: int, **values: Any) -> dict[str, Any]:
    """A row of the queue, about a break unless `values` say otherwise."""
    row = {"settlement_date": NIGHT, "rank": rank, "kind": "break", "code": "balance_chain", "severity": "error"}
    texts = {"text": f"Account {CANARY} is off by {rank}.", "masked_text": f"Account … is off by {rank}."}
    return {**row, **texts, "account_id": CANARY, "amount": Decimal(rank), "finding_id": f"{rank:032x}", **values}


def published(queue: list[dict[str, Any]]) -> dict[str, pa.Table]:
    """The outputs that messages are made of."""
    breaks = [{"check_code": row["code"]} for row in queue if row["kind"] == "break"]
    return {
        "alerts": pa.Table.from_pylist(queue, ALERTS_SCHEMA),
        "settlement_breaks": pa.Table.from_pylist(breaks, BREAKS_SCHEMA),
    }


def settings_of(folder: Path, **values: Any) -> Settings:
    """Settings of a lake in a folder, with two sinks unless `values` give others."""
    sinks = {name: {"kind": "webhook", "connection": name} for name in ("desk", "ops")}
    return Settings(lake_uri=f"file:{folder}", key_file=folder / "lake.key", **{"alert_sinks": sinks, **values})


def publish(lake: Lake, night: date, queue: list[dict[str, Any]], run_key: str = "first", step: int = 0) -> None:
    """Publish a night with a queue, some hours after it ended."""
    stamp, counts = RunStamp(f"{run_key} {night}", "1", night), Counts(offered_rows=7, offered_cents=123_456)
    outputs = published([{**row, "settlement_date": night} for row in queue])
    lake.replace("alerts", night, outputs["alerts"], stamp)
    lake.replace(OUTBOX, night, outbox_of(night, outputs, counts.as_dict()), stamp)
    finished = datetime(night.year, night.month, night.day, 2, tzinfo=UTC) + timedelta(days=1)
    row = dict.fromkeys(TABLES["night_manifest"].schema.names) | {"derived": f'{{"amount_step": {step}}}'}
    row |= {"settlement_date": night, "run_key": stamp.run_key, "attempt": 1, "finished_at": finished}
    lake.publish_manifest(row, stamp)
