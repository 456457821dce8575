"""The published tables: their Arrow schemas, partition columns and sort columns."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from include.relations import DATE, IDENTIFIER, MONEY, RELATIONS, STATIC_RELATIONS, TEXT

SCORE = pa.float64()
TIMESTAMP = pa.timestamp("us", tz="UTC")

REASON = pa.struct(
    [
        pa.field("code", TEXT),
        pa.field("feature", TEXT),
        pa.field("value", TEXT),
        pa.field("typical", TEXT),
        pa.field("contribution", SCORE),
        pa.field("text", TEXT),
    ]
)
"""One reason of a flagged transaction; contributions sum to score - typical_score."""

CORRECTION = pa.struct(
    [pa.field("action", TEXT), pa.field("trans_id", IDENTIFIER), pa.field("field", TEXT), pa.field("value", TEXT)]
)
"""A proposed correction: action is `set`, `delete` or `insert`; value is the text of the right value."""


@dataclass(frozen=True)
class Table:
    """One table of the lake.

    Attributes
    ----------
    name
        Name in the catalog's namespace.
    schema
        Arrow schema, including `run_key` where the table has one.
    night_column
        Date column by which the table is partitioned and replaced; empty for a static relation, which is replaced as a
        whole.
    order_by
        Columns that sort the rows of a static relation, so that equal snapshots have equal digests.
    """

    name: str
    schema: pa.Schema
    night_column: str
    order_by: tuple[str, ...]


RUN_KEY = pa.field("run_key", TEXT)
REVERSES = pa.field("reverses", IDENTIFIER)
"""Number of the transaction that a transaction reverses; null where it reverses none."""
_NIGHT = pa.field("settlement_date", DATE)
_LINEAGE = [pa.field("source_uri", TEXT), pa.field("source_line", IDENTIFIER)]

SCORES_SCHEMA = pa.schema(
    [
        pa.field("trans_id", IDENTIFIER),
        pa.field("account_id", IDENTIFIER),
        _NIGHT,
        pa.field("score", SCORE),  # 0..1, higher is more anomalous, never null
        pa.field("typical_score", SCORE),
        pa.field("is_flagged", pa.bool_()),
        pa.field("threshold", SCORE),
        pa.field("model_version", TEXT),
        pa.field("detector_scores", pa.map_(TEXT, SCORE)),
        pa.field("reasons", pa.list_(REASON)),  # null where not flagged
    ]
)

BREAKS_SCHEMA = pa.schema(
    [
        _NIGHT,
        pa.field("account_id", IDENTIFIER),
        pa.field("trans_id", IDENTIFIER),  # null where a posting is missing
        pa.field("check_code", TEXT),
        pa.field("expected", MONEY),  # null where the check is not about an amount
        pa.field("actual", MONEY),
        pa.field("difference", MONEY),  # actual - expected
        pa.field("severity", TEXT),  # error or warn
        pa.field("text", TEXT),
        pa.field("correction", CORRECTION),
    ]
)

QUARANTINE_SCHEMA = pa.schema(
    [
        pa.field("night", DATE),  # the night the record is counted on, readable or not
        _NIGHT,  # null when unreadable
        pa.field("relation", TEXT),
        pa.field("source_uri", TEXT),
        pa.field("line", IDENTIFIER),
        pa.field("raw", TEXT),  # sealed (encrypted) when published
        pa.field("reason_codes", pa.list_(TEXT)),
        pa.field("account_id", IDENTIFIER),  # account of the record; null where it could not be read
    ]
)

ALERTS_SCHEMA = pa.schema(
    [
        _NIGHT,
        pa.field("rank", pa.int64()),  # 1 is the most urgent
        pa.field("kind", TEXT),  # source, break, score, late, drift or performance
        pa.field("code", TEXT),  # check code, the strongest reason's code, or what the notice is about
        pa.field("severity", TEXT),
        pa.field("account_id", IDENTIFIER),
        pa.field("trans_id", IDENTIFIER),
        pa.field("amount", MONEY),  # what is at stake: the difference of a break, the amount of a transaction
        pa.field("score", SCORE),  # null for breaks
        pa.field("text", TEXT),
        pa.field("source_uri", TEXT),
        pa.field("source_line", IDENTIFIER),
        # Number of findings of the account and code that the row stands for (it shows the most urgent one); else null.
        pa.field("postings", pa.int64()),
        pa.field("amount_sum", pa.decimal128(18, 2)),
        pa.field("first_trans_id", IDENTIFIER),
        pa.field("last_trans_id", IDENTIFIER),
    ]
)

REVIEWS_SCHEMA = pa.schema(
    [
        _NIGHT,  # the night that took the review in, which is the first it acts on
        pa.field("trans_id", IDENTIFIER),  # null where the review is of a break that names no posting
        pa.field("account_id", IDENTIFIER),  # of a break; null otherwise
        pa.field("check_code", TEXT),  # of a break; null otherwise
        pa.field("decision", TEXT),  # confirmed, dismissed or unsure
        pa.field("reason", TEXT),
        pa.field("who", TEXT),
        pa.field("decided_at", TIMESTAMP),
        pa.field("known_at", TIMESTAMP),
        pa.field("review_key", TEXT),  # digest of its content: a review that is dropped twice counts once
        *_LINEAGE,
    ]
)

MANIFEST_SCHEMA = pa.schema(
    [
        _NIGHT,
        RUN_KEY,
        pa.field("attempt", pa.int64()),
        pa.field("code_version", TEXT),
        pa.field("data_snapshot", TEXT),  # digest of everything the night read from its source
        pa.field("model_version", TEXT),  # null when scores were skipped
        pa.field("seed", pa.int64()),
        *[
            pa.field(f"{what}_rows", pa.int64())
            for what in ("offered", "published", "quarantined", "deduplicated", "unreadable")
        ],
        *[pa.field(f"{what}_cents", pa.int64()) for what in ("offered", "published", "quarantined", "deduplicated")],
        pa.field("output_hash", TEXT),
        pa.field("started_at", TIMESTAMP),
        pa.field("finished_at", TIMESTAMP),
        pa.field("summary", TEXT),  # JSON for people: breaks by code, flagged, skipped checks, warnings, late records
        # JSON: the columns that the hash covers, and those of the state; null for nights from before it was recorded
        pa.field("columns", TEXT),
    ]
)


def _keyed(schema: pa.Schema) -> pa.Schema:
    return schema.append(RUN_KEY)


def _relation_table(name: str) -> Table:
    relation = RELATIONS[name]
    fields = list(relation.schema)
    if name in STATIC_RELATIONS:
        return Table(name, _keyed(pa.schema([*fields, *_LINEAGE])), "", (relation.key,))
    return Table(name, _keyed(pa.schema([*fields, _NIGHT, *_LINEAGE, REVERSES])), "settlement_date", (relation.key,))


TABLES: dict[str, Table] = {
    **{name: _relation_table(name) for name in RELATIONS},
    "anomaly_scores": Table("anomaly_scores", _keyed(SCORES_SCHEMA), "settlement_date", ("trans_id",)),
    "settlement_breaks": Table(
        "settlement_breaks",
        _keyed(BREAKS_SCHEMA),
        "settlement_date",
        ("check_code", "account_id", "trans_id", "expected", "actual", "text"),
    ),
    "quarantine": Table("quarantine", _keyed(QUARANTINE_SCHEMA), "night", ("relation", "source_uri", "line", "raw")),
    "alerts": Table("alerts", _keyed(ALERTS_SCHEMA), "settlement_date", ("rank",)),
    "reviews": Table("reviews", _keyed(REVIEWS_SCHEMA), "settlement_date", ("review_key",)),
    "night_manifest": Table("night_manifest", MANIFEST_SCHEMA, "settlement_date", ("settlement_date",)),
}
"""Every published table by name; tables of state are declared by the packages that own the state."""
