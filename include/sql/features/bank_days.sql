-- Grain: one day with postings, over the whole bank.
-- Inputs: postings.
-- Time: the day, or the seven or thirty days that end with it, against what
-- came before within $habit_days.
-- What the bank books by itself (interest, fees) is left out.
with account_days as (
    select
        account_id,
        day_number,
        trans_date,
        count(*) filter (not is_bank_booked) as postings,
        coalesce(
            sum(amount_cents) filter (not is_credit and not is_bank_booked), 0
        ) as paid_cents
    from postings
    group by account_id, day_number, trans_date
),

days as (
    select
        day_number,
        trans_date,
        sum(postings) as postings,
        sum(paid_cents) as paid_cents,
        count(*) filter (postings > 0) as active,
        count(*) filter (paid_cents > 0) as paying
    from account_days
    group by day_number, trans_date
),

windowed as (
    select
        *,
        sum(postings) over habit as habit_postings,
        sum(active) over habit as habit_active,
        sum(paid_cents) over habit as habit_paid,
        sum(paying) over habit as habit_paying,
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
        trans_date,
        cast(postings as double) / nullif(active, 0)
        / nullif(
            cast(habit_postings as double) / nullif(habit_active, 0), 0
        ) as busy_day,
        cast(paid_cents as double) / nullif(paying, 0)
        / nullif(
            cast(habit_paid as double) / nullif(habit_paying, 0), 0
        ) as dear_day,
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
    trans_date,
    -- how much busier than usual everyone is, never below 1
    greatest(busy_day, 1) as bank_busy_day, -- postings of an active account
    greatest(busy_week, 1) as bank_busy_week, -- postings in seven days
    greatest(busy_month, 1) as bank_busy_month, -- postings in thirty days
    -- how much more than usual everyone pays, never below 1
    greatest(dear_day, 1) as bank_dear_day, -- by a paying account
    greatest(dear_week, 1) as bank_dear_week, -- in seven days
    greatest(dear_month, 1) as bank_dear_month -- in thirty days
from final
