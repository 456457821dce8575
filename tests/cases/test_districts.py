"""Districts are known by name however they are spelled, and the night says which ones it does not know."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.features import place_warnings
from include.features.towns import _TOWNS, known_towns
from include.sql_engine import SqlEngine

SPELLINGS = {
    "Hl.m. Praha": [
        "Hlavní město Praha", "hl. m. Praha", "PRAHA", "Praha-město", "Praha 4", "Prague", "Prag", "Praha, hl. město",
    ],
    "Praha - vychod": ["Praha-východ", "okres Praha-Východ", "PRAHA VÝCHOD", "Prague-East"],
    "Brno - mesto": ["Brno-město", "Brno", "okres Brno - město", "Brünn", "brno mesto"],
    "Brno - venkov": ["Brno-venkov", "Okr. Brno venkov", "Brno-Country"],
    "Plzen - mesto": ["Plzeň-město", "Plzeň", "Pilsen"],
    "Frydek - Mistek": ["Frýdek-Místek", "FRÝDEK–MÍSTEK", "okres Frýdek Místek"],
    "Jablonec n. Nisou": ["Jablonec nad Nisou", "Jablonec n/N", "jablonec n.nisou"],
    "Usti nad Labem": ["Ústí nad Labem", "Ústí n. L.", "Aussig"],
    "Usti nad Orlici": ["Ústí nad Orlicí", "Ústí n/O"],
    "Ceske Budejovice": ["České Budějovice", "Budweis", "Č. Budějovice"],
    "Karlovy Vary": ["Karlovy Vary", "Karlsbad", "Carlsbad"],
    "Most": ["Most", "okres Most", "MOST "],
}  # fmt: skip


@pytest.mark.parametrize(("name", "spelling"), [(name, s) for name, all_ in SPELLINGS.items() for s in all_])
def test_a_district_is_known_in_any_spelling(name, spelling):
    found = known_towns([spelling]).to_pylist()
    latitude, longitude = _TOWNS[name]
    assert found == [{"district_name": spelling, "latitude": latitude, "longitude": longitude}]


@given(
    st.sampled_from(sorted(_TOWNS)),
    st.booleans(),
    st.sampled_from(["{}", "okres {}", " {} ", "Okr. {}"]),
    st.booleans(),
)
def test_case_hyphens_and_the_word_for_district_do_not_matter(name, is_upper, form, is_tight):
    spelling = form.format(name.replace(" - ", "-") if is_tight else name)
    spelling = spelling.upper() if is_upper else spelling
    assert known_towns([spelling])["latitude"].to_pylist() == [_TOWNS[name][0]]


@pytest.mark.parametrize("name", ["", "Wien", "Praha - jih", "Usti", "Nove Mesto", "M", "U n", "Bratislava I", "?"])
def test_another_place_is_not_taken_for_one_of_them(name):
    assert known_towns([name]).num_rows == 0


def districts(*names: str | None, **columns: pa.Array | list[float | None]) -> pa.Table:
    return pa.table({"district_id": list(range(1, len(names) + 1)), "district_name": list(names), **columns})


def postings(*places: int | None) -> pa.Table:
    return pa.table({"trans_id": list(range(len(places))), "district_id": pa.array(places, pa.int64())})


def test_the_night_names_the_districts_of_its_postings_that_it_does_not_know():
    named = districts("Hlavní město Praha", "Wien", "Graz", None, "Linz")
    (sentence,) = place_warnings({"fin_district": named}, postings(1, 2, 2, 4, 5, None))
    assert "where 3 of the 4 districts with postings lie is not known ('Linz', 'Wien', 'number 4')" in sentence
    assert "Graz" not in sentence
    many = districts(*(f"Gau {n:02d}" for n in range(30)))
    (sentence,) = place_warnings({"fin_district": many}, postings(*range(1, 31)))
    assert sentence.count("Gau") == 10
    assert "and 20 more" in sentence


def test_nothing_is_said_where_all_are_known_or_none_is_asked():
    assert place_warnings({"fin_district": districts("Brno-město", "Wien")}, postings(1)) == []
    assert place_warnings({"fin_district": districts("Wien")}, postings(None, None)) == []
    assert place_warnings({}, postings(1)) == []
    placed = districts("Wien", "Graz", latitude=[48.2, None], longitude=[16.4, None])
    assert place_warnings({"fin_district": placed}, postings(1)) == []
    assert "('Graz')" in place_warnings({"fin_district": placed}, postings(1, 2))[0]


def test_distances_are_the_same_however_the_districts_are_spelled():
    written = ["Hl.m. Praha", "Brno - mesto", "Usti nad Labem"]
    spelled = ["Hlavní město Praha", "BRNO-MĚSTO", "Ústí n. L."]
    nowhere, places = pa.nulls(3, pa.float64()), []
    for names in (written, spelled):
        unplaced = districts(*names, latitude=nowhere, longitude=nowhere)
        with SqlEngine.open("features", {"fin_district": unplaced, "known_towns": known_towns(names)}) as engine:
            found = engine.table("district_points")
            places.append(sorted(found.drop_columns("place_name").to_pylist(), key=lambda row: row["place_id"]))
    assert places[0] == places[1]
    assert [row["x"] is None for row in places[0]] == [False] * 3
