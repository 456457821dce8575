"""A representative set of the features as they are usually written: pandas' groupby and rolling windows by account."""

from __future__ import annotations

import time
from collections.abc import Callable

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

SAMPLE = 20
"""One account in so many; what it takes is scaled up linearly, as the work is by account."""
DAYS = (1, 7, 30, 90)
GROUPS: tuple[list[str], ...] = (["account_id"], ["account_id", "kind"])


def sampled_seconds(history: pa.Table) -> dict[str, float]:
    """Seconds for the whole history: `rolling_s` over all groups in one call, `apply_s` account by account."""
    mine = pc.equal(
        pc.subtract(history["account_id"], pc.multiply(pc.divide(history["account_id"], SAMPLE), SAMPLE)), 0
    )
    sample = history.filter(mine)
    frame = _frame(sample)
    scale = history.num_rows / sample.num_rows
    return {
        "rolling_s": scale * _seconds(lambda: rolling_features(frame)),
        "apply_s": scale * _seconds(lambda: applied_features(frame)),
        "sampled_rows": sample.num_rows,
    }


def _frame(history: pa.Table) -> pd.DataFrame:
    columns = ["account_id", "trans_date", "trans_type", "operation", "category", "amount"]
    frame = history.select(columns).to_pandas()
    frame["kind"] = frame["trans_type"] + ":" + frame["operation"].fillna("-") + ":" + frame["category"].fillna("-")
    frame["amount"] = frame["amount"].astype(float)
    frame["trans_date"] = pd.to_datetime(frame["trans_date"])
    return frame.sort_values("trans_date", kind="stable").set_index("trans_date")[["account_id", "kind", "amount"]]


def rolling_features(frame: pd.DataFrame) -> list[pd.Series]:
    """Counts and sums over days past, mean, deviation and maximum of a habit, by account and by its kinds.

    The posting's own day is left out of every window.
    """
    made = []
    for keys in GROUPS:
        grouped = frame.groupby(keys, observed=True)["amount"]
        made += [_column(grouped, days, how) for days in DAYS for how in ("count", "sum")]
        made += [_column(grouped, 90, how) for how in ("mean", "std", "max")]
    return made


def _column(grouped: pd.core.groupby.SeriesGroupBy, days: int, how: str) -> pd.Series:
    return getattr(grouped.rolling(f"{days}D", closed="left"), how)()


def applied_features(frame: pd.DataFrame) -> list[pd.DataFrame]:
    """The same, each group on its own."""
    return [part for keys in GROUPS for _, group in frame.groupby(keys) for part in [_group_features(group["amount"])]]


def _group_features(amounts: pd.Series) -> pd.DataFrame:
    made = {}
    for days in DAYS:
        window = amounts.rolling(f"{days}D", closed="left")
        made |= {f"count_{days}": window.count(), f"sum_{days}": window.sum()}
    window = amounts.rolling("90D", closed="left")
    return pd.DataFrame({**made, "mean": window.mean(), "std": window.std(), "max": window.max()})


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
