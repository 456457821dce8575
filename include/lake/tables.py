"""The published tables: their Arrow schemas, partition columns and sort columns."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from include.relations import DATE, IDENTIFIER, MONEY, RELATIONS, STATIC_RELATIONS, TEXT

SCORE = pa.float64()
TIMESTAMP = pa.timestamp("us", tz="UTC")
COUNT = pa.int64()
SUM = pa.decimal128(18, 2)
"""Money of many postings: 18 digits hold the sum of a hundred million largest amounts."""


def commented(name: str, kind: pa.DataType, doc: str) -> pa.Field:
    """A column with its comment, which the catalog shows; pyiceberg reads it from this place."""
    return pa.field(name, kind, metadata={"doc": doc})


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
    comment
        What one row is, for the catalog.
    """

    name: str
    schema: pa.Schema
    night_column: str
    order_by: tuple[str, ...]
    comment: str = ""

    @property
    def has_versions(self) -> bool:
        """Whether its rows hold pseudonyms: of the key versions that a run wrote, readers see the current one."""
        return VERSION_COLUMN in self.schema.names


RUN_KEY = commented("run_key", TEXT, "run that wrote the row; readers see the run that night_manifest names")
REVERSES = commented("reverses", IDENTIFIER, "number of the transaction that this one reverses; null where it is none")
FINDING_ID = commented(
    "finding_id", TEXT, "opaque name of the finding, the same after a restatement; null for no finding"
)
_NIGHT = commented("settlement_date", DATE, "settlement date")
_LINEAGE = [
    commented("source_uri", TEXT, "file or table the record was read from"),
    commented("source_line", IDENTIFIER, "line of the file, or row of the table"),
]

VERSION_COLUMN = "key_version"
"""Column with the version of the keys that made a row's pseudonyms."""

NOT_HASHED = ("run_key", "source_uri", "finding_id", "subject", "masked_text", "masked_reasons")
"""Columns that a night's `output_hash` leaves out: who wrote a row, where its file lay, names made with a key, and what
repeats other columns."""

SCORES_SCHEMA = pa.schema(
    [
        commented("trans_id", IDENTIFIER, "posting number"),
        commented("account_id", IDENTIFIER, "account posted to"),
        _NIGHT,
        commented("score", SCORE, "0 to 1, higher is more anomalous, comparable between nights; never null"),
        commented("typical_score", SCORE, "score of the typical posting in the same context"),
        commented("is_flagged", pa.bool_(), "whether the score lies above the night's threshold"),
        commented("threshold", SCORE, "score from which the night's postings are flagged"),
        commented("model_version", TEXT, "version of the model that scored"),
        commented("detector_scores", pa.map_(TEXT, SCORE), "each detector's own score, 0 to 1"),
        commented("reasons", pa.list_(REASON), "reasons of a flagged posting, strongest first; null where not flagged"),
        commented("masked_reasons", pa.list_(REASON), "the reasons without identifiers, for masked readers"),
        FINDING_ID,
    ]
)

BREAKS_SCHEMA = pa.schema(
    [
        _NIGHT,
        commented("account_id", IDENTIFIER, "account; null where the break concerns the bank as a whole"),
        commented("trans_id", IDENTIFIER, "posting; null where one is missing"),
        commented("check_code", TEXT, "check that found it"),
        commented("expected", MONEY, "amount that should be; null where the check is not about an amount"),
        commented("actual", MONEY, "amount that is"),
        commented("difference", MONEY, "actual - expected"),
        commented("severity", TEXT, "error, or warn where it may be the bank's own way"),
        commented("text", TEXT, "the break as a sentence"),
        commented("correction", CORRECTION, "proposed correction; null where none is certain"),
        commented(
            "subject", TEXT, "what is missing (order, loan or bill, with its due date) where there is no posting"
        ),
        commented("masked_text", TEXT, "the sentence without identifiers, for masked readers"),
        FINDING_ID,
    ]
)

QUARANTINE_SCHEMA = pa.schema(
    [
        commented("night", DATE, "the night the record is counted on, readable or not"),
        commented("settlement_date", DATE, "settlement date of the record; null when unreadable"),
        commented("relation", TEXT, "relation of the record"),
        commented("source_uri", TEXT, "file or table the record was read from"),
        commented("line", IDENTIFIER, "line of the file, or row of the table"),
        commented("raw", TEXT, "the record as it came; sealed (encrypted) when published"),
        commented("reason_codes", pa.list_(TEXT), "why it was not let in"),
        commented("account_id", IDENTIFIER, "account of the record; null where it could not be read"),
    ]
)

ALERTS_SCHEMA = pa.schema(
    [
        _NIGHT,
        commented("rank", COUNT, "1 is the most urgent"),
        commented("kind", TEXT, "source, break, score, late, drift or performance"),
        commented("code", TEXT, "check, strongest reason, or what the notice is about"),
        commented("severity", TEXT, "error or warn"),
        commented("account_id", IDENTIFIER, "account; null where the finding concerns the bank as a whole"),
        commented("trans_id", IDENTIFIER, "posting; null where there is none"),
        commented("amount", MONEY, "what is at stake: difference of a break, amount of a transaction"),
        commented("score", SCORE, "score of a flagged posting; null for breaks"),
        commented("text", TEXT, "the finding as a sentence"),
        *_LINEAGE,
        commented("postings", COUNT, "number of findings of the account and code that the row stands for; else null"),
        commented("amount_sum", SUM, "sum of their amounts"),
        commented("first_trans_id", IDENTIFIER, "lowest posting number among them"),
        commented("last_trans_id", IDENTIFIER, "highest posting number among them"),
        commented("masked_text", TEXT, "the sentence without identifiers, for masked readers"),
        FINDING_ID,
    ]
)

