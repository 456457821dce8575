"""The invented country: districts with made-up names and plausible figures; nothing is copied from a real one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pyarrow as pa

from demo.random_streams import Floats, Ints, RandomStreams, lognormal
from include.relations import FIN_DISTRICT

# PKDD'99: 4,500 accounts in 77 districts; a smaller bank has fewer, by the square root, so that cells stay filled.
_FULL_ACCOUNTS, _FULL_DISTRICTS = 4500, 77
# PKDD'99: 554 of 4,500 accounts are kept in district 1, the capital.
_CAPITAL_SHARE = 0.123
_CAPITAL_REGION = "Capital"
_REGIONS = ("North Uplands", "East Vale", "South Lakes", "West Forests", "Inner Plains", "River March", "Salt Hills")
# Centre of each region, in km east and north of the country's centre; the capital lies beside the centre.
_REGION_MIDDLES = {
    "Capital": (-20, 10),
    "North Uplands": (10, 85),
    "East Vale": (180, 20),
    "South Lakes": (-40, -85),
    "West Forests": (-175, -10),
    "Inner Plains": (75, 25),
    "River March": (95, -75),
    "Salt Hills": (-105, 70),
}
# Spread of districts' towns around their region's centre, in km: towns of a region then lie some 45 km apart.
_TOWN_SPREAD_KM = 25
# The country: 450 km from west to east, 250 km from south to north, in the middle of an ocean.
_COUNTRY_KM = (450, 250)
_COUNTRY_MIDDLE = (46.0, -30.0)
_DEGREE_KM = 111.2
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


def draw_districts(accounts: int, streams: RandomStreams) -> Districts:
    """The districts of a bank of this size."""
    share = min(1.0, accounts / _FULL_ACCOUNTS)
    count = max(1, round(_FULL_DISTRICTS * share**0.5))
    rest = lognormal(streams.of("district weights"), 1.0, 0.5, count - 1)
    weight = np.concatenate([[_CAPITAL_SHARE], rest * (1 - _CAPITAL_SHARE) / max(rest.sum(), 1e-9)])
    return Districts(np.arange(1, count + 1), weight / weight.sum())


def district_table(districts: Districts, streams: RandomStreams) -> pa.Table:
    """The relation `fin_district`, with figures that hang together: more people, more crimes."""
    rng = streams.of("district figures")
    size = len(districts.district_id)
    inhabitants = np.round(districts.weight * 10_300_000 * rng.uniform(0.8, 1.2, size))
    jobless = rng.uniform(0.3, 7.5, size).round(1)
    crimes = np.round(inhabitants * rng.uniform(0.015, 0.06, size))
    region = [_CAPITAL_REGION, *[_REGIONS[i % len(_REGIONS)] for i in range(size - 1)]]
    latitude, longitude = _coordinates(region, streams)
    columns = {
        "district_id": districts.district_id,
        "district_name": _names(size, rng),
        "region": region,
        "num_inhabitants": inhabitants,
        **_municipalities(size, rng),
        "ratio_urban": np.where(np.arange(size) == 0, 100.0, rng.uniform(34, 95, size).round(1)),
        "average_salary": np.round(rng.normal(9_000, 700, size)) + np.where(np.arange(size) == 0, 3_000, 0),
        "unemployment_rate95": jobless,
        "unemployment_rate96": (jobless * rng.uniform(1.0, 1.4, size)).round(1),
        "num_entrep_per1000": rng.integers(80, 170, size).astype(float),
        "num_crimes95": crimes,
        "num_crimes96": np.round(crimes * rng.uniform(0.9, 1.2, size)),
        "latitude": latitude,
        "longitude": longitude,
    }
    return pa.table(columns, schema=FIN_DISTRICT.schema)


def _coordinates(region: list[str], streams: RandomStreams) -> tuple[Floats, Floats]:
    """Latitude and longitude of every district's town; towns of one region lie close together."""
    reach = np.array(_COUNTRY_KM) / 2
    strayed = _TOWN_SPREAD_KM * streams.of("district coordinates").standard_normal((len(region), 2))
    east, north = np.clip(np.array([_REGION_MIDDLES[name] for name in region]) + strayed, -reach, reach).T
    middle_latitude, middle_longitude = _COUNTRY_MIDDLE
    latitude = middle_latitude + north / _DEGREE_KM
    longitude = middle_longitude + east / (_DEGREE_KM * np.cos(np.radians(middle_latitude)))
    return latitude.round(4), longitude.round(4)


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
