"""Runs the feature queries on DuckDB: the same files serve one night and a whole history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.errors import ConservationError, SettingsError
from include.features.plan import FEATURES, GIVEN, SQL_FOLDER, Step, feature_plan
from include.features.sequences import build_sequences
from include.features.state import STATE_SCHEMAS, FeatureState
from include.features.towns import known_towns, unknown_places
from include.lake.tables import REVERSES
from include.relations import BANK_BOOKED, FIN_DISTRICT, FIN_TRANSACTION, RELATIONS, conformed
from include.sql_engine import SqlEngine

HABIT_DAYS = 90
"""Days before the night that form the account's habit; they contain a monthly payment three times."""
MIN_HABIT_DAYS = 61
"""Least length of the habit in days: the thirty days of the monthly features, and thirty others to compare with."""


def reach_days(habit_days: int) -> int:
    """Days before a night that its features need: a day of the habit is judged by the habit before that day."""
    return 2 * habit_days


SEQUENCE_COLUMNS = (
    "trans_id, account_id, trans_date, kind, amount_cents, log_amount, day_number, hour_of_day, counterparty"
)

STRETCH_DAYS = 366
"""Nights joined at once. A history of 1.05 million postings peaked at 3.3 GB in one stretch and at 1.6 GB in these."""

PROFILE_RELATIONS = ("fin_account", "fin_client", "fin_disposition", "fin_district", "fin_card", "fin_loan")
"""The static relations that features are made of; an absent one leaves its columns null."""

_CONSTANTS: dict[str, Any] = {
    "bank_booked": list(BANK_BOOKED),
    # A decision: the peers weigh as much as five postings of one's own. In the real second half of 1993 the median
    # account has two of a kind in 90 days and one in twenty has nine or more, so both have a say.
    "habit_weight": 5,
    # A tenth: amounts within 10 % of the usual are never more than one spread away, however regular the account.
    "smallest_spread": 0.1,
    # A peer group weighs as much as the bank once it has twenty postings of the kind.
    "peer_weight": 20,
    # Twenty established accounts make half a season: the median real night has 45 postings.
    "season_weight": 20,
    # Five more make half a season of a night's amounts: their median, unlike a tail, is steady among few.
    "night_weight": 5,
    # One in ten: a season shows in the tail first. With the median 7.8 % of the real January's rows lay beyond the
    # autumn's 98 % quantile of the day's count and 5.6 % of the month's spending, with this 4.6 % and 2.1 %.
    "season_quantile": 0.9,
    # Days more than four spreads above the habit do not form habits. One in 30,000 of a normal distribution.
    "unusual_spreads": 4,
    # Days twice as busy or as dear as any of the habit before them do not form habits either.
    "unusual_times": 2,
    # Nine days in ten: a habit's upper end that one strange day in ten does not move.
    "high_quantile": 0.9,
    # A month and nine days: two monthly payments lie 28 to 31 days apart, and some days more over a holiday.
    "longest_gap": 40,
    # Two weeks: a counterparty that comes again within days is still new; standing payments come monthly.
    "new_days": 14,
    # February: a payment a month after the last one is never early, although gaps of other months are longer.
    "shortest_month": 28,
    # One in ten: a kind that follows as often as that is no strange order.
    "strange_surprise": 2.3,
    # Half a year: until then an account's habits are still forming (real accounts' first fees come after five months).
    "young_days": 183,
    # 100.00: a balance that falls from 50.00 to 1.00 is no finding.
    "smallest_balance_cents": 10_000,
    # A payment of twice the balance before it is as odd as a share can show; larger shares only mean a tiny balance.
    "largest_balance_share": 2,
    # An hour and a half either way of an hour, of a day on which every hour is as usual as any other.
    "uniform_share": 0.125,
    # A decision: a single earlier day in a district may itself have been odd; with two the district is usual.
    "usual_place_days": 2,
    # The mean radius of the globe (IUGG).
    "globe_km": 6371.0,
    # 77 districts on 78,866 km2: one is as large as a circle of 36 km across, and whoever goes from one to another may
    # start and end at the near edges, half of that either way.
    "district_km": 36,
    # Five minutes: the clocks of machines differ, and a posting may be booked after the client has left.
    "clock_hours": 1 / 12,
    # As the crow flies: 130 km/h on a motorway that is a tenth longer; an airliner, with three hours around the flight.
    "road_kmh": 120,
    "air_kmh": 800,
    "airport_hours": 3,
}


