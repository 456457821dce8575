-- Grain: one kind of operation on one day it occurs, over the whole bank.
-- Inputs: kind_days, postings.
-- Time: the day, or the seven or thirty days that end with it, against what
-- came before within $habit_days.
with amounts as (
    select
        kind,
        day_number,
        sum(amount_cents) as paid_cents
    from postings
    group by kind, day_number
),

counts as (
    select
        kind,
        trans_date,
        day_number,
        sum(day_postings) as postings,
        count(*) as active
    from kind_days
    group by kind, trans_date, day_number
),

days as (
    select
        counts.*,
        amounts.paid_cents
    from counts
    inner join amounts
        on
            counts.kind = amounts.kind
            and counts.day_number = amounts.day_number
),

windowed as (
    select
        *,
        sum(postings) over habit as habit_postings,
        sum(active) over habit as habit_active,
        sum(paid_cents) over habit as habit_paid,
        sum(postings) over this_week as week_postings,
        sum(paid_cents) over this_week as week_paid,
        sum(postings) over before_week as weekly_postings,
        sum(paid_cents) over before_week as weekly_paid,
        day_number - 6 - min(day_number) over before_week as weekly_days,
        sum(postings) over this_month as month_postings,
        sum(paid_cents) over this_month as month_paid,
        sum(postings) over before_month as monthly_postings,
        sum(paid_cents) over before_month as monthly_paid,
        day_number - 29 - min(day_number) over before_month as monthly_days
    from days
    window
        habit as (
            partition by kind order by day_number
            range between $habit_days preceding and 1 preceding
        ),
        before_week as (
            partition by kind order by day_number
            range between $habit_days preceding and 7 preceding
        ),
        this_week as (
            partition by kind order by day_number
            range between 6 preceding and current row
        ),
        before_month as (
            partition by kind order by day_number
            range between $habit_days preceding and 30 preceding
        ),
        this_month as (
            partition by kind order by day_number
            range between 29 preceding and current row
        )
),

final as (
    select
        kind,
        trans_date,
        cast(postings as double) / active
        / nullif(cast(habit_postings as double) / habit_active, 0) as busy_day,
        cast(paid_cents as double) / active
        / nullif(cast(habit_paid as double) / habit_active, 0) as dear_day,
        cast(week_postings as double) / 7
        / nullif(cast(weekly_postings as double) / weekly_days, 0) as busy_week,
        cast(week_paid as double) / 7
        / nullif(cast(weekly_paid as double) / weekly_days, 0) as dear_week,
        cast(month_postings as double) / 30
        / nullif(cast(monthly_postings as double) / monthly_days, 0)
            as busy_month,
        cast(month_paid as double) / 30
        / nullif(cast(monthly_paid as double) / monthly_days, 0) as dear_month
    from windowed
)

select
    kind,
    trans_date,
    -- how much busier than usual everyone is with this kind, between 1 and 4:
    -- a kind that only begins to be used says nothing of a season
    least(greatest(coalesce(busy_day, 1), 1), 4) as kind_busy_day,
    least(greatest(coalesce(busy_week, 1), 1), 4) as kind_busy_week,
    least(greatest(coalesce(busy_month, 1), 1), 4) as kind_busy_month,
    -- how much more than usual everyone moves by it, likewise
    least(greatest(coalesce(dear_day, 1), 1), 4) as kind_dear_day,
    least(greatest(coalesce(dear_week, 1), 1), 4) as kind_dear_week,
    least(greatest(coalesce(dear_month, 1), 1), 4) as kind_dear_month
from final
