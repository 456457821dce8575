"""Tables in the types that Great Expectations compares fast."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pyarrow as pa
import pytest

from include.quality.validation import as_frame


@pytest.mark.parametrize(
    ("days", "unit"),
    [
        ([date(1993, 1, 1), None], "ns"),
        ([date(1677, 9, 22), date(2262, 4, 11)], "ns"),
        ([date(1677, 9, 21)], "ms"),
        ([date(2262, 4, 12)], "ms"),
        ([date(199, 1, 1), date(1993, 1, 1)], "ms"),
        ([date(9999, 12, 31)], "ms"),
        ([None], "ns"),
        ([], "ns"),
    ],
)
def test_dates_keep_their_value_whatever_the_resolution(days: list[date | None], unit: str) -> None:
    column = as_frame(pa.table({"day": pa.array(days, pa.date32())}))["day"]
    assert column.dtype == f"datetime64[{unit}]"
    assert [None if pd.isna(day) else day.date() for day in column] == days
