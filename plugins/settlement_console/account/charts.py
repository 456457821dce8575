"""An account's years as charts: what came in and went out by month, and its balance."""

from __future__ import annotations

from plugins.settlement_console.account.page import AccountPage
from plugins.settlement_console.account_rows import found_on
from plugins.settlement_console.charts import Chart, Colour, Mark, Series, Unit, over_days
from plugins.settlement_console.wording import number_of


def charts_of(page: AccountPage) -> list[Chart]:
    """The charts of an account; none where it had no postings."""
    if not page.months:
        return []
    has_balances = any(row["closing_balance"] is not None for row in page.days)
    return [_months(page), *([_balances(page)] if has_balances else [])]


def _months(page: AccountPage) -> Chart:
    came_in = sum(month.came_in for month in page.months)
    went_out = sum(month.went_out for month in page.months)
    return over_days(
        "months",
        "In and out by month",
        f"In {number_of(len(page.months), 'month')} with postings {came_in:,.2f} came in and {went_out:,.2f} went out.",
        [month.first for month in page.months],
        [
            Series("Came in", [month.came_in for month in page.months], "bar", Colour.MAIN),
            Series("Went out", [month.went_out for month in page.months], "bar", Colour.WARN),
        ],
        unit=Unit.MONEY,
        is_monthly=True,
    )


def _balances(page: AccountPage) -> Chart:
    known = [row for row in page.days if row["closing_balance"] is not None]
    lowest = min(known, key=lambda row: row["closing_balance"])
    return over_days(
        "balance",
        "Balance",
        f"At the end it was {known[-1]['closing_balance']:,.2f}; the lowest was {lowest['closing_balance']:,.2f} on "
        f"{lowest['settlement_date']}. Days on which something was found are marked.",
        [row["settlement_date"] for row in known],
        [Series("Balance", [row["closing_balance"] for row in known], "step")],
        unit=Unit.MONEY,
        marks=[
            Mark(row["settlement_date"], row["closing_balance"], f"{found_on(row)} found")
            for row in known
            if found_on(row)
        ],
    )
