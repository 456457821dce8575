"""The outbox: what a night has to tell people, written in the night's own transaction."""

from __future__ import annotations

import pyarrow as pa

from include.lake.tables import Table, commented, keyed
from include.relations import DATE, TEXT

OUTBOX_SCHEMA = pa.schema(
    [
        commented("settlement_date", DATE, "settlement date"),
        commented("message_key", TEXT, "digest of what the message says, which a restatement need not change"),
        commented("kind", TEXT, "night, drift or performance"),
        commented("severity", TEXT, "info, warn or error"),
        commented("codes", pa.list_(TEXT), "checks, reasons and notices that it is about, for the routes"),
        commented("content", TEXT, "JSON: the night's counts; no identifier and no sentence"),
    ]
)

OUTBOX = Table(
    "outbox",
    keyed(OUTBOX_SCHEMA),
    "settlement_date",
    ("message_key",),
    "one message of a night to people; it holds counts and codes, and names no finding",
)
