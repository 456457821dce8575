"""The columns that a published night was written with: those that its hash covers, and those of its state.

Every night stores them in its manifest row, so that a later version may add columns to any table: the night is still
verified over its own columns, and a state that lacks a column is recognised as one of an older version. Nights whose
manifest row stores none were written with `FIRST_COLUMNS`. A table may gain columns; a column that is a struct may not
gain fields.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from include.publish.digest import hashed_columns

Columns = Mapping[str, Sequence[str]]
"""Columns by table, in their order."""


@dataclass(frozen=True)
class NightColumns:
    """The columns a night was written with.

    Attributes
    ----------
    hashed
        Columns that its `output_hash` covers, by output.
    state
        Columns of the state that it left, by table.
    """

    hashed: Columns
    state: Columns

    @classmethod
    def of(cls, outputs: Mapping[str, pa.Table], state: Mapping[str, pa.Table]) -> NightColumns:
        """The columns of a night's tables."""
        return cls(hashed_columns(outputs), {name: rows.column_names for name, rows in state.items()})

    @classmethod
    def kept(cls, row: Mapping[str, Any]) -> NightColumns:
        """The columns that a row of the manifest records."""
        return FIRST_COLUMNS if row["columns"] is None else cls(**json.loads(row["columns"]))

    def as_json(self) -> str:
        """The columns as JSON for the manifest."""
        return json.dumps({"hashed": self.hashed, "state": self.state}, sort_keys=True)


FIRST_COLUMNS = NightColumns(
    hashed={
        "alerts": (
            "settlement_date",
            "rank",
            "kind",
            "code",
            "severity",
            "account_id",
            "trans_id",
            "amount",
            "score",
            "text",
            "source_line",
        ),
        "anomaly_scores": (
            "trans_id",
            "account_id",
            "settlement_date",
            "score",
            "typical_score",
            "is_flagged",
            "threshold",
            "model_version",
            "detector_scores",
            "reasons",
        ),
        "fin_transaction": (
            "trans_id",
            "account_id",
            "trans_date",
            "amount",
            "balance",
            "trans_type",
            "operation",
            "category",
            "other_bank_id",
            "other_account_id",
            "trans_time",
            "district_id",
            "settlement_date",
            "source_line",
        ),
        "quarantine": ("night", "settlement_date", "relation", "line", "raw", "reason_codes"),
        "settlement_breaks": (
            "settlement_date",
            "account_id",
            "trans_id",
            "check_code",
            "expected",
            "actual",
            "difference",
            "severity",
            "text",
            "correction",
        ),
    },
    state={
        "state_settlement": ("settlement_date", "first_date"),
        "state_chain": ("settlement_date", "account_id", "closed_on", "closing_cents"),
        "state_standing_orders": (
            "settlement_date",
            "order_id",
            "payments_seen",
            "due_day",
            "next_due",
            "missed_in_row",
            "accepted_cents",
            "paid_cents",
        ),
        "state_loans": ("settlement_date", "loan_id", "due_day", "next_due", "missed_in_row"),
        "state_loan_days": ("settlement_date", "day_of_month", "payment_count"),
        "state_accounts": ("settlement_date", "account_id", "first_seen", "last_decided"),
        "state_kinds": ("settlement_date", "account_id", "kind", "first_seen", "last_seen", "largest_cents"),
        "state_counterparties": ("settlement_date", "account_id", "counterparty", "first_seen"),
    },
)
"""The columns of every night that was published before the manifest kept them."""
