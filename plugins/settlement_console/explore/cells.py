"""The shapes of districts on the map: cells around their towns, or the bank's own shapes.

No map of the districts is published as a package. Every place belongs to the nearest town, so that a cell is what is
nearer to its town than to any other, cut at the outline of the country that most of the towns lie in.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from include.errors import SettlementError
from plugins.settlement_console.charts import INSTALLED

Point = tuple[float, float]
"""Longitude and latitude, in degrees."""
Ring = Sequence[Point]

ATLAS = INSTALLED / "world-atlas" / "countries-50m.json"
"""Outlines of countries (Natural Earth, public domain), as TopoJSON; absent where set-up could not reach a registry."""
MOST_BYTES = 8 << 20
"""Largest file of a bank's own shapes: one of ten thousand points for each of 77 districts has less."""
_MARGIN = 0.3
"""Room in degrees around the towns where no outline is known: about the way from a town to the edge of its district."""


class ShapesError(SettlementError):
    """Raised when the bank's own shapes cannot be read; the message says what is expected."""


def shapes_of(towns: Mapping[str, Point], own: Path | None = None) -> dict[str, Any]:
    """GeoJSON with one shape for each district.

    Parameters
    ----------
    towns
        Longitude and latitude of each district's town, by the district's name.
    own
        File of the bank's own shapes; cells around the towns when None.

    Raises
    ------
    ShapesError
        When the bank's own file cannot be read.
    """
    if own is not None:
        return _own_shapes(own, tuple(sorted(towns)))
    return _cells(tuple(sorted(towns.items())))


@lru_cache(maxsize=4)
def _cells(towns: tuple[tuple[str, Point], ...]) -> dict[str, Any]:
    outline = _outline([place for _, place in towns])
    features = [_feature(name, _cell(place, [other for _, other in towns], outline)) for name, place in towns]
    return {"type": "FeatureCollection", "features": [each for each in features if each]}


def _feature(name: str, ring: Ring) -> dict[str, Any] | None:
    if len(ring) < 3:
        return None
    closed = [[round(longitude, 4), round(latitude, 4)] for longitude, latitude in [*ring, ring[0]]]
    shape = {"type": "Polygon", "coordinates": [closed]}
    return {"type": "Feature", "properties": {"name": name}, "geometry": shape}


def _cell(place: Point, others: Sequence[Point], outline: Ring) -> Ring:
    """What of the outline is nearer to a place than to any other."""
    ring = outline
    for other in others:
        if other != place:
            ring = _nearer(ring, place, other)
    return ring


def _nearer(ring: Ring, place: Point, other: Point) -> Ring:
    """The part of a ring that is nearer to one place than to another, cut where both are as near.

    >>> _nearer([(0, 0), (2, 0), (2, 1), (0, 1)], (0, 0), (2, 0))
    [(0, 0), (1.0, 0.0), (1.0, 1.0), (0, 1)]
    """
    found: list[Point] = []
    for here, there in zip(ring, [*ring[1:], *ring[:1]], strict=True):
        ahead, further = _lead(here, place, other), _lead(there, place, other)
        if ahead >= 0:
            found.append(here)
        if (ahead >= 0) != (further >= 0):
            share = ahead / (ahead - further)
            found.append((here[0] + share * (there[0] - here[0]), here[1] + share * (there[1] - here[1])))
    return found


def _lead(point: Point, place: Point, other: Point) -> float:
    """By how much a point is nearer to one place than to another, in squared degrees of latitude."""
    return _squared(point, other, place[1]) - _squared(point, place, place[1])


def _squared(a: Point, b: Point, latitude: float) -> float:
    """Squared distance in degrees of latitude, near a latitude."""
    # One scale for the whole country, so that the cut between two places is the same line from both sides.
    return ((a[0] - b[0]) * _SCALE) ** 2 + (a[1] - b[1]) ** 2


_SCALE = math.cos(math.radians(50))


