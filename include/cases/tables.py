"""The tables of the case book. Money is in whole cents, which no database rounds; lists are JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from include.lake.sql_store import UtcTime, schema_of

Row = Mapping[Any, Any]
"""A row of one of the tables, by the names of its columns."""
ID_LENGTH = 64
METADATA = sa.MetaData()

# SQLite numbers rows by itself in columns of its own kind of whole number alone.
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _id(name: str, *, is_key: bool = False, is_found: bool = False, may_lack: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(ID_LENGTH), primary_key=is_key, index=is_found, nullable=may_lack)


def _of_case() -> sa.Column[str]:
    return sa.Column("case_id", sa.ForeignKey("cases.case_id", ondelete="CASCADE"), nullable=False, index=True)


CASES = sa.Table(
    "cases",
    METADATA,
    _id("case_id", is_key=True),
    sa.Column("account_id", sa.BigInteger, unique=True),
    sa.Column("is_closed", sa.Boolean, nullable=False),
    sa.Column("waits_until", UtcTime),
    sa.Column("holder", sa.String(200), index=True),
    sa.Column("held_until", UtcTime),
    sa.Column("points", sa.BigInteger, nullable=False),
    sa.Column("money_cents", sa.BigInteger, nullable=False),
    sa.Column("masked_money_cents", sa.BigInteger, nullable=False),
    sa.Column("sureness", sa.Float, nullable=False),
    sa.Column("oldest", sa.Date, nullable=False),
    sa.Column("newest", sa.Date, nullable=False),
    sa.Column("findings", sa.Integer, nullable=False),
    sa.Column("codes", sa.Text, nullable=False),
    sa.Column("district", sa.Text, index=True),
    _id("headline_id"),
    sa.Column("decided", sa.String(63)),
    sa.Column("clearing", sa.Text),
)
sa.Index("cases_by_rank", CASES.c.is_closed, CASES.c.points.desc(), CASES.c.case_id)

FINDINGS = sa.Table(
    "findings",
    METADATA,
    _id("finding_id", is_key=True),
    _of_case(),
    sa.Column("settlement_date", sa.Date, nullable=False, index=True),
    sa.Column("run_key", sa.String(ID_LENGTH), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("code", sa.String(63), nullable=False),
    sa.Column("severity", sa.String(16), nullable=False),
    sa.Column("account_id", sa.BigInteger),
    sa.Column("trans_id", sa.BigInteger, index=True),
    sa.Column("amount_cents", sa.BigInteger),
    sa.Column("masked_amount_cents", sa.BigInteger),
    sa.Column("stake_cents", sa.BigInteger, sa.Computed("abs(amount_cents)", persisted=True)),
    sa.Column("masked_stake_cents", sa.BigInteger, sa.Computed("abs(masked_amount_cents)", persisted=True)),
    sa.Column("score", sa.Float),
    sa.Column("feature", sa.String(63)),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("masked_text", sa.Text),
    sa.Column("correction", sa.Text),
    sa.Column("digest", sa.String(ID_LENGTH), nullable=False),
    sa.Column("gone_at", UtcTime),
    sa.Column("cleared_by", sa.Text),
    sa.Column("snooze_id", sa.String(ID_LENGTH)),
    sa.Column("decision_id", sa.String(ID_LENGTH)),
    sa.Column("is_settled", sa.Boolean, nullable=False),
    sa.Column("review_state", sa.String(16), nullable=False),
    sa.Column("lake_state", sa.String(16), nullable=False),
)
sa.Index("findings_by_code", FINDINGS.c.code, FINDINGS.c.settlement_date)

IS_UNDECIDED = sa.and_(FINDINGS.c.gone_at.is_(None), ~FINDINGS.c.is_settled)
"""Findings that are still found and that nothing was decided on."""

# The backlog stays small beside the history: filters of open cases look at it alone. The last two columns let SQLite
# answer from the index, without the rows.
for _columns in (
    ("case_id", "code", "settlement_date", "kind", "stake_cents"),
    ("code", "settlement_date", "kind", "stake_cents", "case_id"),
    ("settlement_date", "kind", "stake_cents", "case_id"),
    ("stake_cents", "kind", "case_id"),
):
    sa.Index(
        f"undecided_by_{_columns[0]}",
        *(FINDINGS.c[name] for name in (*_columns, "is_settled", "gone_at")),
        sqlite_where=IS_UNDECIDED,
        postgresql_where=IS_UNDECIDED,
    )

VERSIONS = sa.Table(
    "finding_versions",
    METADATA,
    sa.Column("finding_id", sa.ForeignKey("findings.finding_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("replaced_at", UtcTime, primary_key=True),
    sa.Column("digest", sa.String(ID_LENGTH), nullable=False),
    sa.Column("changes", sa.Text, nullable=False),
    sa.Column("masked_changes", sa.Text, nullable=False),
)

EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("event_id", _NUMBER, primary_key=True, autoincrement=True),
    _of_case(),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("who", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("note", sa.Text),
)

DECISIONS = sa.Table(
    "decisions",
    METADATA,
    _id("decision_id", is_key=True),
    _of_case(),
    _id("batch_id", is_found=True, may_lack=True),
    sa.Column("outcome", sa.String(63), nullable=False),
    sa.Column("review_decision", sa.String(16), nullable=False),
    sa.Column("reason", sa.String(63), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("who", sa.String(200), nullable=False),
    sa.Column("at", UtcTime, nullable=False, index=True),
    sa.Column("acts_from", sa.Date),
    sa.Column("undone_by", sa.String(200)),
    sa.Column("undone_at", UtcTime),
)

DECIDED = sa.Table(
    "decided_findings",
    METADATA,
    sa.Column("decision_id", sa.ForeignKey("decisions.decision_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("finding_id", sa.ForeignKey("findings.finding_id", ondelete="CASCADE"), primary_key=True, index=True),
)

DROPS = sa.Table(
    "review_drops",
    METADATA,
    _id("drop_id", is_key=True),
    sa.Column("decision_id", sa.ForeignKey("decisions.decision_id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("reviews", sa.Text, nullable=False),
    sa.Column("made_at", UtcTime, nullable=False),
    sa.Column("sent_at", UtcTime, index=True),
)
"""Reviews on their way into the drop; once they are there, `reviews` is empty."""

SNOOZES = sa.Table(
    "snoozes",
    METADATA,
    _id("snooze_id", is_key=True),
    _of_case(),
    sa.Column("code", sa.String(63), nullable=False),
    sa.Column("until", UtcTime, nullable=False),
    sa.Column("amount_cents", sa.BigInteger, nullable=False),
    sa.Column("who", sa.String(200), nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("ended_at", UtcTime, index=True),
)

CORRECTIONS = sa.Table(
    "corrections",
    METADATA,
    _id("correction_id", is_key=True),
    _of_case(),
    sa.Column("finding_id", sa.ForeignKey("findings.finding_id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("state", sa.String(16), nullable=False, index=True),
    sa.Column("action", sa.String(16), nullable=False),
    sa.Column("trans_id", sa.BigInteger),
    sa.Column("field", sa.String(63)),
    sa.Column("value", sa.Text),
    sa.Column("amount_cents", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.String(ID_LENGTH), nullable=False),
    sa.Column("needed", sa.Integer, nullable=False),
    sa.Column("proposed_by", sa.String(200), nullable=False),
    sa.Column("proposed_at", UtcTime, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("refused_by", sa.String(200)),
    sa.Column("closed_at", UtcTime),
)

APPROVALS = sa.Table(
    "approvals",
    METADATA,
    sa.Column("correction_id", sa.ForeignKey("corrections.correction_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("who", sa.String(200), primary_key=True),
    sa.Column("at", UtcTime, nullable=False),
)

VIEWS = sa.Table(
    "saved_views",
    METADATA,
    sa.Column("who", sa.String(200), primary_key=True),
    sa.Column("name", sa.String(63), primary_key=True),
    sa.Column("wanted", sa.Text, nullable=False),
)

SEARCHES = sa.Table(
    "searches",
    METADATA,
    _id("token", is_key=True),
    sa.Column("who", sa.String(200), nullable=False),
    sa.Column("at", UtcTime, nullable=False, index=True),
    sa.Column("account", sa.BigInteger),
    sa.Column("posting", sa.BigInteger),
)

NIGHTS = sa.Table(
    "nights",
    METADATA,
    sa.Column("settlement_date", sa.Date, primary_key=True),
    sa.Column("run_key", sa.String(ID_LENGTH), nullable=False),
    sa.Column("taken_at", UtcTime, nullable=False),
)

MARKS = sa.Table(
    "marks",
    METADATA,
    sa.Column("name", sa.String(63), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
"""What was seen of the lake last, which erasure was the last one, and what writers lock."""
FOLLOWED, WRITER, ERASED = "followed", "writer", "erased"


@sa.event.listens_for(MARKS, "after_create")
def _mark(_table: sa.Table, connection: sa.Connection, **_: object) -> None:
    connection.execute(sa.insert(MARKS), [{"name": name, "value": ""} for name in (FOLLOWED, WRITER, ERASED)])


AUDIT = sa.Table(
    "audit",
    METADATA,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("who", sa.String(200), nullable=False),
    sa.Column("action", sa.String(63), nullable=False),
    sa.Column("subject", sa.String(200), nullable=False),
    sa.Column("account", sa.String(ID_LENGTH), nullable=False, index=True),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("digest", sa.String(ID_LENGTH), nullable=False),
)

_SQLITE_GUARD = """
create trigger audit_no_{act} before {act} on audit
begin select raise(abort, 'the audit log only grows: its entries are neither changed nor removed'); end
"""
_POSTGRESQL_GUARD = """
create function {schema}.audit_only_grows() returns trigger language plpgsql as $$
begin raise exception 'the audit log only grows: its entries are neither changed nor removed'; end $$;
create trigger audit_only_grows before update or delete or truncate on {schema}.audit
for each statement execute function {schema}.audit_only_grows()
"""


@sa.event.listens_for(AUDIT, "after_create")
def _guard(_table: sa.Table, connection: sa.Connection, **_: object) -> None:
    """Let the database itself refuse changes and removals."""
    if schema := schema_of(connection):
        connection.exec_driver_sql(_POSTGRESQL_GUARD.format(schema=schema))
        return
    for act in ("update", "delete"):
        connection.exec_driver_sql(_SQLITE_GUARD.format(act=act))
