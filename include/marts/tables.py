"""The marts' tables: their types stand here, their columns' comments in the SQL files that make them."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from include.features.catalog import CONTEXT, MODEL_FEATURES
from include.lake.tables import COUNT, SCORE, SUM, Table, commented, keyed
from include.marts.comments import column_comments, grain_of
from include.masking.tables import masked_of
from include.relations import DATE, IDENTIFIER, MONEY, NUMBER, TEXT

CATALOG_COLUMNS: tuple[str, ...] = (*(feature.name for feature in MODEL_FEATURES), *CONTEXT)
"""The columns of `transaction_features` that models see."""

_SHOWN = {"shown_district": TEXT, "shown_region": TEXT}
_SHOWN_TOWN = {"shown_latitude": NUMBER, "shown_longitude": NUMBER}
_HOME = {"district_id": IDENTIFIER, "district_name": TEXT, "region": TEXT, **_SHOWN, **_SHOWN_TOWN}
_OFFERED = {
    **dict.fromkeys(
        ("offered_rows", "published_rows", "quarantined_rows", "deduplicated_rows", "unreadable_rows"), COUNT
    ),
    **dict.fromkeys(("offered_money", "published_money", "quarantined_money"), SUM),
}

_TYPES: Mapping[str, Mapping[str, pa.DataType]] = {
    "mart_findings": {
        "settlement_date": DATE,
        "finding_id": TEXT,
        "rank": COUNT,
        **dict.fromkeys(("kind", "code", "severity"), TEXT),
        **dict.fromkeys(("account_id", "trans_id", "client_id"), IDENTIFIER),
        "gender": TEXT,
        "client_age": COUNT,
        "age_band": TEXT,
        "account_kind": TEXT,
        **_HOME,
        "trans_type": TEXT,
        "operation": TEXT,
        "amount": MONEY,
        "score": SCORE,
        **dict.fromkeys(("feature", "model_version", "text", "masked_text"), TEXT),
        "postings": COUNT,
        "review_state": TEXT,
        "reviewed_on": DATE,
    },
    "mart_nights": {
        "settlement_date": DATE,
        "model_version": TEXT,
        "code_version": TEXT,
        **_OFFERED,
        **dict.fromkeys(
            ("error_breaks", "warn_breaks", "scored", "flagged", "findings", "accounts_with_findings"), COUNT
        ),
        "seconds": NUMBER,
    },
    "mart_account_days": {
        "settlement_date": DATE,
        "account_id": IDENTIFIER,
        "client_id": IDENTIFIER,
        "account_kind": TEXT,
        **_SHOWN,
        "postings": COUNT,
        **dict.fromkeys(("credits", "debits", "net", "closing_balance"), SUM),
        "flagged": COUNT,
        "highest_score": SCORE,
        "breaks": COUNT,
        "money_at_risk": SUM,
    },
    "mart_district_months": {
        "settlement_date": DATE,
        "month": DATE,
        **_HOME,
        **dict.fromkeys(("clients", "accounts", "postings"), COUNT),
        **dict.fromkeys(("credits", "debits"), SUM),
        **dict.fromkeys(("flagged", "breaks"), COUNT),
        "findings_per_thousand": NUMBER,
        "money_at_risk": SUM,
    },
    "mart_model_performance": {
        "settlement_date": DATE,
        "model_version": TEXT,
        **dict.fromkeys(("scored", "flagged"), COUNT),
        **dict.fromkeys(("flagged_share", "threshold", "score_p50", "score_p90", "score_p99"), NUMBER),
        **dict.fromkeys(("reviewed", "confirmed", "dismissed", "unsure"), COUNT),
        **dict.fromkeys(("precision", "precision_low", "precision_high"), NUMBER),
    },
    "mart_money_days": {
        "settlement_date": DATE,
        **_OFFERED,
        **dict.fromkeys(("deduplicated_money", "credits", "debits"), SUM),
        "is_reconciled": pa.bool_(),
    },
    "transaction_features": {
        "trans_id": IDENTIFIER,
        "account_id": IDENTIFIER,
        "settlement_date": DATE,
        "amount": MONEY,
        "trans_type": TEXT,
        "client_id": IDENTIFIER,
        "client_age": COUNT,
        "age_band": TEXT,
        "client_district": IDENTIFIER,
        "account_type": TEXT,
        "balance_before": SUM,
        "balance_after": SUM,
        **_SHOWN,
        **dict.fromkeys(CATALOG_COLUMNS, NUMBER),
    },
}

_ORDER: Mapping[str, tuple[str, ...]] = {
    "mart_findings": ("rank",),
    "mart_nights": ("settlement_date",),
    "mart_account_days": ("account_id",),
    "mart_district_months": ("district_id",),
    "mart_model_performance": ("model_version",),
    "mart_money_days": ("settlement_date",),
    "transaction_features": ("trans_id",),
}


def _table(name: str) -> Table:
    comments = column_comments(name)
    fields = [commented(column, kind, comments[column]) for column, kind in _TYPES[name].items()]
    return Table(name, keyed(pa.schema(fields)), "settlement_date", _ORDER[name], grain_of(name))


MART_TABLES: dict[str, Table] = {name: _table(name) for name in _TYPES}
"""The marts and the table of features, by name."""

SHOWN_DISTRICT_MONTHS = "mart_district_months_masked"
"""Name under which `marts_of` gives the district months that masked readers may see.

They are counted by what is shown of each owner's home, and not taken row by row from `mart_district_months`. A row of
one district grows each night by the amounts of few postings, often of one, and these amounts stand in the masked
postings: whoever compares the two would learn the home of almost everybody.
"""

UNDIGESTED: Mapping[str, tuple[str, ...]] = {
    "mart_findings": ("review_state", "reviewed_on"),
    "mart_nights": ("seconds",),
}
"""Columns that are not part of a mart's digest: later nights bring the state of review up to date, and how long a run
took is not what it found."""

PLACE_REVEALING: Mapping[str, str] = {
    "client_district": "it is the number of the owner's home district",
    "amount_to_salary": "with the amount it gives the average salary of the home district, which names the district",
    "place_rarity": "with the place of the posting it tells whether the account is usually used there",
    "distance": "with the place of the posting it gives how far the place is where the account is usually used",
    "travel": "with the times of two postings it gives the way between their places",
}
"""Columns of `transaction_features` that tell where somebody lives or was, and why; masked tables leave them out."""

MASKED_MARTS: dict[str, Table] = {
    name: masked_of(table, frozenset(PLACE_REVEALING)) for name, table in MART_TABLES.items()
}
"""The masked table beside each mart, by the name of the full one."""
