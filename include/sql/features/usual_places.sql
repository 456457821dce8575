-- Grain: one account on one day of the nights $first_night to $last_night that
-- has postings in known districts, and one district it knows.
-- Inputs: postings (only those whose district is known), account_places.
-- Time: the $habit_days before the day, the day itself excluded.
with days as (
    select
        account_id,
        place_id,
        trans_date,
        day_number,
        count(*) as postings
    from postings
    where
        scene is not null
        and place_id is not null
        and trans_date >= $first_night - $habit_days
        and trans_date <= $last_night
    group by account_id, place_id, trans_date, day_number
),

nights as (
    select distinct
        account_id,
        trans_date,
        day_number
    from days
    where trans_date >= $first_night
),

known as (
    select
        nights.account_id,
        nights.trans_date,
        days.place_id,
        days.postings,
        1 as days_there,
        false as is_familiar
    from nights
    inner join days
        on
            nights.account_id = days.account_id
            and nights.day_number > days.day_number
            and nights.day_number <= days.day_number + $habit_days
    union all
    select
        nights.account_id,
        nights.trans_date,
        places.place_id,
        0 as postings,
        0 as days_there,
        true as is_familiar
    from nights
    inner join account_places as places
        on
            nights.account_id = places.account_id
            and nights.trans_date >= places.opened
),

final as (
    select
        account_id,
        trans_date,
        place_id,
        sum(postings) as postings,
        sum(days_there) as days_there,
        bool_or(is_familiar) as is_familiar
    from known
    group by account_id, trans_date, place_id
)

select
    account_id,
    trans_date,
    place_id,
    cast(postings as bigint) as place_postings, -- the account's, there
    is_familiar, -- its people live there, or its branch is there
    -- one day there may be the very one that was odd
    is_familiar or days_there >= $usual_place_days as is_usual
from final
