-- Grain: one day with postings, over the whole bank.
-- Inputs: postings.
-- Time: `busy` columns hold the day or the seven days that end with it against
-- what came before; all others end on the day before. Habits reach $habit_days
-- back. Busyness leaves out what the bank books by itself (interest, fees).
with days as (
    select
        day_number,
        trans_date,
        count(*) filter (not is_bank_booked) as postings,
        count(distinct account_id) filter (not is_bank_booked) as active,
        count(hour_of_day) as timed,
        coalesce(sum(hour_cos), 0) as hour_cos,
        coalesce(sum(hour_sin), 0) as hour_sin,
        count(place_id) as placed
    from postings
    group by day_number, trans_date
),

windowed as (
    select
        trans_date,
        day_number,
        postings,
        active,
        cast(sum(postings) over habit as bigint) as habit_postings,
        cast(sum(active) over habit as bigint) as habit_active,
        cast(sum(postings) over this_week as bigint) as week_postings,
        cast(sum(postings) over before_week as bigint) as earlier_postings,
        day_number - 6 - min(day_number) over before_week as earlier_days,
        cast(sum(postings) over this_month as bigint) as month_postings,
        cast(sum(postings) over before_month as bigint) as monthly_postings,
        day_number - 29 - min(day_number) over before_month as monthly_days,
        cast(sum(timed) over habit as bigint) as timed,
        cast(sum(hour_cos) over habit as bigint) as hour_cos,
        cast(sum(hour_sin) over habit as bigint) as hour_sin,
        cast(sum(placed) over habit as bigint) as placed
    from days
    window
        habit as (
            order by day_number
            range between $habit_days preceding and 1 preceding
        ),
        before_week as (
            order by day_number
            range between $habit_days preceding and 7 preceding
        ),
        this_week as (
            order by day_number
            range between 6 preceding and current row
        ),
        before_month as (
            order by day_number
            range between $habit_days preceding and 30 preceding
        ),
        this_month as (
            order by day_number
            range between 29 preceding and current row
        )
),

final as (
    select
        *,
        (postings / nullif(active, 0))
        / nullif(habit_postings / nullif(habit_active, 0), 0) as busy_day,
        (week_postings / 7)
        / nullif(earlier_postings / earlier_days, 0) as busy_week,
        (month_postings / 30)
        / nullif(monthly_postings / monthly_days, 0) as busy_month
    from windowed
)

select
    trans_date,
    -- how much busier than usual everyone is, never below 1
    greatest(busy_day, 1) as bank_busy_day, -- postings of an active account
    greatest(busy_week, 1) as bank_busy_week, -- postings in seven days
    greatest(busy_month, 1) as bank_busy_month, -- postings in thirty days
    coalesce(timed, 0) as bank_timed,
    coalesce(hour_cos, 0) as bank_hour_cos,
    coalesce(hour_sin, 0) as bank_hour_sin,
    coalesce(placed, 0) as bank_placed
from final
