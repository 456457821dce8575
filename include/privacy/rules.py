"""Which rows of which table are a client's: every table of the lake has a rule, or nothing is erased."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from include.errors import TerminalError
from include.masking.tables import SUFFIX, masked_name


@dataclass(frozen=True)
class Rule:
    """How a client's rows are told in one table.

    Attributes
    ----------
    by
        Columns with identifiers; a row is the client's where one of them holds a number of the client's.
    is_emptied
        Whether a row that stays, because the account is also another's, may describe the client; `DESCRIBING` columns
        are then made null.
    has_sentences
        Whether a row of no account, or of one that another client may use too, may name the client in its `text`.
    kept_because
        Reason why no row of the table is a client's; empty where rows may be.
    """

    by: tuple[str, ...] = ()
    is_emptied: bool = False
    has_sentences: bool = False
    kept_because: str = ""


DESCRIBING = (
    "client_id",
    "gender",
    "client_age",
    "age_band",
    "client_district",
    "district_id",
    "district_name",
    "region",
    "shown_district",
    "shown_region",
    "shown_latitude",
    "shown_longitude",
)
"""Columns that say of an account's row who its owner is, how old, and from where."""

_OF_AN_ACCOUNT = Rule(by=("account_id",))
_SAYS_WHOSE = Rule(by=("account_id",), is_emptied=True)
_SAYS_OF_AN_ACCOUNT = Rule(by=("account_id",), has_sentences=True)
_COUNTS = Rule(kept_because="counts and sums over all clients, which name nobody")
_CALENDAR = Rule(kept_because="dates of nights, which are nobody's")

RULES: dict[str, Rule] = {
    "fin_client": Rule(by=("client_id",)),
    "fin_disposition": Rule(by=("client_id", "disp_id", "account_id")),
    "fin_card": Rule(by=("disp_id", "card_id")),
    "fin_account": _OF_AN_ACCOUNT,
    "fin_order": _OF_AN_ACCOUNT,
    "fin_loan": _OF_AN_ACCOUNT,
    "fin_district": Rule(kept_because="places, which are nobody's"),
    "fin_transaction": _OF_AN_ACCOUNT,
    "anomaly_scores": _OF_AN_ACCOUNT,
    "settlement_breaks": _SAYS_OF_AN_ACCOUNT,
    "alerts": _SAYS_OF_AN_ACCOUNT,
    "quarantine": _OF_AN_ACCOUNT,
    # A review of a posting names it alone, a review of a break names the account.
    "reviews": Rule(by=("trans_id", "account_id")),
    "night_manifest": _COUNTS,
    "night_profile": _COUNTS,
    "night_watch": _COUNTS,
    "night_notices": Rule(kept_because="sentences on the bank as a whole"),
    "night_lesson": Rule(
        kept_because="values that a model learns from, without any identifier: once the postings are gone, nothing "
        "says whose they were"
    ),
    "state_lookback": _OF_AN_ACCOUNT,
    "state_chain": _OF_AN_ACCOUNT,
    "state_monthly_bills": _OF_AN_ACCOUNT,
    "state_refused": _OF_AN_ACCOUNT,
    "state_accounts": _OF_AN_ACCOUNT,
    "state_kinds": _OF_AN_ACCOUNT,
    "state_counterparties": _OF_AN_ACCOUNT,
    "state_standing_orders": Rule(by=("order_id",)),
    "state_loans": Rule(by=("loan_id",)),
    "state_settlement": _CALENDAR,
    "state_booking_days": _COUNTS,
    "state_loan_days": _COUNTS,
    "state_totals": _COUNTS,
    "state_first_night": _CALENDAR,
    "state_budget": _CALENDAR,
    "state_known_nights": _CALENDAR,
    "mart_findings": Rule(by=("account_id",), is_emptied=True, has_sentences=True),
    "mart_account_days": _SAYS_WHOSE,
    "transaction_features": _SAYS_WHOSE,
    "mart_nights": _COUNTS,
    "mart_district_months": _COUNTS,
    "mart_model_performance": _COUNTS,
    "mart_money_days": _COUNTS,
    "outbox": _COUNTS,
    "pseudonym_keys": Rule(kept_because="the version of the keys, which names nobody"),
    "retired_rows": _COUNTS,
}
"""The rule of every table, by its name; a masked table follows the rule of the table that it masks."""


def rule_of(table: str) -> Rule:
    """The rule of a table.

    Raises
    ------
    TerminalError
        When there is none: nobody said yet whose the table's rows are.
    """
    name = table.removesuffix(SUFFIX)
    if name not in RULES:
        raise TerminalError(
            f"the lake's table {table} has no rule that says which of its rows are a client's: nothing was read or "
            "erased; add its line to RULES in include/privacy/rules.py",
            table=table,
        )
    # The masked relation of accounts says of which age and from where the owner is.
    return _SAYS_WHOSE if table == masked_name("fin_account") else RULES[name]


def require_rules(tables: Iterable[str]) -> None:
    """See that every table has a rule, before anything is erased."""
    for table in tables:
        rule_of(table)
