"""The postings of a choice, each with what the scatter can show of it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plugins.settlement_console.explore.choice import AXES, Choice
from plugins.settlement_console.explore.findings import within
from plugins.settlement_console.explore.reading import Bounded, Reader

if TYPE_CHECKING:
    import pyarrow as pa

MOST_POSTINGS = 100_000
"""Largest number of postings that one page reads, the newest nights first: one night of a large bank, or months of a
small one."""
MOST_POINTS = 2_000
"""Largest number of points of the scatter, findings first: more cover each other."""
_SEED = 20
"""Seed of the sample, so that a page looks the same when it is opened again."""
_LEAST_OTHERS = 3
"""Least number of other postings of an account that say what is usual: of two, one may be odd."""
_KINDS = ("account_id", "trans_type", "operation")
_SCORES = ("trans_id", "score")


@dataclass(frozen=True)
class Postings:
    """The postings of the nights that were read.

    Attributes
    ----------
    read
        How much was read.
    chosen
        Postings that the choice is about: `trans_id`, `settlement_date`, `district` and the axes.
    """

    read: Bounded
    chosen: pa.Table

    def sample(self, axes: tuple[str, str], findings: Mapping[Any, str]) -> tuple[list[Mapping[str, Any]], int]:
        """The points of the scatter, those with a finding first, and the number of postings that have both values.

        Parameters
        ----------
        axes
            Columns that a point needs.
        findings
            Id of the finding on a posting, by posting.
        """
        import pyarrow.compute as pc

        there = self.chosen.filter(pc.is_valid(pc.field(axes[0])) & pc.is_valid(pc.field(axes[1])))
        rows = there.to_pylist()
        random.Random(_SEED).shuffle(rows)  # noqa: S311 - a sample to look at
        rows.sort(key=lambda row: row["trans_id"] not in findings)
        return rows[:MOST_POINTS], len(rows)


def postings_of(reader: Reader, choice: Choice) -> Postings:
    """The postings of the newest nights of a choice, within its district and ranges."""
    columns = ("trans_id", *_KINDS, "settlement_date", "amount", "trans_time")
    read = reader.bounded(reader.table("fin_transaction"), choice.first, choice.last, columns, MOST_POSTINGS)
    rows = _joined(reader, read)
    if choice.district:
        import pyarrow.compute as pc

        rows = rows.filter(pc.field("district") == choice.district)
    for name, (least, most) in choice.ranges.items():
        rows = within(rows, name, least, most)
    return Postings(read, rows)


def _joined(reader: Reader, read: Bounded) -> pa.Table:
    """The postings with score, share of the balance, distance and district."""
    features = ("trans_id", "balance_share", *_place_columns(reader))
    told = reader.of_nights(reader.mart("transaction_features"), read.nights, features, MOST_POSTINGS)
    scores = reader.of_nights(reader.table("anomaly_scores"), read.nights, _SCORES, MOST_POSTINGS)
    joined = _with_quantities(read.rows).join(scores, "trans_id").join(_placed(reader, told), "trans_id")
    axes = [name for name, axis in AXES.items() if axis.is_masked or reader.sees_accounts]
    return joined.select(["trans_id", "settlement_date", "district", *axes])


def _place_columns(reader: Reader) -> tuple[str, ...]:
    return ("client_district", "distance") if reader.sees_accounts else ("shown_district",)


def _placed(reader: Reader, features: pa.Table) -> pa.Table:
    """The features with the district's name; who sees whom also gets the distance in kilometres."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not reader.sees_accounts:
        return features.rename_columns(["trans_id", "balance_share", "district"])
    districts = reader.lake.read(reader.table("fin_district"), columns=("district_id", "district_name"))
    names = dict(zip(districts["district_id"].to_pylist(), districts["district_name"].to_pylist(), strict=True))
    district = pa.array([names.get(number) for number in features["client_district"].to_pylist()], pa.string())
    # The feature is ln(1 + kilometres / 10).
    kilometres = pc.multiply(pc.subtract(pc.exp(features["distance"]), 1.0), 10.0)
    plain = features.select(["trans_id", "balance_share"])
    return plain.append_column("district", district).append_column("distance", kilometres)


def _with_quantities(rows: pa.Table) -> pa.Table:
    """The postings with amount as a number, the hour, and what is usual of their account and kind."""
    import pyarrow as pa
    import pyarrow.compute as pc

    hour = pc.divide(rows["trans_time"].cast(pa.int64()).cast(pa.float64()), 3_600_000_000.0)
    plain = rows.set_column(rows.schema.get_field_index("amount"), "amount", rows["amount"].cast(pa.float64()))
    return _with_usual(plain.drop_columns(["trans_time"]).append_column("hour", hour))


def _with_usual(rows: pa.Table) -> pa.Table:
    """The postings with the median amount of their account's postings of the same type and operation."""
    import pandas as pd
    import pyarrow as pa

    frame = rows.select([*_KINDS, "amount"]).to_pandas()
    amounts = frame.groupby(list(_KINDS), dropna=False, observed=True)["amount"]
    usual = amounts.transform("median").where(amounts.transform("size") > _LEAST_OTHERS)
    return rows.append_column("usual_amount", pa.array(pd.Series(usual), pa.float64(), from_pandas=True))
