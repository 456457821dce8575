-- Grain: one posting of the nights $first_night to $last_night of an account
-- that was in another district on the same day or the day before.
-- Inputs: postings, usual_places, district_points.
-- Time: the posting's whole day and the day before.
-- Of two postings of one day, which no one could make both, the one in the
-- place less usual for the account bears the finding, of equal ones the later:
-- the other one is where the account's people always are. Against the day
-- before, whose night is closed, it is always this one. Of several other
-- postings the one that leaves least of the time counts.
-- A district is an area and a clock is a few minutes off: the distance is less
-- by $district_km, the time more by $clock_hours. The least time a way takes is
-- that by road or by air.
with present as (
    -- somebody stood there: not a transfer from elsewhere
    select
        postings.posting_number,
        postings.account_id,
        postings.trans_date,
        postings.day_number,
        postings.minute_of_day,
        postings.place_id,
        points.x,
        points.y,
        points.z
    from postings
    inner join district_points as points
        on postings.place_id = points.place_id
    where
        postings.scene in ('card', 'desk')
        and postings.minute_of_day is not null
        and points.x is not null
        and postings.trans_date >= $first_night - 1
        and postings.trans_date <= $last_night
),

steps as (
    select unnest([0, 1]) as step
),

reaching as (
    -- the same day and the next are those it can be held against
    select
        present.*,
        present.day_number + steps.step as reached_day
    from present
    cross join steps
),

pairs as (
    select
        here.posting_number,
        here.account_id,
        here.trans_date,
        here.place_id,
        there.posting_number as other_number,
        there.place_id as other_place_id,
        here.day_number = there.day_number as is_same_day,
        1440 * (here.day_number - there.day_number)
        + here.minute_of_day - there.minute_of_day as minutes_after,
        round(
            2 * $globe_km * asin(
                least(
                    sqrt(
                        pow(here.x - there.x, 2)
                        + pow(here.y - there.y, 2)
                        + pow(here.z - there.z, 2)
                    ) / 2,
                    1
                )
            ),
            1
        ) as km
    from present as here
    inner join reaching as there
        on
            here.account_id = there.account_id
            and here.day_number = there.reached_day
            and here.place_id != there.place_id
    where here.trans_date >= $first_night
),

known as (
    select
        account_id,
        trans_date,
        place_id,
        place_postings + if(is_familiar, $habit_weight, 0) as weight
    from usual_places
),

weighed as (
    select
        pairs.*,
        coalesce(own.weight, 0) as own_weight,
        coalesce(other.weight, 0) as other_weight
    from pairs
    left join known as own
        on
            pairs.account_id = own.account_id
            and pairs.trans_date = own.trans_date
            and pairs.place_id = own.place_id
    left join known as other
        on
            pairs.account_id = other.account_id
            and pairs.trans_date = other.trans_date
            and pairs.other_place_id = other.place_id
),

timed as (
    select
        *,
        greatest(km - $district_km, 0) as least_km,
        abs(minutes_after) / 60.0 + $clock_hours as hours_had
    from weighed
    where
        not is_same_day
        or own_weight < other_weight
        or (own_weight = other_weight and minutes_after >= 0)
),

final as (
    select
        *,
        round(
            ln(
                greatest(
                    least(
                        least_km / $road_kmh,
                        $airport_hours + least_km / $air_kmh
                    ) / hours_had,
                    1
                )
            ),
            6
        ) as haste
    from timed
    qualify row_number() over (
        partition by posting_number
        order by haste desc, abs(minutes_after) asc, other_number asc
    ) = 1
)

select
    posting_number,
    other_place_id, -- where the account was
    minutes_after, -- the other posting; negative where that came later
    km, -- between the two districts
    -- crow's kilometres an hour; null at the same minute
    round(km * 60 / nullif(abs(minutes_after), 0), 1) as speed_kmh,
    haste -- ln(time the way takes / time there was), from 0
from final
