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

postings_by_scene as (
    select
        account_id,
        scene,
        trans_date,
        day_number,
        minute_of_day
    from timed
    union all
    select
        account_id,
        'present' as scene,
        trans_date,
        day_number,
        minute_of_day
    from timed
    where scene in ('card', 'desk')
),

described as (
    select distinct
        account_id,
        scene,
        trans_date,
        day_number,
        day_number // $habit_days as stretch
    from postings_by_scene
    where trans_date >= $first_night
),

wanted as (
    select
        account_id,
        scene,
        day_number,
        unnest([stretch - 1, stretch]) as stretch
    from described
),

habits as (
    select
        wanted.account_id,
        wanted.scene,
        wanted.day_number,
        list_sort(list(earlier.minute_of_day)) as minutes
    from wanted
    inner join postings_by_scene as earlier
        on
            wanted.account_id = earlier.account_id
            and wanted.scene = earlier.scene
            and wanted.stretch = earlier.day_number // $habit_days
            and earlier.day_number
            between wanted.day_number - $habit_days and wanted.day_number - 1
    group by wanted.account_id, wanted.scene, wanted.day_number
),

counted as (
    select
        described.account_id,
        described.scene,
        described.trans_date,
        coalesce(habits.minutes, []) as minutes,
        coalesce(len(habits.minutes), 0) as postings,
        (4 * coalesce(len(habits.minutes), 0) + 4) // 5 as enough
    from described
    left join habits
        on
            described.account_id = habits.account_id
            and described.scene = habits.scene
            and described.day_number = habits.day_number
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
