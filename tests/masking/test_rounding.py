"""With a step for amounts nothing in a masked row gives the exact sums back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from include.lake.tables import TABLES, Table
from include.marts import MART_TABLES, MASKED_MARTS
from include.masking.keys import NameKeyStore
from include.masking.rounding import rounded_cents, rounded_money
from include.masking.tables import MASKED_TABLES, Masker
from include.relations import MONEY
from include.settings import Settings

STEP = 1000


def masked_row(table: Table, into: Table, row: dict[str, Any], tmp_path: Any, step: int) -> dict[str, Any]:
    settings = Settings(key_file=tmp_path / "keys" / "lake.key")
    keys = NameKeyStore.open(f"file:{tmp_path / 'lake'}", settings).get(has_nights=False)
    schema = pa.schema([field for field in table.schema if field.name != "run_key"])
    masker = Masker(keys, keys.current, {}, {}, step)
    (found,) = masker.masked(table, pa.Table.from_pylist([row], schema=schema), into).to_pylist()
    return dict(found)


def of_table(name: str, row: dict[str, Any], tmp_path: Any, step: int = STEP) -> dict[str, Any]:
    return masked_row(TABLES[name], MASKED_TABLES[name], row, tmp_path, step)


_CENTS = st.integers(-(10**12) + 1, 10**12 - 1)


@given(st.lists(st.none() | _CENTS, max_size=20), st.integers(1, 5000))
@example([50_00, 150_00, -50_00, -150_00, None], 100)
def test_money_is_rounded_to_the_nearest_step_and_to_the_even_one_between_two(
    cents: list[int | None], step: int
) -> None:
    money = [None if each is None else Decimal(each).scaleb(-2) for each in cents]
    largest = Decimal(10**10 - 1) // step * step
    nearest = [None if each is None else round(each / step) * step for each in money]
    expected = [None if each is None else max(-largest, min(largest, each)) for each in nearest]
    assert rounded_money(pa.chunked_array([pa.array(money, MONEY)]), step).to_pylist() == expected
    whole = [None if each is None else round(Decimal(each) / step) * step for each in cents]
    assert rounded_cents(pa.chunked_array([pa.array(cents, pa.int64())]), step).to_pylist() == whole


def test_balances_are_rounded_so_that_their_difference_is_not_the_amount(tmp_path):
    row = {"amount": Decimal("777.70"), "balance": Decimal("12345.60")}
    found = of_table("fin_transaction", row, tmp_path)
    assert (found["amount"], found["balance"]) == (Decimal(1000), Decimal(12000))
    assert of_table("fin_transaction", row, tmp_path, 0)["balance"] == row["balance"]


def test_the_manifest_tells_no_exact_sum_of_a_night_with_one_posting(tmp_path):
    found = of_table("night_manifest", {"published_cents": 77_770, "published_rows": 1}, tmp_path)
    assert (found["published_cents"], found["published_rows"]) == (100_000, 1)


def test_a_correction_does_not_tell_the_right_amount(tmp_path):
    proposed = {"action": "set", "trans_id": 7, "field": "amount", "value": "777.70"}
    assert of_table("settlement_breaks", {"correction": proposed}, tmp_path)["correction"]["value"] is None
    assert of_table("settlement_breaks", {"correction": proposed}, tmp_path, 0)["correction"]["value"] == "777.70"


def test_ratios_of_exact_sums_are_left_out(tmp_path):
    name = "transaction_features"
    row = {"balance_share": 0.0629941, "day_count": 2.0}
    found = masked_row(MART_TABLES[name], MASKED_MARTS[name], row, tmp_path, STEP)
    assert (found["balance_share"], found["day_count"]) == (None, 2.0)
