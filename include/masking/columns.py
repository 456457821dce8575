"""What masked readers see of each column: the policy, by the column's name.

A column of text or of whole numbers that has no rule here stops the program: a new column is not shown by oversight.
Dates, times, money, shares and flags are shown as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from include.errors import TerminalError
from include.settlement.findings import CHECK_CODES

PSEUDONYMS: Mapping[str, str] = {
    "account_id": "account",
    "client_id": "client",
    "disp_id": "disposition",
    "card_id": "card",
    "loan_id": "loan",
    "order_id": "order",
    "trans_id": "transaction",
    "reverses": "transaction",
    "first_trans_id": "transaction",
    "last_trans_id": "transaction",
    "counterparty": "counterparty",
    "counterparty_to": "counterparty",
    "other_bank_id": "bank",
    "bank_to": "bank",
    "district_id": "district",
    "who": "analyst",
    "review_key": "review",
}
"""Columns that are given a pseudonym, by the kind of identifier: columns of one kind can be joined."""

RENAMED: Mapping[str, str] = {"masked_text": "text", "masked_reasons": "reasons"}
"""Columns that masked readers get under another name, in the place of the column of that name."""

DROPPED: Mapping[str, str] = {
    "text": "names accounts, postings and counterparties",
    "reasons": "names accounts, postings, counterparties and places",
    "subject": "names orders and loans",
    "summary": "its warnings may name files and accounts",
    "raw": "the record as it came",
    "output_hash": "made of identifiers without a key: those of a night with few postings are found by trying",
    "derived": "digests of full tables without a key: the identifiers of a table with few rows are found by trying",
    "reason": "an analyst's own words",
    "other_account_id": "repeats the counterparty",
    "account_to": "repeats the counterparty",
    "source_uri": "may hold names of people or machines",
    "district_name": "shown as shown_district where enough people live there",
    "region": "shown as shown_region where enough people live there",
    "client_age": "shown as age_band",
    "client_district": "shown as shown_district where enough people live there",
}
"""Columns that masked readers do not see, with the reason."""

KEPT = frozenset(
    {
        "gender",
        "frequency",
        "disp_type",
        "card_type",
        "trans_type",
        "operation",
        "category",
        "status",
        "relation",
        "reason_codes",
        "severity",
        "kind",
        "code",
        "decision",
        "rank",
        "postings",
        "scored",
        "flagged",
        "breaks",
        "error_breaks",
        "warn_breaks",
        "findings",
        "clients",
        "accounts",
        "accounts_with_findings",
        "reviewed",
        "confirmed",
        "dismissed",
        "unsure",
        "model_version",
        "detector_scores",
        "run_key",
        "finding_id",
        "attempt",
        "code_version",
        "data_snapshot",
        "seed",
        "columns",
        "age_band",
        "shown_district",
        "shown_region",
        "feature",
        "account_kind",
        "account_type",
        "review_state",
    }
)
"""Columns of text or whole numbers that masked readers see as they are: codes of closed lists, counts and digests."""

CLOSED: Mapping[str, frozenset[str]] = {"check_code": CHECK_CODES}
"""Columns of which masked readers see the known values alone: in a decision, the check's code is any text."""

AGE_BAND, LINE_ID = "age_band", "source_line_id"
LINES = ("source_line", "line")
BIRTH = "birth_date"
HOMES = ("fin_client", "fin_account")
"""Relations whose district is a person's home or tells it; its name, or its region, is shown among enough people."""


def is_plain(kind: pa.DataType) -> bool:
    """Whether values of a type are shown without a rule: dates, times, money, decimal figures and flags."""
    return bool(
        pa.types.is_date(kind)
        or pa.types.is_timestamp(kind)
        or pa.types.is_time(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
    )


def is_count(name: str, kind: pa.DataType) -> bool:
    """Whether a column holds a count or a sum of cents, by its name."""
    return pa.types.is_integer(kind) and name.endswith(("_rows", "_cents", "_count"))


def require_rule(table: str, column: str, kind: pa.DataType) -> None:
    """See that a column has a rule.

    Raises
    ------
    TerminalError
        When it has none.
    """
    known = {*PSEUDONYMS, *RENAMED, *DROPPED, *KEPT, *CLOSED, *LINES, BIRTH, "correction"}
    if column not in known and not is_plain(kind) and not is_count(column, kind):
        raise TerminalError(
            f"nothing says what masked readers may see of {table}.{column}: give it a rule in "
            "include/masking/columns.py (a pseudonym, dropped, or kept because it names nobody)",
            table=table,
        )
