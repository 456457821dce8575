-- Grain: one account on one day it has postings.
-- Inputs: account_habits.
-- Time: as of account_habits.
-- How the day, and the seven and thirty days that end with it, compare with
-- the account's habit: logarithms, above 0 for more than usual. What they are
-- compared with includes the day or week itself, so that a habit of three days
-- cannot be exceeded more than fourfold.
with bounded as (
    select
        *,
        greatest(observed_days - 6, 0) as week_days,
        greatest(observed_days - 29, 0) as month_days
    from account_habits
),

usual as (
    select
        *,
        (habit_postings + day_postings)
        / (habit_days_active + 1) as usual_day_count,
        7 * (weekly_postings + week_postings)
        / (week_days + 7) as usual_week_count,
        30 * (monthly_postings + month_postings)
        / (month_days + 30) as usual_month_count,
        (habit_paid_cents + day_paid_cents)
        / (habit_days_paying + 1) as usual_day_spend,
        7 * (weekly_paid_cents + week_paid_cents)
        / (week_days + 7) as usual_week_spend,
        30 * (monthly_paid_cents + month_paid_cents)
        / (month_days + 30) as usual_month_spend
    from bounded
),

final as (
    select
        *,
        ln((day_postings + 1) / (usual_day_count + 1)) as over_day_count,
        ln((week_postings + 1) / (usual_week_count + 1)) as over_week_count,
        ln((month_postings + 1) / (usual_month_count + 1)) as over_month_count,
        ln((day_paid_cents + 1) / (usual_day_spend + 1)) as over_day_spend,
        ln((week_paid_cents + 1) / (usual_week_spend + 1)) as over_week_spend,
        ln(
            (month_paid_cents + 1) / (usual_month_spend + 1)
        ) as over_month_spend,
        ln((day_paid_cents + 1) / (most_paid_cents + 1)) as over_most_day,
        ln(
            (week_paid_cents + 1)
            / (greatest(most_week_paid_cents, most_paid_cents) + 1)
        ) as over_most_week,
        ln(
            (month_paid_cents + 1)
            / (
                greatest(
                    most_month_paid_cents,
                    most_week_paid_cents,
                    most_paid_cents
                )
                + 1
            )
        ) as over_most_month,
        habit_days_paying
        / (habit_days_paying + $habit_weight) as paying_evidence,
        case
            when lowest_cents is null or day_lowest_cents is null then null
            when lowest_cents <= 0 then 0
            else
                ln(
                    (lowest_cents + $smallest_balance_cents)
                    / (greatest(day_lowest_cents, 0) + $smallest_balance_cents)
                )
        end as under_lowest_day
    from usual
)

select
    account_id,
    trans_date,
    week_days, -- days of habit before the seven and the thirty
    month_days,
    usual_day_count,
    usual_week_count,
    usual_month_count,
    over_day_count, -- ln(postings + 1 / usual + 1)
    over_week_count,
    over_month_count,
    over_day_spend, -- ln(paid / usual)
    over_week_spend,
    over_month_spend,
    over_most_day, -- ln(paid / the most of the habit)
    over_most_week,
    over_most_month,
    under_lowest_day, -- ln(lowest of the habit / of the day); null unknown
    paying_evidence, -- 0 to 1, by how many days had payments
    -- of established accounts it can be said what a season is
    observed_days >= $habit_days - 29
    and habit_days_paying >= $habit_weight as is_established
from final