def build_features(
    postings: pa.Table,
    lookback: pa.Table,
    statics: Mapping[str, pa.Table],
    state: FeatureState,
    *,
    habit_days: int = HABIT_DAYS,
) -> pa.Table:
    """The features of one night, or of many at once.

    Parameters
    ----------
    postings
        Postings to describe, of one date or of several (columns of `fin_transaction`; others are ignored).
    lookback
        Accepted postings of at least the `reach_days(habit_days)` days before the first of them; it may hold more.
    statics
        Static relations by name; those of `PROFILE_RELATIONS` may be absent or empty.
    state
        State as of the day before the first posting; empty when `lookback` and `postings` are the whole history.
    habit_days
        Days that habits reach back.

    Returns
    -------
    pyarrow.Table
        One row per posting, ordered by settlement date and trans_id. A row depends on its whole night and on
        earlier dates only.

    Raises
    ------
    SettingsError
        When `habit_days` is too short.
    ConservationError
        When a posting would be left without a row.
    """
    _check_habit_days(habit_days)
    first, last = _span(postings)
    tables = {"known_towns": _towns_of(statics.get("fin_district")), **_profiles(statics), **state.tables()}
    with SqlEngine.open(SQL_FOLDER, tables) as engine:
        earlier = _standing(_posting_columns(lookback), postings, first)
        engine.put(GIVEN, pa.concat_tables([earlier, _posting_columns(postings)]))
        del earlier, lookback  # the engine then frees them as soon as its own form of them is there
        values = parameters(first, last, habit_days, knows_products=_knows_products(statics))
        engine.shared = values
        _build(engine, feature_plan().habits, first)
        parts = [_stretch_features(engine, {**values, **part}) for part in _stretches(first, last)]
    # Without the engine: its tables of a night of 240,000 postings and the windows take 0.5 GB each.
    found = pa.concat_tables([_with_windows(part) for part in parts]).combine_chunks()
    _check_complete(found, postings.num_rows)
    return found


def district_points(districts: pa.Table) -> pa.Table:
    """Where districts lie.

    Parameters
    ----------
    districts
        Rows of `fin_district`; its coordinates may be absent.

    Returns
    -------
    pyarrow.Table
        One row per district: `place_id` (its number), `place_name`, `latitude` and `longitude` in degrees and `x`, `y`,
        `z` on the unit globe, all five null where unknown.
    """
    tables = {"fin_district": conformed(districts, FIN_DISTRICT.schema), "known_towns": _towns_of(districts)}
    with SqlEngine.open(SQL_FOLDER, tables) as engine:
        return engine.table("district_points")


def _towns_of(districts: pa.Table | None) -> pa.Table:
    return known_towns(_district_names(districts))


def advance_state(state: FeatureState, postings: pa.Table) -> FeatureState:
    """The state after `postings` of one night or of several; advancing by a night twice changes nothing."""
    _, last = _span(postings)
    with SqlEngine.open(SQL_FOLDER, {"transactions": _posting_columns(postings), **state.tables()}) as engine:
        engine.shared = {"last_night": last, **_CONSTANTS}
        engine.keep("postings")
        return FeatureState.from_tables({name: engine.table(name) for name in STATE_SCHEMAS})


