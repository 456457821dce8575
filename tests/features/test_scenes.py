"""Hours, places and travel: what is rare, what is far, what cannot be, and that none of it sees the future."""

from __future__ import annotations

from datetime import date, time, timedelta
from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.explaining.words.time_and_place import SCENE_SENTENCES
from include.features import absence_notes, engine
from include.features.plan import feature_plan
from include.features.state import FeatureState
from include.features.towns import known_towns
from include.identifiers import unmarked
from include.sql_engine import SqlEngine
from tests.features.real_bank import between, made

DAY = date(1994, 1, 31)
FEATURES = ("hour_rarity", "place_rarity", "distance", "travel")
# Three towns of the real country, 280 km (Praha - Ostrava) and 25 km (Praha - Kladno) apart; the fourth is nowhere.
DISTRICTS = pa.table(
    {"district_id": [1, 4, 74, 99], "district_name": ["Hl.m. Praha", "Kladno", "Ostrava - mesto", "X"]}
)
HOME = {
    "fin_account": pa.table({"account_id": [1], "district_id": [1], "create_date": [date(1993, 1, 1)]}),
    "fin_client": pa.table({"client_id": [7, 8], "district_id": [1, 1]}),
    "fin_disposition": pa.table({"client_id": [7], "account_id": [1], "disp_type": ["O"]}),
    "fin_district": DISTRICTS,
}
SHARED = HOME | {
    "fin_disposition": pa.table({"client_id": [7, 8], "account_id": [1, 1], "disp_type": ["O", "D"]}),
}


def scenes(postings: pa.Table, earlier: pa.Table, statics: dict[str, pa.Table]) -> pa.Table:
    """The rows of `scenes.sql` beside the posting's own columns; numbers that only one run knows are left out."""
    rows = pa.concat_tables([engine._posting_columns(earlier), engine._posting_columns(postings)])
    first, last = engine._span(postings)
    values = {**engine.parameters(first, last, 90, knows_products=False), "first_night": first}
    tables = {
        "transactions": rows,
        "known_towns": known_towns(engine._district_names(statics["fin_district"])),
        **engine._profiles(statics),
        **FeatureState.empty().tables(),
    }
    plan = feature_plan()
    with SqlEngine.open("features", tables) as opened:
        opened.shared = values
        engine._build(opened, [*plan.habits, *plan.stretch], values["first_described"])
        return opened._connection.sql(
            "select trans_id, account_id, trans_date, trans_type, kind, amount_cents / 100 as amount, place_id, "
            "scenes.* exclude (posting_number) from scenes inner join postings using (posting_number) "
            "order by trans_date, trans_id"
        ).to_arrow_table()


def card(at: time | None = time(12), place: int | None = 1, days_ago: int = 0, **more: object) -> dict[str, object]:
    day = DAY - timedelta(days=days_ago)
    codes = {"trans_type": "D", "operation": "CCW"}
    return {"trans_date": day, "trans_time": at, "district_id": place, **codes, **more}


def found(*night: dict[str, object], earlier: list[dict[str, object]] | None = None, **statics: pa.Table) -> list[dict]:
    """The rows of one night made by hand, in the order given."""
    return scenes(made(*night), made(*(earlier or [])), statics or HOME).to_pylist()


def said(feature: str, row: dict) -> str:
    return unmarked(SCENE_SENTENCES[feature](row).text)


# ---------------------------------------------------------------- a bank with everything


@pytest.fixture(scope="module")
def bulk(history: pa.Table, statics: dict[str, pa.Table]) -> pa.Table:
    return scenes(history, history.slice(0, 0), statics)


