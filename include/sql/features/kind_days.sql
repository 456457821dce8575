-- Grain: one account, one kind of operation, one day it has such postings.
-- Inputs: postings, state_kinds (as of before the first day).
-- Time: everything before the day; habits reach $habit_days back.
with days as (
    select
        account_id,
        kind,
        trans_date,
        day_number,
        count(*) as postings,
        sum(log_amount) as log_sum,
        sum(log_amount * log_amount) as log_square_sum,
        max(amount_cents) as largest_cents
    from postings
    group by account_id, kind, trans_date, day_number
),

windowed as (
    select
        *,
        max(trans_date) over ever as last_date,
        max(largest_cents) over ever as largest_before,
        sum(postings) over habit as habit_postings,
        sum(log_sum) over habit as habit_log_sum,
        sum(log_square_sum) over habit as habit_log_square_sum,
        count(*) over habit as habit_days_used,
        max(day_number) over habit
        - min(day_number) over habit as habit_span
    from days
    window
        ever as (
            partition by account_id, kind order by day_number
            range between unbounded preceding and 1 preceding
        ),
        habit as (
            partition by account_id, kind order by day_number
            range between $habit_days preceding and 1 preceding
        )
),

final as (
    select
        windowed.*,
        greatest(windowed.last_date, state.last_seen) as last_seen,
        greatest(windowed.largest_before, state.largest_cents) as largest_ever
    from windowed
    left join state_kinds as state
        on
            windowed.account_id = state.account_id
            and windowed.kind = state.kind
)

select
    account_id,
    kind,
    trans_date,
    day_number,
    postings as day_postings,
    cast(log_sum as hugeint) as day_log_sum,
    cast(log_square_sum as hugeint) as day_log_square_sum,
    last_seen, -- day of the last such posting; null when there was none
    largest_ever as largest_cents, -- largest amount ever; null as above
    cast(coalesce(habit_postings, 0) as bigint) as kind_postings,
    cast(coalesce(habit_log_sum, 0) as hugeint) as kind_log_sum,
    cast(coalesce(habit_log_square_sum, 0) as hugeint) as kind_log_square_sum,
    habit_days_used as kind_days,
    coalesce(habit_span, 0) as kind_span -- days from first to last in habit
from final