def state_from_history(history: pa.Table, before: date | None = None) -> FeatureState:
    """The state after all postings dated before `before` (all postings when None), computed in one pass."""
    if before is not None:
        history = history.filter(pc.less(history["trans_date"], pa.scalar(before)))
    return advance_state(FeatureState.empty(), history)


def absence_notes(statics: Mapping[str, pa.Table], postings: pa.Table) -> tuple[str, ...]:
    """Sentences for people on the features that are affected by what the source lacks."""
    notes = [
        f"{name} is absent: features that need it are null and take the model's usual value"
        for name in PROFILE_RELATIONS
        if name not in statics or statics[name].num_rows == 0
    ]
    for column, what in (("trans_time", "hours"), ("district_id", "places")):
        if column not in postings.column_names or postings[column].null_count == postings.num_rows:
            notes.append(f"fin_transaction.{column} is absent: features of {what} are not used")
    districts = statics.get("fin_district")
    if districts is not None and districts.num_rows > 0 and not _are_placed(districts):
        notes.append("fin_district has no coordinates: features of distance and travel are not used")
    return tuple(notes)


def place_warnings(statics: Mapping[str, pa.Table], postings: pa.Table) -> list[str]:
    """Sentences for people on the postings' districts whose place is unknown; none where postings have no places."""
    districts = statics.get("fin_district")
    if districts is None or "district_id" not in postings.column_names:
        return []
    sentence = unknown_places(districts, set(postings["district_id"].drop_null().unique().to_pylist()))
    return [sentence] if sentence else []


def _are_placed(districts: pa.Table) -> bool:
    """Whether the place of any district is known, by its own coordinates or as a town known by name."""
    own = districts["latitude"].drop_null() if "latitude" in districts.column_names else ()
    return len(own) > 0 or _towns_of(districts).num_rows > 0


def _district_names(districts: pa.Table | None) -> list[str]:
    """The districts' names, each once."""
    if districts is None or "district_name" not in districts.column_names:
        return []
    names: list[str] = districts["district_name"].drop_null().unique().to_pylist()
    return names


@dataclass(frozen=True)
class _Stretch:
    """The features of a stretch of nights, and the postings that their windows are made of."""

    features: pa.Table
    postings: pa.Table
    first: date
    last: date
    habit_days: int


def _stretch_features(engine: SqlEngine, values: Mapping[str, Any]) -> _Stretch:
    """The features of the nights from `first_night` to `last_night` of the values."""
    engine.shared = dict(values)
    _build(engine, feature_plan().stretch, values["first_described"])
    features = engine.table(FEATURES)
    postings = _window_postings(engine, values)
    stretch = _Stretch(features, postings, values["first_night"], values["last_night"], values["habit_days"])
    nights = pc.and_(
        pc.greater_equal(postings["trans_date"], pa.scalar(stretch.first)),
        pc.less_equal(postings["trans_date"], pa.scalar(stretch.last)),
    )
    _check_complete(features, int(pc.sum(nights).as_py() or 0))
    return stretch


def _with_windows(stretch: _Stretch) -> pa.Table:
    """The features, each with the window of postings that it ends."""
    features = stretch.features
    windows = build_sequences(
        stretch.postings,
        first=stretch.first,
        last=stretch.last,
        habit_days=stretch.habit_days,
        seasons=features["season_amount"],
    )
    if not windows["trans_id"].equals(features["trans_id"]):
        raise ConservationError("features and windows are not of the same postings in the same order")
    for name in ("window", "window_trans"):
        features = features.append_column(name, windows[name])
    return features


def _window_postings(engine: SqlEngine, values: Mapping[str, Any]) -> pa.Table:
    """The postings that windows of a stretch are made of, in the columns they need."""
    since = values["first_night"].toordinal() - values["habit_days"]
    reach = f"trans_date between date '{date.fromordinal(max(since, 1))}' and date '{values['last_night']}'"
    return engine.view("postings").filter(reach).project(SEQUENCE_COLUMNS).to_arrow_table()


