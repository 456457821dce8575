-- Grain: one account, one kind of operation, one day it has such postings.
-- Inputs: postings, state_kinds (as of before the first day).
-- Time: everything before the day; habits reach $habit_days back.
-- A day whose largest amount lies $unusual_spreads spreads and more above what
-- the days before it led to expect is left out of what is usual afterwards.
with days as (
    select
        account_id,
        kind,
        trans_date,
        day_number,
        count(*) as postings,
        sum(log_amount) as log_sum,
        sum(log_amount * log_amount) as log_square_sum,
        max(log_amount) as largest_log,
        max(amount_cents) as largest_cents,
        day_number - lag(day_number) over by_day as gap,
        cast(
            sum(log_amount) / count(*)
            - lag(sum(log_amount) / count(*)) over by_day as bigint
        ) as log_step
    from postings
    group by account_id, kind, trans_date, day_number
    window by_day as (partition by account_id, kind order by day_number)
),

expected as (
    select
        * exclude (log_step),
        if(gap <= $longest_gap, log_step, null) as log_step,
        sum(postings) over before as rough_postings,
        sum(log_sum) over before as rough_log_sum,
        sum(log_square_sum) over before as rough_log_square_sum
    from days
    window before as (
        partition by account_id, kind order by day_number
        range between $habit_days preceding and 1 preceding
    )
),

judged as (
    select
        *,
        coalesce(
            rough_postings >= 3
            and largest_log - rough_log_sum / rough_postings
            > 1e6 * $unusual_spreads * greatest(
                sqrt(
                    greatest(
                        rough_log_square_sum / rough_postings
                        - pow(rough_log_sum / rough_postings, 2),
                        0
                    )
                ) / 1e6,
                $smallest_spread
            ),
            false
        ) as is_unusual
    from expected
),

windowed as (
    select
        *,
        min(trans_date) over ever as first_date,
        max(trans_date) over ever as last_date,
        max(largest_cents) over ever as largest_before,
        quantile_disc(largest_cents, $high_quantile) over habit as habit_high,
        sum(postings) filter (not is_unusual) over habit as habit_postings,
        sum(log_sum) filter (not is_unusual) over habit as habit_log_sum,
        sum(log_square_sum) filter (not is_unusual) over habit
            as habit_log_square_sum,
        count(*) over habit as habit_days_used,
        max(postings) filter (not is_unusual) over habit as habit_most,
        max(day_number) over habit
        - min(day_number) over habit as habit_span
    from judged
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
        least(windowed.first_date, state.first_seen) as first_seen,
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
    log_step, -- mean log amount less that of the day before of this kind
    first_seen, -- day of the first such posting; null when there was none
    last_seen, -- day of the last such posting; null as above
    largest_ever as largest_cents, -- largest amount ever; null as above
    habit_high as high_cents, -- that nine such days in ten stay within
    cast(coalesce(habit_postings, 0) as bigint) as kind_postings,
    cast(coalesce(habit_log_sum, 0) as hugeint) as kind_log_sum,
    cast(coalesce(habit_log_square_sum, 0) as hugeint) as kind_log_square_sum,
    habit_days_used as kind_days,
    habit_most as kind_most, -- most on one day of the habit; null when none
    coalesce(habit_span, 0) as kind_span -- days from first to last in habit
from final
