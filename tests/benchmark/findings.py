"""The measurement `findings`: ten flagged postings of the real bank as an investigator reads them."""

from __future__ import annotations

from datetime import date
from itertools import islice
from typing import Any

from include.features.catalog import SURPRISES
from include.scoring import score_night
from tests.benchmark.banks import Bench
from tests.benchmark.trained import trained

SINCE = date(1994, 1, 1)
EACH = 5
"""Of findings that the sequence model's reasons lead, and of the others."""


def measure(bench: Bench) -> list[dict[str, Any]]:
    """Nothing is planted: these are the bank's own, the highest-scored of every account first; prints them."""
    rows = [row for row in score_night(bench.window, trained(bench)).to_pylist() if row["is_flagged"]]
    rows = sorted((row for row in rows if row["settlement_date"] >= SINCE), key=lambda row: -row["score"])
    first = {row["account_id"]: row for row in reversed(rows)}
    highest = sorted(first.values(), key=lambda row: -row["score"])
    led = [row for row in highest if row["reasons"][0]["feature"] in SURPRISES]
    chosen = [*islice(led, EACH), *islice((row for row in highest if row not in led), EACH)]
    for row in chosen:
        print(_told(row))
    return [{"trans_id": row["trans_id"], "score": row["score"], "text": _told(row)} for row in chosen]


def _told(row: dict[str, Any]) -> str:
    score = f"{row['score']:.2f}, typical {row['typical_score']:.2f}"
    head = f"Transaction {row['trans_id']}, account {row['account_id']}, {row['settlement_date']}, score {score}"
    reasons = [f"  {reason['contribution']:+.2f} {reason['code']}: {reason['text']}" for reason in row["reasons"]]
    return "\n".join([head, *reasons, ""])
