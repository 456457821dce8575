"""Expectations of `fin_transaction`: one posting on one account."""

from __future__ import annotations

import great_expectations.expectations as gxe

from expectations.declare import Declared, refuse_row, suite, typed, warn_row, where
from include.relations import FIN_TRANSACTION

# Which way the money of an operation can move; all 37,344 postings of the real 13 months agree with it.
_OPERATIONS_OF_TYPE = {"C": ["CIC", "COB"], "D": ["CCW", "ROB", "WIC"], "P": ["WIC"]}
# Interest credited and pensions come in; everything else that has a category is paid.
_CATEGORIES_OF_TYPE = {"C": ["IC", "PE"], "D": ["HH", "IN", "IO", "LE", "LO", "ST"]}


def _agrees_with_type(column: str, allowed: dict[str, list[str]]) -> list[Declared]:
    """A warning per transaction type whose rows carry another code in `column`."""
    return [
        warn_row(
            f"{column}_contradicts_type",
            gxe.ExpectColumnValuesToBeInSet(column=column, value_set=codes, **where("trans_type", trans_type)),
        )
        for trans_type, codes in allowed.items()
    ]


SUITE = suite(
    FIN_TRANSACTION.name,
    [
        *typed(FIN_TRANSACTION),
        # A key is used once on a night; whether another night used it too is the reader's to see.
        refuse_row(
            "duplicate_key_conflict",
            gxe.ExpectCompoundColumnsToBeUnique(
                column_list=[FIN_TRANSACTION.key, "night"], ignore_row_if="any_value_is_missing"
            ),
        ),
        # A negative amount takes a posting back: include/quality/reversals.py finds which, or refuses it.
        refuse_row("amount_zero", gxe.ExpectColumnValuesToNotBeInSet(column="amount", value_set=[0])),
        refuse_row(
            "trans_date_other_night",
            gxe.ExpectColumnPairValuesToBeEqual(
                column_A="trans_date", column_B="night", ignore_row_if="either_value_is_missing"
            ),
        ),
        *_agrees_with_type("operation", _OPERATIONS_OF_TYPE),
        *_agrees_with_type("category", _CATEGORIES_OF_TYPE),
    ],
)
