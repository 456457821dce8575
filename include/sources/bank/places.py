"""The invented country: districts with made-up names and plausible figures; nothing is copied from a real one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pyarrow as pa

from include.relations import FIN_DISTRICT
from include.sources.bank.dice import Dice, Floats, Ints, lognormal

# PKDD'99: 4,500 accounts in 77 districts; a smaller bank has fewer, by the square root, so that cells stay filled.
_FULL_ACCOUNTS, _FULL_DISTRICTS = 4500, 77
# PKDD'99: 554 of 4,500 accounts are kept in district 1, the capital.
_CAPITAL_SHARE = 0.123
_CAPITAL_REGION = "Capital"
_REGIONS = ("North Uplands", "East Vale", "South Lakes", "West Forests", "Inner Plains", "River March", "Salt Hills")
_STEMS = ("Velm", "Sarn", "Drusk", "Olbr", "Tarkh", "Jesk", "Morv", "Lidr", "Kasn", "Prelt", "Hurb", "Zelt", "Vorn")
_ENDINGS = ("ava", "ice", "ov", "in", "any", "ec")


@dataclass(frozen=True)
class Districts:
    """Districts by position; the first is the capital.

    Attributes
    ----------
    district_id
        Identifiers.
    weight
        Share of the bank's accounts; sums to one.
    """

    district_id: Ints
    weight: Floats


def draw_districts(accounts: int, dice: Dice) -> Districts:
    """As many districts as a bank of this size has."""
    share = min(1.0, accounts / _FULL_ACCOUNTS)
    count = max(1, round(_FULL_DISTRICTS * share**0.5))
    rest = lognormal(dice.of("district weights"), 1.0, 0.5, count - 1)
    weight = np.concatenate([[_CAPITAL_SHARE], rest * (1 - _CAPITAL_SHARE) / max(rest.sum(), 1e-9)])
    return Districts(np.arange(1, count + 1), weight / weight.sum())


def district_table(districts: Districts, dice: Dice) -> pa.Table:
    """The relation `fin_district`, with figures that hang together: more people, more crimes."""
    rng = dice.of("district figures")
    size = len(districts.district_id)
    inhabitants = np.round(districts.weight * 10_300_000 * rng.uniform(0.8, 1.2, size))
    jobless = rng.uniform(0.3, 7.5, size).round(1)
    crimes = np.round(inhabitants * rng.uniform(0.015, 0.06, size))
    columns = {
        "district_id": districts.district_id,
        "district_name": _names(size, rng),
        "region": [_CAPITAL_REGION, *[_REGIONS[i % len(_REGIONS)] for i in range(size - 1)]],
        "num_inhabitants": inhabitants,
        **_municipalities(size, rng),
        "ratio_urban": np.where(np.arange(size) == 0, 100.0, rng.uniform(34, 95, size).round(1)),
        "average_salary": np.round(rng.normal(9_000, 700, size)) + np.where(np.arange(size) == 0, 3_000, 0),
        "unemployment_rate95": jobless,
        "unemployment_rate96": (jobless * rng.uniform(1.0, 1.4, size)).round(1),
        "num_entrep_per1000": rng.integers(80, 170, size).astype(float),
        "num_crimes95": crimes,
        "num_crimes96": np.round(crimes * rng.uniform(0.9, 1.2, size)),
    }
    return pa.table(columns, schema=FIN_DISTRICT.schema)


def _names(size: int, rng: np.random.Generator) -> list[str]:
    invented = [stem + ending for stem, ending in product(_STEMS, _ENDINGS)]
    return [invented[i] for i in rng.permutation(len(invented))[:size]]


def _municipalities(size: int, rng: np.random.Generator) -> dict[str, Floats]:
    most = {
        "num_municipalities_gt499": 150,
        "num_municipalities_500to1999": 60,
        "num_municipalities_2000to9999": 20,
        "num_municipalities_gt10000": 5,
        "num_cities": 11,
    }
    return {name: rng.integers(1, high + 1, size).astype(float) for name, high in most.items()}
