-- Grain: one district on one day it has postings.
-- Inputs: postings (only those whose district is known), account_places.
-- Time: the $habit_days before the day, the day itself excluded.
-- Two questions are kept apart: how often do people stay in the districts they
-- belong to, and where do they go when they do not. The first is asked of those
-- of whom it is known where they belong.
with belonging as (
    select
        account_id,
        min(opened) as opened
    from account_places
    group by account_id
),

located as (
    select
        postings.place_id,
        postings.day_number,
        count(*) filter (familiar.account_id is null) as away,
        count(familiar.account_id) as home,
        count(belonging.account_id) as of_known_home
    from postings
    left join belonging
        on
            postings.account_id = belonging.account_id
            and postings.trans_date >= belonging.opened
    left join account_places as familiar
        on
            postings.account_id = familiar.account_id
            and postings.place_id = familiar.place_id
            and postings.trans_date >= familiar.opened
    where postings.scene is not null and postings.place_id is not null
    group by postings.place_id, postings.day_number
),

totals as (
    select
        day_number,
        sum(sum(away)) over habit as away,
        sum(sum(home)) over habit as home,
        sum(sum(of_known_home)) over habit as of_known_home
    from located
    group by day_number
    window habit as (
        order by day_number
        range between $habit_days preceding and 1 preceding
    )
),

places as (
    select
        place_id,
        day_number,
        sum(away) over (
            partition by place_id order by day_number
            range between $habit_days preceding and 1 preceding
        ) as away
    from located
),

final as (
    select
        places.place_id,
        places.day_number,
        coalesce(places.away, 0) as place_away,
        coalesce(totals.away, 0) as away,
        coalesce(totals.home, 0) as home,
        coalesce(totals.of_known_home, 0) as of_known_home
    from places
    inner join totals on places.day_number = totals.day_number
)

select
    place_id,
    day_number,
    -- of all accounts' postings away from home, those that were here
    cast(place_away + 1 as double) / (away + 1) as away_share,
    -- of all accounts' postings, those where their people belong; a bank not
    -- yet seen is taken for half and half
    cast(home + $habit_weight * 0.5 as double)
    / (of_known_home + $habit_weight) as home_share
from final
