"""Every suite by its name."""

from __future__ import annotations

from great_expectations import ExpectationSuite

from expectations import (
    anomaly_scores,
    delivery,
    fin_account,
    fin_card,
    fin_client,
    fin_disposition,
    fin_district,
    fin_loan,
    fin_order,
    fin_transaction,
)

SUITES: dict[str, ExpectationSuite] = {
    each.SUITE.name: each.SUITE
    for each in (
        fin_transaction,
        fin_account,
        fin_client,
        fin_disposition,
        fin_order,
        fin_loan,
        fin_card,
        fin_district,
        delivery,
        anomaly_scores,
    )
}
"""In the order people read them: the night's postings first."""
