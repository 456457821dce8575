"""Expectations of `fin_disposition`: one client's right over one account."""

from __future__ import annotations

import great_expectations.expectations as gxe

from expectations.declare import not_empty, suite, typed, unique_key, warn_row, where
from include.relations import FIN_DISPOSITION

SUITE = suite(
    FIN_DISPOSITION.name,
    [
        *typed(FIN_DISPOSITION),
        unique_key(FIN_DISPOSITION),
        not_empty(FIN_DISPOSITION),
        # All 4,500 real accounts have one owner; joint ownership would make an account's client ambiguous.
        warn_row(
            "second_owner",
            gxe.ExpectColumnValuesToBeUnique(column="account_id", **where("disp_type", "O")),
        ),
    ],
)