def _outline(towns: Sequence[Point]) -> Ring:
    """The outline of the country that most of the towns lie in; a frame around them where none is known."""
    rings = _outlines(ATLAS) if ATLAS.exists() else ()
    counted = [(sum(_is_inside(town, ring) for town in towns), ring) for ring in rings if _may_hold(ring, towns)]
    most, ring = max(counted, key=lambda each: each[0], default=(0, ()))
    return ring if most else _frame(towns)


def _may_hold(ring: Ring, towns: Sequence[Point]) -> bool:
    west, east = min(point[0] for point in ring), max(point[0] for point in ring)
    south, north = min(point[1] for point in ring), max(point[1] for point in ring)
    return any(west <= longitude <= east and south <= latitude <= north for longitude, latitude in towns)


def _is_inside(point: Point, ring: Ring) -> bool:
    """Whether a ray from the point to the east crosses the ring an odd number of times."""
    x, y = point
    crossings = 0
    for (x1, y1), (x2, y2) in zip(ring, [*ring[1:], *ring[:1]], strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
            crossings += 1
    return crossings % 2 == 1


def _frame(towns: Sequence[Point]) -> Ring:
    longitudes, latitudes = [town[0] for town in towns] or [0.0], [town[1] for town in towns] or [0.0]
    west, east = min(longitudes) - _MARGIN, max(longitudes) + _MARGIN
    south, north = min(latitudes) - _MARGIN, max(latitudes) + _MARGIN
    return ((west, south), (east, south), (east, north), (west, north))


@lru_cache(maxsize=1)
def _outlines(atlas: Path) -> tuple[Ring, ...]:
    """The outer rings of all countries in a TopoJSON file."""
    topology = json.loads(atlas.read_text(encoding="utf-8"))
    arcs = [_arc(arc, topology["transform"]) for arc in topology["arcs"]]
    polygons = (each for shape in topology["objects"]["countries"]["geometries"] for each in _polygons(shape))
    return tuple(_joined(polygon[0], arcs) for polygon in polygons)


def _polygons(shape: Mapping[str, Any]) -> Iterator[Any]:
    if shape["type"] == "Polygon":
        yield shape["arcs"]
    elif shape["type"] == "MultiPolygon":
        yield from shape["arcs"]


def _arc(arc: Sequence[Sequence[int]], transform: Mapping[str, Any]) -> list[Point]:
    """The points of an arc, which are kept as whole numbers, each as the step from the one before."""
    (scale_x, scale_y), (left, low) = transform["scale"], transform["translate"]
    x = y = 0
    points = []
    for step in arc:
        x, y = x + step[0], y + step[1]
        points.append((x * scale_x + left, y * scale_y + low))
    return points


def _joined(numbers: Sequence[int], arcs: Sequence[list[Point]]) -> Ring:
    """One ring of several arcs; a negative number is an arc that is walked backwards."""
    ring: list[Point] = []
    for number in numbers:
        ring += (arcs[number] if number >= 0 else arcs[~number][::-1])[:-1]
    return tuple(ring)


@lru_cache(maxsize=2)
def _own_shapes(file: Path, districts: tuple[str, ...]) -> dict[str, Any]:
    """The bank's own shapes, under the names by which the bank calls its districts."""
    from include.features.towns import town_key

    names = {town_key(name): name for name in districts}
    features = []
    for feature in _read(file):
        given = str((feature.get("properties") or {}).get("name") or "")
        shape = {"name": names.get(town_key(given), given)}
        features.append({"type": "Feature", "properties": shape, "geometry": feature.get("geometry")})
    return {"type": "FeatureCollection", "features": features}


def _read(file: Path) -> list[dict[str, Any]]:
    expected = "a GeoJSON FeatureCollection whose features have the property `name`, in degrees (WGS 84)"
    try:
        if file.stat().st_size > MOST_BYTES:
            raise ShapesError(
                f"ADS_DISTRICT_SHAPES names a file of more than {MOST_BYTES >> 20} MiB: simplify its shapes"
            )
        found = json.loads(file.read_text(encoding="utf-8"))
        features = [feature for feature in found["features"] if feature["geometry"]["type"].endswith("Polygon")]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ShapesError(f"the shapes of ADS_DISTRICT_SHAPES cannot be read: they must be {expected}") from None
    return features
