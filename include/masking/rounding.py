"""Money rounded to a step, so that an exact amount finds nobody."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_SCALED = pa.decimal128(21, 2)
"""Type in which a whole number of money becomes a decimal; it holds any 64-bit number."""


def rounded_money(money: pa.ChunkedArray, step: int) -> pa.ChunkedArray:
    """Money rounded to the nearest multiple of a step, the even one where two are as near.

    Parameters
    ----------
    money
        Amounts, as decimals with two digits after the point.
    step
        Step in the source's money, at least 1.

    Returns
    -------
    pyarrow.ChunkedArray
        Amounts in the type of `money`. The largest multiple that fits stands for what would not fit.
    """
    cents = pc.multiply(money, pa.scalar(Decimal(100))).cast(pa.int64())
    largest = (10**money.type.precision - 1) // 100
    units = pc.divide(rounded_cents(cents, step * 100, largest * 100), 100)
    return units.cast(_SCALED).cast(money.type)


def rounded_cents(cents: pa.ChunkedArray, step: int, largest: int = 2**63 - 1) -> pa.ChunkedArray:
    """Whole cents rounded to the nearest multiple of a step, the even one where two are as near.

    Parameters
    ----------
    cents
        Amounts in cents (64-bit numbers).
    step
        Step in cents, at least 1.
    largest
        Largest amount in cents, in either direction.
    """
    steps, rest = np.divmod(cents.fill_null(0).to_numpy(), step)
    is_up = (2 * rest > step) | ((2 * rest == step) & (steps % 2 == 1))
    most = largest // step
    whole = np.clip(steps + is_up, -most, most) * step
    return pa.chunked_array([pa.array(whole, pa.int64(), mask=cents.is_null().to_numpy())])
