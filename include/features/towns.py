"""Coordinates of the towns of the 77 Czech districts, for a bank that names its districts without coordinates.

They belong to the features, not to the sources: a source delivers what the bank recorded, and only the features of
travel fill the gap. The coordinates are from general knowledge and accurate to some ten kilometres, which is enough, as
a district is 36 km across.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pyarrow as pa

from include.relations import NUMBER, TEXT

_TOWNS: dict[str, tuple[float, float]] = {
    "Hl.m. Praha": (50.08, 14.43),
    "Benesov": (49.78, 14.69),
    "Beroun": (49.96, 14.07),
    "Kladno": (50.14, 14.1),
    "Kolin": (50.03, 15.2),
    "Kutna Hora": (49.95, 15.27),
    "Melnik": (50.35, 14.47),
    "Mlada Boleslav": (50.41, 14.91),
    "Nymburk": (50.19, 15.04),
    "Praha - vychod": (50.1, 14.65),
    "Praha - zapad": (50.0, 14.3),
    "Pribram": (49.69, 14.01),
    "Rakovnik": (50.1, 13.73),
    "Ceske Budejovice": (48.97, 14.47),
    "Cesky Krumlov": (48.81, 14.32),
    "Jindrichuv Hradec": (49.14, 15.0),
    "Pelhrimov": (49.43, 15.22),
    "Pisek": (49.31, 14.15),
    "Prachatice": (49.01, 14.0),
    "Strakonice": (49.26, 13.9),
    "Tabor": (49.41, 14.66),
    "Domazlice": (49.44, 12.93),
    "Cheb": (50.08, 12.37),
    "Karlovy Vary": (50.23, 12.87),
    "Klatovy": (49.4, 13.29),
    "Plzen - mesto": (49.75, 13.38),
    "Plzen - jih": (49.6, 13.4),
    "Plzen - sever": (49.9, 13.3),
    "Rokycany": (49.74, 13.59),
    "Sokolov": (50.18, 12.64),
    "Tachov": (49.8, 12.63),
    "Ceska Lipa": (50.69, 14.54),
    "Decin": (50.78, 14.21),
    "Chomutov": (50.46, 13.42),
    "Jablonec n. Nisou": (50.72, 15.17),
    "Liberec": (50.77, 15.06),
    "Litomerice": (50.53, 14.13),
    "Louny": (50.36, 13.8),
    "Most": (50.5, 13.64),
    "Teplice": (50.64, 13.82),
    "Usti nad Labem": (50.66, 14.04),
    "Havlickuv Brod": (49.61, 15.58),
    "Hradec Kralove": (50.21, 15.83),
    "Chrudim": (49.95, 15.8),
    "Jicin": (50.44, 15.35),
    "Nachod": (50.42, 16.16),
    "Pardubice": (50.04, 15.78),
    "Rychnov nad Kneznou": (50.16, 16.27),
    "Semily": (50.6, 15.34),
    "Svitavy": (49.76, 16.47),
    "Trutnov": (50.56, 15.91),
    "Usti nad Orlici": (49.97, 16.39),
    "Blansko": (49.36, 16.64),
    "Brno - mesto": (49.2, 16.61),
    "Brno - venkov": (49.2, 16.5),
    "Breclav": (48.76, 16.88),
    "Hodonin": (48.85, 17.13),
    "Jihlava": (49.4, 15.59),
    "Kromeriz": (49.3, 17.39),
    "Prostejov": (49.47, 17.11),
    "Trebic": (49.21, 15.88),
    "Uherske Hradiste": (49.07, 17.46),
    "Vyskov": (49.28, 17.0),
    "Zlin": (49.22, 17.67),
    "Znojmo": (48.86, 16.05),
    "Zdar nad Sazavou": (49.56, 15.94),
    "Bruntal": (49.99, 17.46),
    "Frydek - Mistek": (49.68, 18.35),
    "Jesenik": (50.23, 17.2),
    "Karvina": (49.85, 18.54),
    "Novy Jicin": (49.59, 18.01),
    "Olomouc": (49.59, 17.25),
    "Opava": (49.94, 17.9),
    "Ostrava - mesto": (49.83, 18.28),
    "Prerov": (49.46, 17.45),
    "Sumperk": (49.96, 16.97),
    "Vsetin": (49.34, 18.0),
}
"""Latitude and longitude of each district's town in degrees, by the bank's name of the district."""

# Other names of districts: the town alone, German or English names, and older names of the capital.
_OTHER_NAMES = {
    "praha": "hl m praha",
    "praha mesto": "hl m praha",
    "prague": "hl m praha",
    "prag": "hl m praha",
    "prague city": "hl m praha",
    "prague capital city": "hl m praha",
    "capital city prague": "hl m praha",
    "praha hl m": "hl m praha",
    "praha hl mesto": "hl m praha",
    "prague east": "praha vychod",
    "prague west": "praha zapad",
    "brno": "brno mesto",
    "brno city": "brno mesto",
    "brunn": "brno mesto",
    "bruenn": "brno mesto",
    "brno country": "brno venkov",
    "brno rural": "brno venkov",
    "plzen": "plzen mesto",
    "plzen city": "plzen mesto",
    "pilsen": "plzen mesto",
    "pilsen city": "plzen mesto",
    "plzen south": "plzen jih",
    "pilsen south": "plzen jih",
    "plzen north": "plzen sever",
    "pilsen north": "plzen sever",
    "ostrava": "ostrava mesto",
    "ostrava city": "ostrava mesto",
    "ostrau": "ostrava mesto",
    "karlsbad": "karlovy vary",
    "carlsbad": "karlovy vary",
    "budweis": "ceske budejovice",
    "eger": "cheb",
    "koniggratz": "hradec kralove",
    "koeniggraetz": "hradec kralove",
    "reichenberg": "liberec",
    "aussig": "usti nad labem",
    "teplitz": "teplice",
    "iglau": "jihlava",
    "olmutz": "olomouc",
    "olmuetz": "olomouc",
    "troppau": "opava",
    "kuttenberg": "kutna hora",
    "gottwaldov": "zlin",
}
_SHORT_WORDS = {"n": "nad", "p": "pod", "hlavni": "hl", "mesta": "m"}
_MOST_NAMED = 10
_LONGEST_NAME = 40


def town_key(name: str) -> str:
    """A district's name in the form to compare: without accents, case, hyphens, abbreviations and "district".

    >>> town_key("okres Frýdek-Místek"), town_key("JABLONEC N/NISOU"), town_key("Hlavní město Praha")
    ('frydek mistek', 'jablonec nad nisou', 'hl m praha')
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    found = re.findall(r"[^\W_]+", plain)
    # The last word is a name, however short: `Jablonec n. N.`
    words = [*(_SHORT_WORDS.get(word, word) for word in found[:-1]), *found[-1:]]
    if words[:1] == ["hl"]:
        words[1:2] = ["m"]
    key = " ".join(word for word in words if word not in ("okres", "okr", "district", "bezirk"))
    key = re.sub(r"^praha \d+$", "praha", key)
    return _OTHER_NAMES.get(key, key)


