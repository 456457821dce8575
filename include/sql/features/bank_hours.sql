-- Grain: one scene, one slot of ten minutes, one day that has such postings
-- within an hour and a half of the slot.
-- Inputs: postings (only those whose hour is known).
-- Time: the $habit_days before the day, the day itself excluded.
-- A share is drawn towards that of a uniform day, so that an hour the bank has
-- never seen is very rare and not impossible.
with slots as (
    select
        scene,
        day_number,
        minute_of_day // 10 as slot,
        count(*) as postings
    from postings
    where scene is not null and minute_of_day is not null
    group by scene, day_number, slot
),

steps as (
    -- nine slots either way are an hour and a half
    select unnest(range(-9, 10)) as step
),

spread as (
    -- what lies near a slot; across midnight too
    select
        slots.scene,
        slots.day_number,
        (slots.slot + steps.step + 144) % 144 as slot,
        sum(slots.postings) as postings
    from slots
    cross join steps
    group by
        slots.scene, slots.day_number, (slots.slot + steps.step + 144) % 144
),

totals as (
    select
        scene,
        day_number,
        sum(sum(postings)) over (
            partition by scene order by day_number
            range between $habit_days preceding and 1 preceding
        ) as postings
    from slots
    group by scene, day_number
),

near as (
    select
        scene,
        day_number,
        slot,
        sum(postings) over (
            partition by scene, slot order by day_number
            range between $habit_days preceding and 1 preceding
        ) as postings
    from spread
),

final as (
    select
        near.scene,
        near.day_number,
        near.slot,
        coalesce(near.postings, 0) as near_postings,
        coalesce(totals.postings, 0) as all_postings
    from near
    inner join totals
        on
            near.scene = totals.scene
            and near.day_number = totals.day_number
)

select
    scene,
    day_number,
    slot, -- ten minutes of the day, 0 to 143
    cast(near_postings + $habit_weight * $uniform_share as double)
    / (all_postings + $habit_weight) as bank_share -- of all accounts'
from final
