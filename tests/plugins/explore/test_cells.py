"""The shapes of districts: cells around towns, and a bank's own."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from plugins.settlement_console.explore import cells
from plugins.settlement_console.explore.cells import ShapesError, shapes_of
from tests.conftest import require

TOWNS = {"Benesov": (14.69, 49.78), "Beroun": (14.07, 49.96), "Tabor": (14.66, 49.41)}


@pytest.fixture
def no_atlas(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(cells, "ATLAS", tmp_path / "none.json")
    cells._cells.cache_clear()
    yield
    cells._cells.cache_clear()


def _rings(shapes) -> dict[str, list[tuple[float, float]]]:
    return {each["properties"]["name"]: each["geometry"]["coordinates"][0] for each in shapes["features"]}


def _area(ring) -> float:
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring))) / 2


def test_each_town_lies_in_its_own_cell_and_in_no_other() -> None:
    rings = _rings(shapes_of(TOWNS))
    inside = {
        name: [town for town, place in TOWNS.items() if cells._is_inside(place, ring)] for name, ring in rings.items()
    }
    assert inside == {name: [name] for name in TOWNS}


def test_the_cells_fill_the_frame_where_no_country_is_known(no_atlas) -> None:
    rings = _rings(shapes_of(TOWNS))
    longitudes, latitudes = zip(*TOWNS.values(), strict=True)
    width, height = max(longitudes) - min(longitudes) + 0.6, max(latitudes) - min(latitudes) + 0.6
    assert sum(map(_area, rings.values())) == pytest.approx(width * height, rel=1e-3)


def test_a_single_town_has_the_whole_frame_and_two_in_one_place_the_same_cell(no_atlas) -> None:
    assert list(_rings(shapes_of({"Benesov": (14.69, 49.78)}))) == ["Benesov"]
    twins = _rings(shapes_of({"a": (14.0, 49.0), "b": (14.0, 49.0)}))
    assert twins["a"] == twins["b"]
    assert shapes_of({})["features"] == []


def test_cells_end_at_the_border_of_the_country_that_most_towns_lie_in() -> None:
    if not cells.ATLAS.exists():
        require("chromium", "the outlines of countries are not installed: make setup")
    rings = _rings(shapes_of({**TOWNS, "Cheb": (12.37, 50.08)}))
    west = min(longitude for ring in rings.values() for longitude, _ in ring)
    assert west == pytest.approx(12.09, abs=0.03)
    # The whole country, in squared degrees.
    assert sum(map(_area, rings.values())) == pytest.approx(9.78, rel=0.02)


def _shape(name: str, kind: str = "Polygon") -> dict:
    geometry = {"type": kind, "coordinates": [[[14, 49], [15, 49], [15, 50], [14, 49]]]}
    return {"type": "Feature", "properties": {"name": name}, "geometry": geometry}


def test_the_banks_own_shapes_bear_the_banks_names(tmp_path: Path) -> None:
    file = tmp_path / "shapes.json"
    file.write_text(json.dumps({"features": [_shape("okres Benešov"), _shape("Nowhere"), _shape("x", "Point")]}))
    assert list(_rings(shapes_of(TOWNS, file))) == ["Benesov", "Nowhere"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"features": [1]}', '{"features": [{"geometry": null}]}', None])
def test_a_file_that_holds_no_shapes_is_told(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "shapes.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(
        ShapesError, match="ADS_DISTRICT_SHAPES cannot be read: they must be a GeoJSON FeatureCollection"
    ):
        shapes_of(TOWNS, file)


def test_a_file_that_is_too_large_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "MOST_BYTES", 1 << 20)
    file = tmp_path / "shapes.json"
    file.write_bytes(b" " * ((1 << 20) + 1))
    with pytest.raises(ShapesError, match="more than 1 MiB"):
        shapes_of(TOWNS, file)
