-- Grain: one account, one kind of operation, one of the described days
-- ($first_described and later) that has such postings.
-- Inputs: kind_days.
-- Time: everything before the day; habits reach $habit_days back.
-- Gathered by a join over stretches of $habit_days, as account_habits are.
with wanted as (
    select
        account_id,
        kind,
        day_number,
        unnest(
            [day_number // $habit_days - 1, day_number // $habit_days]
        ) as stretch
    from kind_days
    where trans_date >= $first_described
),

earlier as (
    select
        wanted.account_id,
        wanted.kind,
        wanted.day_number,
        past.day_number as earlier_day,
        past.day_postings,
        past.day_log_sum,
        past.day_log_square_sum,
        past.day_largest_cents,
        past.is_unusual
    from wanted
    inner join kind_days as past
        on
            wanted.account_id = past.account_id
            and wanted.kind = past.kind
            and wanted.stretch = past.day_number // $habit_days
            and past.day_number
            between wanted.day_number - $habit_days and wanted.day_number - 1
),

habits as (
    select
        account_id,
        kind,
        day_number,
        quantile_disc(day_largest_cents, $high_quantile) as high_cents,
        sum(day_postings) filter (not is_unusual) as postings,
        sum(day_log_sum) filter (not is_unusual) as log_sum,
        sum(day_log_square_sum) filter (not is_unusual) as log_square_sum,
        count(*) as days_used,
        max(day_postings) filter (not is_unusual) as most,
        max(earlier_day) - min(earlier_day) as span
    from earlier
    group by account_id, kind, day_number
),

final as (
    select
        today.*,
        habits.* exclude (account_id, kind, day_number)
    from kind_days as today
    left join habits
        on
            today.account_id = habits.account_id
            and today.kind = habits.kind
            and today.day_number = habits.day_number
    where today.trans_date >= $first_described
)

select
    account_id,
    kind,
    trans_date,
    day_postings,
    first_seen, -- day of the first such posting; null when there was none
    last_seen, -- day of the last such posting; null as above
    largest_cents, -- largest amount ever; null as above
    high_cents, -- that nine such days in ten stay within
    cast(coalesce(postings, 0) as bigint) as kind_postings,
    cast(coalesce(log_sum, 0) as hugeint) as kind_log_sum,
    cast(coalesce(log_square_sum, 0) as hugeint) as kind_log_square_sum,
    coalesce(days_used, 0) as kind_days,
    most as kind_most, -- most on one day of the habit; null when none
    coalesce(span, 0) as kind_span -- days from first to last in habit
from final