@pytest.fixture(scope="module")
def statics(statics: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """The real relations, with places for the four districts that the history's postings are in."""
    placed = {"district_id": [1, 2, 3, 4], "latitude": [50.1, 49.8, 48.9, 50.6], "longitude": [14.4, 14.7, 18.3, 15.2]}
    return {**statics, "fin_district": pa.table(placed)}


def test_every_posting_has_its_row(history, bulk):
    assert sorted(bulk["trans_id"].to_pylist()) == sorted(history["trans_id"].to_pylist())


@pytest.mark.parametrize("which", [0, -1])
def test_a_night_equals_its_share_of_the_whole_history(history, statics, bulk, which):
    hasty = bulk.filter(pc.greater(bulk["travel"], 0))["trans_date"].unique().to_pylist()
    night = sorted(hasty)[which]
    lookback = between(history, night - timedelta(days=90), night - timedelta(days=1))
    again = scenes(between(history, night, night), lookback, statics)
    assert again.equals(between(bulk, night, night).combine_chunks())


def test_the_order_of_rows_changes_nothing(history, statics, bulk):
    shuffled = history.take(np.random.default_rng(3).permutation(history.num_rows))
    assert scenes(shuffled, history.slice(0, 0), statics).equals(bulk)


def test_the_future_changes_nothing(history, statics, bulk):
    night = date(1993, 9, 30)
    future = pc.greater(history["trans_date"], pa.scalar(night))
    changed = history
    for name, value in (("district_id", pa.scalar(3)), ("trans_time", pa.scalar(time(4), pa.time64("us")))):
        at = changed.schema.get_field_index(name)
        changed = changed.set_column(at, name, pc.if_else(future, value, changed[name]))
    past = pc.less_equal(bulk["trans_date"], pa.scalar(night))
    assert scenes(changed, history.slice(0, 0), statics).filter(past).equals(bulk.filter(past))


def test_what_is_known_is_finite_and_not_negative(bulk):
    for feature in FEATURES:
        known = pc.drop_null(bulk[feature]).to_numpy()
        assert len(known) > 1000, feature
        assert (np.isfinite(known) & (known >= 0)).all(), feature


# ---------------------------------------------------------------- hours


def test_hours_go_round_the_clock():
    evenings = [card(time(23, 30), days_ago=n) for n in range(1, 30)] + [card(time(0, 10), days_ago=40)]
    late, noon = found(card(time(0, 30)), card(time(12)), earlier=evenings)
    assert (late["hour_rarity"], late["near_postings"], late["timed_postings"]) == (0, 30, 30)
    assert (noon["near_postings"], noon["usual_from"], noon["usual_to"]) == (0, 23 * 60 + 30, 23 * 60 + 30)
    assert noon["hour_rarity"] > 2


def test_ninety_minutes_are_near_and_one_more_is_not():
    (row,) = found(card(time(0, 30)), earlier=[card(at, days_ago=3) for at in (time(23), time(22, 59), time(2))])
    assert row["near_postings"] == 2


def test_usual_hours_hold_four_fifths():
    at = [time(15), time(16), time(17), time(18), time(3)]
    (row,) = found(card(time(12)), earlier=[card(t, days_ago=n) for n, t in enumerate(at, start=1)])
    assert (row["usual_from"], row["usual_to"]) == (15 * 60, 18 * 60)


def test_an_hour_is_held_against_the_same_scene_first():
    desk = [card(time(9), days_ago=n, operation="WIC") for n in range(1, 40)]
    evening = [card(time(20), days_ago=n) for n in range(1, 40)]
    row, other = found(card(time(20)), card(time(20), operation="WIC"), earlier=desk + evening)
    assert row["hour_rarity"] == 0
    assert other["hour_rarity"] > 0.5
    assert other["near_postings"] == 0


def test_a_first_card_withdrawal_at_the_desks_hours_is_no_wonder():
    desk = [card(time(12), days_ago=n, operation="WIC") for n in range(1, 40)]
    noon, night = found(card(time(12)), card(time(3)), earlier=desk)
    assert noon["hour_rarity"] == 0
    assert night["hour_rarity"] > 2


def test_a_habit_at_night_is_a_habit():
    (row,) = found(card(time(3)), earlier=[card(time(3), days_ago=n) for n in range(1, 20)])
    assert row["hour_rarity"] == 0


def test_one_odd_night_does_not_make_the_next_usual():
    evenings = [card(time(18), days_ago=n) for n in range(2, 30)]
    (row,) = found(card(time(3)), earlier=[*evenings, card(time(3), days_ago=1)])
    assert row["hour_rarity"] > 1


def test_the_sentence_of_an_hour():
    (row,) = found(card(time(3, 10)), earlier=[card(time(15 + n % 5), days_ago=n) for n in range(1, 42)])
    assert said("hour_rarity", row) == (
        "Withdrew 100.00 by card at 03:10; of this account's 41 recent card withdrawals none lay between 01:40 and "
        "04:40, most lie between 15:00 and 18:00."
    )


# ---------------------------------------------------------------- places


def test_rare_places_are_rare_and_home_is_not():
    at_home = [card(place=1, days_ago=n) for n in range(1, 30)]
    home, away = found(card(time(9)), card(time(20), 74), earlier=at_home)
    assert home["place_rarity"] == pytest.approx(0, abs=0.1)
    assert away["place_rarity"] > 3


def test_home_is_familiar_before_the_first_posting():
    others = [card(place=74, days_ago=n, account_id=2) for n in range(1, 30)]
    home, away = found(card(place=1), card(time(20), 74), earlier=others)
    assert home["distance"] == 0
    assert home["place_rarity"] < away["place_rarity"] + 1
    assert said("place_rarity", home).endswith("no recent transaction to compare the place with.")


def test_distance_is_to_the_nearest_usual_place():
    once, twice = [card(place=74, days_ago=9)], [card(place=74, days_ago=n) for n in (9, 19)]
    (new,) = found(card(place=74))
    (seen_once,) = found(card(place=74), earlier=once)
    (seen_twice,) = found(card(place=74), earlier=twice)
    assert new["usual_place_km"] == pytest.approx(280, abs=15)
    assert new["distance"] == seen_once["distance"] == pytest.approx(np.log(1 + new["usual_place_km"] / 10), abs=1e-5)
    assert seen_twice["distance"] == 0


def test_the_sentence_of_a_distance():
    (row,) = found(card(place=74))
    km = round(row["usual_place_km"])
    assert said("distance", row) == (
        f"Withdrew 100.00 by card in Ostrava - mesto, {km} km from the nearest place this account usually uses "
        "(Hl.m. Praha)."
    )


def test_what_is_unknown_is_null():
    nowhere, timeless, unplaced = found(card(place=None), card(None), card(time(13), 99))
    assert [nowhere[name] for name in FEATURES[1:]] == [None] * 3
    assert timeless["hour_rarity"] is timeless["travel"] is None
    assert unplaced["distance"] is unplaced["travel"] is None
    assert unplaced["place_rarity"] is not None


def test_what_the_bank_books_by_itself_is_nowhere_unusual():
    fee = {"trans_type": "D", "operation": "WIC", "category": "ST"}
    night, _ = found(card(time(23, 59), 74, **fee), card(time(23, 58)))
    assert [night[name] for name in FEATURES] == [0, 0, 0, 0]


def test_own_coordinates_come_before_known_names():
    own = DISTRICTS.append_column("latitude", pa.array([0.0, None, 0.0, None]))
    own = own.append_column("longitude", pa.array([0.0, None, 1.0, None]))
    far, unknown = found(card(place=74), card(place=4), **{**HOME, "fin_district": own})
    assert far["usual_place_km"] == pytest.approx(111.2, abs=0.1)
    assert unknown["distance"] is None


def test_what_is_not_on_the_globe_is_unknown():
    wrong = DISTRICTS.append_column("latitude", pa.array([50.0, 50.0, 5000.0, float("nan")]))
    wrong = wrong.append_column("longitude", pa.array([14.0, 15.0, 14.0, 14.0]))
    rows = found(card(place=74), card(place=99), **{**HOME, "fin_district": wrong})
    assert [row["distance"] for row in rows] == [None, None]


# ---------------------------------------------------------------- travel


def test_two_places_at_the_same_minute_cannot_be():
    home, away = found(card(), card(place=74))
    assert home["travel"] == 0
    assert away["travel"] > 3
    assert away["travel_kmh"] is None
    assert "at the same minute as a posting in Hl.m. Praha, " in said("travel", away)


def test_the_sentence_of_a_way():
    _, away = found(card(), card(time(12, 25), 74))
    assert away["travel"] == pytest.approx(1.4, abs=0.2)
    km, speed = round(away["travel_km"]), round(away["travel_km"] * 60 / 25)
    assert said("travel", away) == (
        f"Withdrew 100.00 by card in Ostrava - mesto 25 minutes after a posting in Hl.m. Praha, {km} km away, "
        f"which would take {speed} km/h."
    )


def test_the_odd_one_of_a_day_bears_it_even_if_it_came_first():
    away, home = found(card(time(12), 74), card(time(12, 25)))
    assert home["travel"] == 0
    assert away["travel"] > 1
    assert away["travel_minutes"] == -25
    assert "25 minutes before a posting in Hl.m. Praha" in said("travel", away)


def test_of_equally_strange_places_the_later_bears_it():
    first, second = found(card(time(12), 74), card(time(12, 25), 4))
    assert (first["travel"], first["travel_place_id"]) == (0, None)
    assert second["travel"] > 1


def test_there_is_time_enough_by_road_and_by_air():
    morning, evening = found(card(time(8)), card(time(14), 74))
    assert (morning["travel"], evening["travel"]) == (0, 0)
    assert evening["travel_minutes"] == 360
    far = DISTRICTS.append_column("latitude", pa.array([50.0, None, 50.0, None]))
    far = far.append_column("longitude", pa.array([14.0, None, 28.0, None]))
    _, flown = found(card(time(8)), card(time(13), 74), **{**HOME, "fin_district": far})
    assert flown["travel_km"] > 990
    assert flown["travel"] == 0


def test_neighbouring_districts_are_never_too_far():
    _, row = found(card(), card(place=4))
    assert row["travel_km"] < 36
    assert row["travel"] == 0


def test_across_midnight_the_new_night_bears_it():
    (row,) = found(card(time(0, 5)), earlier=[card(time(23, 50), 74, days_ago=1)])
    assert row["travel_minutes"] == 15
    assert row["travel"] > 1
    (two_days_later,) = found(card(time(0, 5)), earlier=[card(time(23, 50), 74, days_ago=2)])
    assert (two_days_later["travel"], two_days_later["travel_place_id"]) == (0, None)


def test_two_clients_may_be_at_two_places():
    _, alone = found(card(), card(place=74))
    _, either = found(card(), card(place=74), **SHARED)
    assert either["travel"] == pytest.approx(alone["travel"] / 2, abs=1e-5)
    assert "unless it was another of the 2 clients" in said("travel", either)


def test_a_transfer_is_made_from_anywhere():
    _, sent = found(card(), card(place=74, operation="ROB"))
    assert (sent["travel"], sent["travel_place_id"]) == (0, None)


# ---------------------------------------------------------------- what is said


# What may have come before, at which hour, where, and of which kind: every combination is an account of its own.
PASTS = ([], [card(days_ago=2)], [card(time(7), 74, days_ago=n) for n in (1, 2, 3)])
HOURS = (None, time(0), time(23, 59))
PLACES = (None, 1, 74, 99)
KINDS = ({}, {"category": "IC", "operation": None, "trans_type": "C"})


def test_every_sentence_can_be_said_of_any_posting():
    night, earlier = [], []
    for account, (past, at, place, kind) in enumerate(product(PASTS, HOURS, PLACES, KINDS), start=1):
        night += [{**card(at, place, **kind), "account_id": account}, {**card(time(12), 4), "account_id": account}]
        earlier += [{**row, "account_id": account} for row in past]
    known = range(1, account, 2)  # the bank knows every other one of them, and where its people live
    accounts = {"account_id": known, "district_id": [1] * len(known), "create_date": [date(1993, 1, 1)] * len(known)}
    rows = found(*night, earlier=earlier, **{**HOME, "fin_account": pa.table(accounts)})
    assert len(rows) == 2 * account
    for row in rows:
        for feature in SCENE_SENTENCES:
            finding = SCENE_SENTENCES[feature](row)
            assert finding.value
            assert finding.typical
            assert finding.text.endswith(".")
            assert "None" not in finding.text


def test_districts_without_names_have_numbers():
    nameless = DISTRICTS.drop_columns(["district_name"])
    nameless = nameless.append_column("latitude", pa.array([50.0, 50.0, 49.8, None]))
    nameless = nameless.append_column("longitude", pa.array([14.4, 14.1, 18.3, None]))
    (row,) = found(card(place=74), **{**HOME, "fin_district": nameless})
    assert "in district 74, " in said("distance", row)


def test_the_absence_of_coordinates_is_said():
    postings = made(card())
    unplaced = {**HOME, "fin_district": pa.table({"district_id": [1], "district_name": ["Nowhere"]})}
    assert any("coordinates" in note for note in absence_notes(unplaced, postings))
    assert not any("coordinates" in note for note in absence_notes(HOME, postings))