def _check_complete(features: pa.Table, postings: int) -> None:
    """Raise when a posting was lost; a posting without an account has no habit to be compared with."""
    if features.num_rows != postings:
        raise ConservationError(
            f"{postings} postings gave {features.num_rows} rows of features; every posting must have its own: "
            "let none without account_id, trans_date or trans_type past the gate"
        )


def parameters(first: date, last: date, habit_days: int, *, knows_products: bool) -> dict[str, Any]:
    """What the queries may name as `$parameter`: the nights described, the habit's length in days, the constants."""
    return {
        "first_described": first,
        "last_night": last,
        "habit_days": habit_days,
        "knows_products": knows_products,
        **_within(habit_days),
        **_CONSTANTS,
    }


def _within(habit_days: int) -> dict[str, float]:
    """How many days back weeks, months and gaps may end so that they lie wholly within the habit."""
    return {
        "whole_week_days": habit_days - 6,
        "whole_month_days": habit_days - 29,
        "rhythm_days": habit_days - _CONSTANTS["longest_gap"],
    }


def _knows_products(statics: Mapping[str, pa.Table]) -> bool:
    """Whether the source says who has a card or a loan; without it, no posting can be found to lack its product."""
    return all(name in statics and statics[name].num_rows for name in ("fin_card", "fin_loan", "fin_disposition"))


def _check_habit_days(habit_days: int) -> None:
    if habit_days < MIN_HABIT_DAYS:
        raise SettingsError(
            f"habit_days is {habit_days}; at least {MIN_HABIT_DAYS} are needed: raise the look-back",
            setting="habit_days",
        )


def _span(postings: pa.Table) -> tuple[date, date]:
    """First and last date of the postings; without postings an empty span, for which the queries return no rows."""
    if postings.num_rows == 0:
        return date.min, date.min
    ends = pc.min_max(postings["trans_date"]).as_py()
    return ends["min"], ends["max"]


def _stretches(first: date, last: date) -> list[dict[str, date]]:
    """The nights from `first` to `last` in stretches of at most `STRETCH_DAYS`; at least one stretch."""
    starts = range(first.toordinal(), last.toordinal() + 1, STRETCH_DAYS)
    return [
        {
            "first_night": date.fromordinal(start),
            "last_night": date.fromordinal(min(start + STRETCH_DAYS - 1, last.toordinal())),
        }
        for start in starts
    ]


def _posting_columns(table: pa.Table) -> pa.Table:
    """The relation's own columns, typed, and the posting that each one reverses; absent columns are null."""
    return conformed(table, FIN_TRANSACTION.schema.append(REVERSES))


def _standing(lookback: pa.Table, postings: pa.Table, first: date) -> pa.Table:
    """The look-back as the first of the nights knows it: without reversals and the postings they took back."""
    known = _posting_columns(postings).filter(pc.equal(postings["trans_date"], pa.scalar(first)))
    links = pa.chunked_array([*lookback[REVERSES.name].chunks, *known[REVERSES.name].chunks], REVERSES.type)
    if links.null_count == len(links):
        return lookback
    taken_back = pc.is_in(lookback["trans_id"], value_set=links.drop_null().combine_chunks())
    return lookback.filter(pc.and_(pc.is_null(lookback[REVERSES.name]), pc.invert(taken_back)))


def _profiles(statics: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    schemas = {name: RELATIONS[name].schema for name in PROFILE_RELATIONS}
    return {name: conformed(statics.get(name, schema.empty_table()), schema) for name, schema in schemas.items()}


def _build(engine: SqlEngine, steps: Iterable[Step], first_described: date) -> None:
    """Run queries in order, each under its own name for the next, and drop what none reads any more."""
    for step in steps:
        engine.keep(step.query)
        for table in step.spent:
            engine.drop(table)
        for table in step.narrowed:
            since = engine.view(table).filter(f"trans_date >= date '{first_described}'")
            engine.put(table, since.to_arrow_table())
