-- Grain: one account in one scene on one day of the nights $first_night to
-- $last_night that has such postings.
-- Inputs: postings (only those whose hour is known).
-- Time: the $habit_days before the day, the day itself excluded.
-- Scene `present` holds card and desk together: when its people are about.
-- The usual hours are the shortest stretch of the clock, across midnight where
-- need be, that holds four fifths of the account's postings.
with timed as (
    select
        account_id,
        scene,
        trans_date,
        day_number,
        minute_of_day
    from postings
    where
        scene is not null
        and minute_of_day is not null
        and trans_date >= $first_night - $habit_days
        and trans_date <= $last_night
),

days as (
    select
        account_id,
        scene,
        trans_date,
        day_number,
        list(minute_of_day) as minutes
    from timed
    group by account_id, scene, trans_date, day_number
    union all
    select
        account_id,
        'present' as scene,
        trans_date,
        day_number,
        list(minute_of_day) as minutes
    from timed
    where scene in ('card', 'desk')
    group by account_id, trans_date, day_number
),

habits as (
    select
        account_id,
        scene,
        trans_date,
        list_sort(
            flatten(
                coalesce(
                    list(minutes) over (
                        partition by account_id, scene order by day_number
                        range between $habit_days preceding and 1 preceding
                    ),
                    []
                )
            )
        ) as minutes
    from days
),

counted as (
    select
        *,
        len(minutes) as postings,
        (4 * len(minutes) + 4) // 5 as enough
    from habits
    where trans_date >= $first_night
),

stretches as (
    -- from each posting to the one that makes it enough: how long, and from
    -- when, in one number, of which the least is the shortest
    select
        *,
        list_min(
            list_transform(
                range(1, postings + 1),
                lambda i: (
                    minutes[(i + enough - 2) % postings + 1]
                    - minutes[i] + 1440
                ) % 1440 * 1440 + minutes[i]
            )
        ) as shortest
    from counted
),

final as (
    select
        *,
        shortest % 1440 as usual_from,
        (shortest % 1440 + shortest // 1440) % 1440 as usual_to
    from stretches
)

select
    account_id,
    scene,
    trans_date,
    -- how many of the account's earlier postings at which minute of the day:
    -- short lists even of an account with thousands
    map_entries(list_aggregate(minutes, 'histogram')) as minutes,
    postings as timed_postings, -- how many there are
    usual_from, -- minute of the day; null without an earlier posting
    usual_to
from final
