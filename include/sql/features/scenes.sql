-- Grain: one posting of the nights $first_night to $last_night.
-- Inputs: postings, bank_hours, usual_hours, bank_places, usual_places,
--     account_places, district_points, travels.
-- Time: habits end on the day before; `travel` sees the posting's whole day.
-- Rarities are minus the logarithm of a share of the account's own postings,
-- drawn towards its expectation while the account has few. An hour is held
-- against a uniform day, and is no rarer than 0. What the bank books by itself
-- (interest, fees) is at no unusual hour or place; what is unknown is null.
-- Rounded to a millionth, as all features are.
with described as (
    select
        posting_number,
        account_id,
        trans_date,
        day_number,
        scene,
        minute_of_day,
        minute_of_day // 10 as slot,
        place_id
    from postings
    where trans_date between $first_night and $last_night
),

holders as (
    select
        account_id,
        max(holders) as holders
    from account_places
    group by account_id
),

placed as (
    select
        account_id,
        trans_date,
        sum(place_postings) as placed_postings,
        bool_or(is_familiar) as has_familiar
    from usual_places
    group by account_id, trans_date
),

outings as (
    select distinct
        account_id,
        trans_date,
        place_id
    from described
    where scene is not null and place_id is not null
),

ways as (
    -- from where the account was to every place that is usual for it
    select
        outings.account_id,
        outings.trans_date,
        outings.place_id,
        usual.place_id as usual_place_id,
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
    from outings
    inner join usual_places as usual
        on
            outings.account_id = usual.account_id
            and outings.trans_date = usual.trans_date
    inner join district_points as here on outings.place_id = here.place_id
    inner join district_points as there on usual.place_id = there.place_id
    where usual.is_usual and here.x is not null and there.x is not null
),

nearest as (
    select *
    from ways
    qualify row_number() over (
        partition by account_id, trans_date, place_id
        order by km, usual_place_id
    ) = 1
),

joined as (
    select
        described.*,
        hours.timed_postings,
        -- within 90 minutes, across midnight too
        list_filter(
            hours.minutes,
            lambda other: (
                other['key'] - described.minute_of_day + 1530
            ) % 1440 <= 180
        ) as near_minutes,
        hours.usual_from,
        hours.usual_to,
        coalesce(present.timed_postings, 0) as present_postings,
        list_filter(
            present.minutes,
            lambda other: (
                other['key'] - described.minute_of_day + 1530
            ) % 1440 <= 180
        ) as present_minutes,
        bank_hours.bank_share,
        points.place_name,
        points.x is not null as is_on_map,
        coalesce(usual.place_postings, 0) as place_postings,
        coalesce(usual.is_familiar, false) as is_familiar,
        coalesce(placed.placed_postings, 0) as placed_postings,
        coalesce(placed.has_familiar, false) as has_familiar,
        bank_places.away_share,
        bank_places.home_share,
        nearest.usual_place_id,
        nearest.km as usual_place_km,
        travels.other_place_id as travel_place_id,
        travels.minutes_after as travel_minutes,
        travels.km as travel_km,
        travels.speed_kmh as travel_kmh,
        travels.haste,
        coalesce(holders.holders, 1) as holders
    from described
    left join usual_hours as hours
        on
            described.account_id = hours.account_id
            and described.scene = hours.scene
            and described.trans_date = hours.trans_date
    left join usual_hours as present
        on
            described.account_id = present.account_id
            and described.trans_date = present.trans_date
            and described.scene in ('card', 'desk')
            and present.scene = 'present'
    left join bank_hours
        on
            described.scene = bank_hours.scene
            and described.day_number = bank_hours.day_number
            and described.slot = bank_hours.slot
    left join district_points as points on described.place_id = points.place_id
    left join usual_places as usual
        on
            described.account_id = usual.account_id
            and described.trans_date = usual.trans_date
            and described.place_id = usual.place_id
    left join placed
        on
            described.account_id = placed.account_id
            and described.trans_date = placed.trans_date
    left join bank_places
        on
            described.place_id = bank_places.place_id
            and described.day_number = bank_places.day_number
    left join nearest
        on
            described.account_id = nearest.account_id
            and described.trans_date = nearest.trans_date
            and described.place_id = nearest.place_id
    left join travels on described.posting_number = travels.posting_number
    left join holders on described.account_id = holders.account_id
),

counted as (
    select
        *,
        coalesce(
            list_sum(
                list_transform(near_minutes, lambda other: other['value'])
            ),
            0
        ) as near_sum,
        coalesce(
            list_sum(
                list_transform(present_minutes, lambda other: other['value'])
            ),
            0
        ) as present_near
    from joined
),

expected as (
    select
        *,
        (
            near_sum
            + $habit_weight * (present_near + $habit_weight * bank_share)
            / (present_postings + $habit_weight)
        ) / (timed_postings + $habit_weight) as hour_share,
        case
            when not has_familiar then away_share
            when is_familiar then home_share + (1 - home_share) * away_share
            else (1 - home_share) * away_share
        end as expected_place_share
    from counted
),

final as (
    select
        expected.*,
        case
            when expected.minute_of_day is null then null
            when expected.scene is null then 0
            else
                round(
                    greatest(-ln(expected.hour_share / $uniform_share), 0), 6
                )
        end as hour_rarity,
        case
            when expected.place_id is null then null
            when expected.scene is null then 0
            else
                round(
                    -ln(
                        (
                            expected.place_postings
                            + $habit_weight * expected.expected_place_share
                        ) / (expected.placed_postings + $habit_weight)
                    ),
                    6
                )
        end as place_rarity,
        case
            when expected.place_id is null then null
            when expected.scene is null then 0
            else round(ln(1 + expected.usual_place_km / 10), 6)
        end as distance,
        case
            when
                not coalesce(expected.is_on_map, false)
                or expected.minute_of_day is null
                then null
            else round(coalesce(expected.haste, 0) / expected.holders, 6)
        end as travel,
        usual.place_name as usual_place_name,
        other.place_name as travel_place_name
    from expected
    left join district_points as usual
        on expected.usual_place_id = usual.place_id
    left join district_points as other
        on expected.travel_place_id = other.place_id
)

select
    posting_number,
    -- of hours, for the sentence
    scene, -- card, desk, sent, received, other; null: the bank by itself
    minute_of_day, -- null when unknown
    timed_postings, -- own earlier ones of the scene whose hour is known
    -- of them within 90 minutes of this one's hour; null where there is none
    if(
        timed_postings is null, null, cast(near_sum as bigint)
    ) as near_postings,
    usual_from, -- minutes of the day between which four fifths of them lie
    usual_to,
    -- of places, for the sentence
    place_name, -- of the district where it happened; null when unknown
    place_postings, -- own earlier ones in that district
    placed_postings, -- own earlier ones whose district is known
    usual_place_id, -- nearest district usual for the account
    usual_place_name,
    usual_place_km, -- how far it is
    -- of travel, for the sentence
    travel_place_id, -- where the account was on the same day or the one before
    travel_place_name,
    travel_minutes, -- since then; negative where the other came later
    travel_km,
    travel_kmh, -- null at the same minute
    holders, -- clients who may use the account
    -- what the models see
    hour_rarity, -- minus ln of the share of postings near this hour, from 0
    place_rarity, -- minus ln of the share of postings in this district
    distance, -- ln(1 + km to the nearest usual place / 10)
    travel -- ln(time the way takes / time there was) per holder, from 0
from final
