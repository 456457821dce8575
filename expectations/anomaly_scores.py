"""Expectations of the night's scores: a score that breaks one of them would mislead, so that the night stops."""

from __future__ import annotations

import great_expectations.expectations as gxe

from expectations.declare import Declared, stop_night, suite, warn_night, where

POSTINGS, SMALLEST_UNFLAGGED_SHARE = "postings", "smallest_unflagged_share"
"""Parameters of the suite: accepted postings of the night, and the share of them below which a warning is due."""

# A budget is an expected share of an ordinary month; the busiest day of a month may well be several times it.
BUDGETS_BEFORE_WARNING = 10

_DEFECT = "Scoring is at fault, not the data: keep the night's work folder and report it with this message."


def _must(expectation: gxe.Expectation) -> Declared:
    return stop_night(_DEFECT, expectation)


SUITE = suite(
    "anomaly_scores",
    [
        _must(gxe.ExpectTableRowCountToEqual(value={"$PARAMETER": POSTINGS})),
        _must(gxe.ExpectColumnValuesToBeUnique(column="trans_id")),
        *(
            _must(gxe.ExpectColumnValuesToNotBeNull(column=column))
            for column in ("trans_id", "account_id", "settlement_date", "score", "typical_score", "is_flagged")
        ),
        _must(gxe.ExpectColumnValuesToBeBetween(column="score", min_value=0, max_value=1)),
        _must(gxe.ExpectColumnUniqueValueCountToBeBetween(column="threshold", max_value=1)),
        _must(
            gxe.ExpectColumnPairValuesAToBeGreaterThanB(
                column_A="score", column_B="threshold", or_equal=True, **where("is_flagged", True)
            )
        ),
        _must(
            gxe.ExpectColumnPairValuesAToBeGreaterThanB(
                column_A="threshold", column_B="score", or_equal=True, **where("is_flagged", False)
            )
        ),
        _must(gxe.ExpectColumnValuesToNotBeNull(column="reason_count", **where("is_flagged", True))),
        _must(gxe.ExpectColumnValuesToBeNull(column="reason_count", **where("is_flagged", False))),
        warn_night(
            "Far more than the alert budget was flagged: look at drift and at the night's data before its alerts.",
            gxe.ExpectColumnValuesToBeInSet(
                column="is_flagged", value_set=[False], mostly={"$PARAMETER": SMALLEST_UNFLAGGED_SHARE}
            ),
        ),
    ],
)