_BY_KEY = {town_key(name): place for name, place in _TOWNS.items()}


def _place(name: str) -> tuple[float, float] | None:
    """The coordinates of a district; its words may be shortened where only one district fits (`Usti n. L.`)."""
    key = town_key(name)
    if key in _BY_KEY:
        return _BY_KEY[key]
    words = key.split()
    meant = [known for known in _BY_KEY if _is_short_for(words, known.split())] if len(words) > 1 else []
    return _BY_KEY[meant[0]] if len(meant) == 1 else None


def _is_short_for(words: list[str], known: list[str]) -> bool:
    return len(words) == len(known) and all(whole.startswith(word) for word, whole in zip(words, known, strict=True))


def known_towns(names: Iterable[str]) -> pa.Table:
    """Coordinates of the districts known by name, in any spelling: one row per name, as the bank spells it."""
    found = {name: place for name in names if (place := _place(name))}
    return pa.table(
        {
            "district_name": pa.array(found, TEXT),
            "latitude": pa.array((latitude for latitude, _ in found.values()), NUMBER),
            "longitude": pa.array((longitude for _, longitude in found.values()), NUMBER),
        }
    )


def unknown_places(districts: pa.Table, places: Collection[int]) -> str:
    """A sentence on the districts with postings whose place is not known; empty where there are none.

    Parameters
    ----------
    districts
        Rows of `fin_district`.
    places
        Numbers of the districts with postings.
    """
    rows = districts.to_pylist()
    # A source's own coordinates take precedence; towns known by name are used only where it has none at all.
    places_itself = any(row.get("latitude") is not None for row in rows)
    asked = [row for row in rows if row["district_id"] in places]
    unknown = sorted({_name(row) for row in asked if not _is_placed(row, by_itself=places_itself)})
    if not unknown:
        return ""
    named = ", ".join(repr(name[:_LONGEST_NAME]) for name in unknown[:_MOST_NAMED])
    more = f" and {len(unknown) - _MOST_NAMED} more" if len(unknown) > _MOST_NAMED else ""
    return (
        f"fin_district: where {len(unknown)} of the {len(asked)} districts with postings lie is not known "
        f"({named}{more}), so that distances and travel to and from them are not seen: give them latitude and "
        "longitude, or the names of the 77 Czech districts"
    )


def _name(row: Mapping[str, Any]) -> str:
    return row["district_name"] or f"number {row['district_id']}"


def _is_placed(row: Mapping[str, Any], *, by_itself: bool) -> bool:
    return row.get("latitude") is not None if by_itself else _place(row["district_name"] or "") is not None
