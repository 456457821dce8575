"""Sentences on hours, places and travel: where the account's holders usually are, and how far they would travel."""

from __future__ import annotations

from collections.abc import Callable

from include.explaining.words.wording import UNKNOWN, FeatureRow, Finding, clock, count, did
from include.identifiers import named

_AROUND_MINUTES = 90
"""Largest distance in minutes at which another posting's hour counts as the same, as in `scenes.sql`."""

_SCENE_NAMES = {
    "card": ("card withdrawal", "card withdrawals"),
    "desk": ("cash transaction", "cash transactions"),
    "sent": ("transfer to another bank", "transfers to other banks"),
    "received": ("transfer received", "transfers received"),
}
"""Words for the postings that are counted together, in singular and plural; `desk` is cash paid in and out."""
_OTHER_NAMES = ("transaction", "transactions")


def hour_rarity(row: FeatureRow) -> Finding:
    """How few of the account's own postings lie near this hour, and when most do."""
    at = row["minute_of_day"]
    if at is None:
        return Finding(UNKNOWN, UNKNOWN, f"{did(row)} at an unknown time of day.", stands=False)
    if row["scene"] is None:
        return Finding(clock(at), "any", f"{did(row)} at {clock(at)}, booked by the bank itself.", stands=False)
    if not row["timed_postings"]:
        text = f"{did(row)} at {clock(at)}; the account has no recent {_names(row, 1)} to compare the hour with."
        return Finding(clock(at), UNKNOWN, text, stands=False)
    usual = _usual_hours(row)
    is_usual = row["usual_from"] <= at <= row["usual_to"] and row["near_postings"] > 0
    return Finding(clock(at), usual, f"{did(row)} at {clock(at)}; {_hours_compared(row, usual)}.", not is_usual)


def _usual_hours(row: FeatureRow) -> str:
    first, last = clock(row["usual_from"]), clock(row["usual_to"])
    return first if first == last else f"{first} to {last}"


def _hours_compared(row: FeatureRow, usual: str) -> str:
    timed, at = row["timed_postings"], row["minute_of_day"]
    if timed == 1:
        return f"this account's only recent {_names(row, 1)} was at {usual}"
    near = f"{_none_or(row['near_postings'])} lay between {clock(at - _AROUND_MINUTES)} and "
    near += clock(at + _AROUND_MINUTES)
    first, _, last = usual.partition(" to ")
    most = f"most lie between {first} and {last}" if last else f"most lie at {first}"
    return f"of this account's {count(timed)} recent {_names(row, timed)} {near}, {most}"


def place_rarity(row: FeatureRow) -> Finding:
    """How few of the account's own postings took place in this district."""
    if row["place_id"] is None:
        return Finding(UNKNOWN, UNKNOWN, f"{did(row)} at an unknown place.", stands=False)
    here = _district(row["place_name"], row["place_id"])
    if not row["placed_postings"]:
        text = f"{did(row)} in {here}; the account has no recent transaction to compare the place with."
        return Finding(here, UNKNOWN, text, stands=False)
    there, all_of_them = row["place_postings"], row["placed_postings"]
    if all_of_them == 1:
        habit = f"this account's only recent transaction was {'there too' if there else 'elsewhere'}"
    else:
        were = "was" if there == 1 else "were"
        habit = f"of this account's {count(all_of_them)} recent transactions {_none_or(there)} {were} there"
    share = f"{count(there)} of {count(all_of_them)}"
    return Finding(here, share, f"{did(row)} in {here}; {habit}.", stands=2 * there < all_of_them)


def distance(row: FeatureRow) -> Finding:
    """How far the place is from where the account usually is."""
    if row["usual_place_km"] is None:
        return place_rarity(row)
    here = _district(row["place_name"], row["place_id"])
    usual = _district(row["usual_place_name"], row["usual_place_id"])
    if row["usual_place_id"] == row["place_id"]:
        return Finding(here, usual, f"{did(row)} in {here}, where this account usually is.", stands=False)
    apart = _km(row["usual_place_km"])
    text = f"{did(row)} in {here}, {apart} from the nearest place this account usually uses ({usual})."
    return Finding(f"{here}, {apart}", usual, text)


def travel(row: FeatureRow) -> Finding:
    """How fast somebody would have had to travel from the account's other posting."""
    if row["travel_place_id"] is None:
        return distance(row)
    here = _district(row["place_name"], row["place_id"])
    there = _district(row["travel_place_name"], row["travel_place_id"])
    minutes, km, kmh = row["travel_minutes"], _km(row["travel_km"]), row["travel_kmh"]
    if kmh is None:
        text = f"{did(row)} in {here} at the same minute as a posting in {there}, {km} away, and nobody can be in both"
        return Finding("at the same minute", "time to travel", f"{text}{_other_holders(row)}.")
    order = "after" if minutes > 0 else "before"
    speed = named(f"{count(round(kmh))} km/h")  # with the minutes it tells the distance
    text = f"{did(row)} in {here} {_duration(abs(minutes))} {order} a posting in {there}, {km} away"
    return Finding(speed, "time to travel", f"{text}, which would take {speed}{_other_holders(row)}.")


def _other_holders(row: FeatureRow) -> str:
    holders = row["holders"]
    return f", unless it was another of the {count(holders)} clients who may use the account" if holders > 1 else ""


def _names(row: FeatureRow, number: int) -> str:
    return _SCENE_NAMES.get(row["scene"], _OTHER_NAMES)[number != 1]


def _none_or(number: int) -> str:
    return count(number) if number else "none"


def _district(name: str | None, place_id: int) -> str:
    """The district's name for people, or its number where the source has none; marked, as it tells who was there."""
    return named(name or f"district {place_id}")


def _km(km: float) -> str:
    """The distance of two places in words; marked, as few pairs of towns lie equally far apart."""
    return named("less than 1 km" if km < 1 else f"{count(round(km))} km")


def _duration(minutes: int) -> str:
    """Minutes as people say them.

    >>> _duration(1), _duration(25), _duration(135)
    ('1 minute', '25 minutes', '2 hours 15 minutes')
    """
    if minutes < 60:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    hours, rest = divmod(minutes, 60)
    spoken = "1 hour" if hours == 1 else f"{hours} hours"
    return f"{spoken} {_duration(rest)}" if rest else spoken


SCENE_SENTENCES: dict[str, Callable[[FeatureRow], Finding]] = {
    "hour_rarity": hour_rarity,
    "place_rarity": place_rarity,
    "distance": distance,
    "travel": travel,
}
"""One sentence for every feature of `scenes.sql`; its columns are those of that query beside the posting's own."""
