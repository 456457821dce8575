"""A query gets the parameters that it names, and says so where it does not."""

from __future__ import annotations

import pyarrow as pa
import pytest

from include.errors import SettingsError
from include.sql_engine import SqlEngine

ROWS = pa.table({"trans_id": [1]})


def test_a_parameter_that_no_query_names_is_refused() -> None:
    with SqlEngine.open("publish", {"rows": ROWS}) as engine, pytest.raises(SettingsError, match="limit"):
        engine.table("rows_digest", limit=3)


def test_a_parameter_that_is_missing_is_named() -> None:
    with SqlEngine.open("features", {}) as engine, pytest.raises(SettingsError, match=r"features/postings.*last_night"):
        engine.table("postings")


def test_values_for_all_queries_need_not_be_named_by_each() -> None:
    with SqlEngine.open("publish", {"rows": ROWS}) as engine:
        engine.shared = {"limit": 3}
        assert engine.table("rows_digest").num_rows == 1
