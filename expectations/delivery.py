"""Expectations of what a night was delivered: one row per relation, after its rows were judged."""

from __future__ import annotations

import great_expectations.expectations as gxe
import pyarrow as pa

from expectations.declare import stop_night, suite

# A delivery is broken when most of it is: real files have single torn or mistyped records (1 of 37,344 in the copy
# of trans.asc that was cut off), a wrong delimiter, encoding or column order spoils nearly all of them.
LARGEST_REFUSED_SHARE = 0.5
# Below a score of records a share says little: the first real nights have five postings, and one bad record among
# them must not stop a bank.
ALWAYS_TOLERATED = 20

DELIVERY = pa.schema(
    [
        pa.field("relation", pa.string()),
        pa.field("offered", pa.int64()),  # records, readable or not
        pa.field("refused", pa.int64()),  # quarantined or unreadable
        pa.field("tolerated", pa.int64()),  # refused records a delivery may have
    ]
)
"""Grain: one relation of the night."""

FIX = "Correct the delivery and rerun the night."

SUITE = suite(
    "delivery",
    [
        stop_night(
            FIX,
            gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="tolerated", column_B="refused", or_equal=True),
        ),
    ],
)


def tolerated(offered: int) -> int:
    """How many of `offered` records may be refused without stopping the night.

    Examples
    --------
    >>> tolerated(10), tolerated(100)
    (20, 50)
    """
    return max(ALWAYS_TOLERATED, int(offered * LARGEST_REFUSED_SHARE))