REVIEWS_SCHEMA = pa.schema(
    [
        commented("settlement_date", DATE, "the night that took the review in, which is the first it acts on"),
        commented("trans_id", IDENTIFIER, "posting; null where the review is of a break that names none"),
        commented("account_id", IDENTIFIER, "account of a break; null otherwise"),
        commented("check_code", TEXT, "check of a break; null otherwise"),
        commented("decision", TEXT, "confirmed, dismissed or unsure"),
        commented("reason", TEXT, "the analyst's words"),
        commented("who", TEXT, "who decided"),
        commented("decided_at", TIMESTAMP, "when it was decided"),
        commented("known_at", TIMESTAMP, "when it became known"),
        commented("review_key", TEXT, "digest of its content: a review that is dropped twice counts once"),
        *_LINEAGE,
    ]
)

_OUTCOMES = {
    "offered": "offered by the source",
    "published": "published",
    "quarantined": "not let in",
    "deduplicated": "left out as repetitions",
    "unreadable": "that could not be read",
}

MANIFEST_SCHEMA = pa.schema(
    [
        _NIGHT,
        commented("run_key", TEXT, "run that readers see: a hash of inputs, code and model"),
        commented("attempt", COUNT, "how often the night was published"),
        commented("code_version", TEXT, "version of the code"),
        commented("data_snapshot", TEXT, "digest of everything the night read"),
        commented("model_version", TEXT, "version of the model; null when scores were skipped"),
        commented("seed", COUNT, "seed of everything random"),
        *[commented(f"{name}_rows", COUNT, f"transactions {words}") for name, words in _OUTCOMES.items()],
        *[
            commented(f"{name}_cents", COUNT, f"money in cents of the transactions {words}")
            for name, words in _OUTCOMES.items()
            if name != "unreadable"
        ],
        commented("output_hash", TEXT, "hash of the night's plaintext outputs"),
        commented("started_at", TIMESTAMP, "when the source was read"),
        commented("finished_at", TIMESTAMP, "when the night was published"),
        commented("summary", TEXT, "JSON for people: breaks by code, flagged, skipped checks, warnings, late records"),
        commented(
            "columns", TEXT, "JSON: the columns that the hash covers, and those of the state; null for old nights"
        ),
        commented("derived", TEXT, "JSON: digests of the tables outside the hash, by table; null for old nights"),
    ]
)


VERSION_TABLE = Table(
    "pseudonym_keys",
    pa.schema(
        [
            commented("current_version", pa.int32(), "key version whose rows masked readers see"),
            commented("since", DATE, "night from which it is the current one"),
            RUN_KEY,
        ]
    ),
    "",
    ("current_version",),
    "the key version that masked readers see; one row",
)


def keyed(schema: pa.Schema) -> pa.Schema:
    """The schema with the key of the run that wrote a row."""
    return schema.append(RUN_KEY)


def _relation_table(name: str) -> Table:
    relation = RELATIONS[name]
    fields = [commented(column.name, column.arrow, column.doc) for column in relation.columns]
    if name in STATIC_RELATIONS:
        return Table(name, keyed(pa.schema([*fields, *_LINEAGE])), "", (relation.key,), relation.grain)
    nightly = pa.schema([*fields, _NIGHT, *_LINEAGE, REVERSES])
    return Table(name, keyed(nightly), "settlement_date", (relation.key,), relation.grain)


def _output(name: str, schema: pa.Schema, order_by: tuple[str, ...], comment: str) -> Table:
    return Table(name, keyed(schema), "settlement_date", order_by, comment)


TABLES: dict[str, Table] = {
    **{name: _relation_table(name) for name in RELATIONS},
    "anomaly_scores": _output("anomaly_scores", SCORES_SCHEMA, ("trans_id",), "one posting of the night, scored"),
    "settlement_breaks": _output(
        "settlement_breaks",
        BREAKS_SCHEMA,
        ("check_code", "account_id", "trans_id", "expected", "actual", "text"),
        "one thing that does not add up",
    ),
    "quarantine": Table(
        "quarantine",
        keyed(QUARANTINE_SCHEMA),
        "night",
        ("relation", "source_uri", "line", "raw"),
        "one record that was not let in",
    ),
    "alerts": _output("alerts", ALERTS_SCHEMA, ("rank",), "one finding of the analysts' queue"),
    "reviews": _output("reviews", REVIEWS_SCHEMA, ("review_key",), "one decision of an analyst"),
    "night_manifest": Table(
        "night_manifest", MANIFEST_SCHEMA, "settlement_date", ("settlement_date",), "one published night"
    ),
}
"""Every published table by name; tables of state are declared by the packages that own the state."""
