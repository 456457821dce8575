"""What the sheet of alerts weighs when one account has a hundred thousand findings in a night."""

from __future__ import annotations

import time
from datetime import date
from decimal import Decimal

import pyarrow as pa

from include.lake.tables import BREAKS_SCHEMA, SCORES_SCHEMA
from include.publish.alerts import alert_queue, alerts_csv
from include.relations import FIN_TRANSACTION
from tests.benchmark.results import markdown, merge

POSTINGS = 100_000
NIGHT = date(2024, 12, 31)
# Five sentences of the length that the scores' reasons have.
_REASONS = [
    {
        "code": "frequency",
        "feature": "day_count",
        "text": f"{POSTINGS:,} postings on one day; the most lately was 4. {n}",
    }
    for n in range(5)
]


def main() -> None:
    """Measure, print the table, keep the figures."""
    scores = {"account_id": 1, "settlement_date": NIGHT, "score": 0.9, "is_flagged": True, "reasons": _REASONS}
    postings = {"account_id": 1, "amount": Decimal("12.50")}
    began = time.monotonic()
    queue = alert_queue(
        BREAKS_SCHEMA.empty_table(), _repeated(scores, SCORES_SCHEMA), _repeated(postings, _POSTINGS), [], []
    )
    sheet = alerts_csv(queue)
    found = {
        "postings": POSTINGS,
        "rows": queue.num_rows,
        "sheet_mb": len(sheet) / 1e6,
        "seconds": time.monotonic() - began,
    }
    merge("floods", found)
    print(markdown("One account's flood", list(found), [list(found.values())]))


_POSTINGS = pa.schema(
    [
        *(FIN_TRANSACTION.schema.field(name) for name in ("trans_id", "account_id", "amount")),
        pa.field("source_uri", pa.string()),
        pa.field("source_line", pa.int64()),
    ]
)


def _repeated(row: dict[str, object], schema: pa.Schema) -> pa.Table:
    empty = dict.fromkeys(schema.names)
    return pa.Table.from_pylist([{**empty, **row, "trans_id": number} for number in range(POSTINGS)], schema=schema)


if __name__ == "__main__":
    main()
