"""What a decision is about that names a finding by its id, which also people know who may not see whom."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.lake import Lake
from include.reviews.intake import KNOWN_DAYS

_COLUMNS = ("finding_id", "kind", "code", "account_id", "trans_id")


def named_findings(lake: Lake, finding_ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """How reviews name the findings of these ids: by `trans_id`, or a break by `account_id` and `check_code`.

    Parameters
    ----------
    lake
        The lake.
    finding_ids
        Ids of rows of the queue of the last `KNOWN_DAYS` nights, which are those whose reviews a night reads.

    Returns
    -------
    dict
        By id; ids that no such row has are left out, and those of findings on the bank as a whole, on which nothing is
        decided. Of flagged postings that are shown as one, the most urgent one is named.
    """
    nights = lake.manifest()["settlement_date"]
    if not len(nights):
        return {}
    newest = pc.max(nights).as_py()
    alerts = lake.read("alerts", newest - timedelta(KNOWN_DAYS), newest, _COLUMNS)
    asked = alerts.filter(pc.is_in(alerts["finding_id"], pa.array(sorted(finding_ids), pa.string())))
    found = {row["finding_id"]: _named(row) for row in asked.to_pylist()}
    return {finding: named for finding, named in found.items() if None not in named.values()}


def _named(alert: Mapping[str, Any]) -> dict[str, Any]:
    if alert["kind"] == "break":
        return {"account_id": alert["account_id"], "check_code": alert["code"]}
    return {"trans_id": alert["trans_id"]}
