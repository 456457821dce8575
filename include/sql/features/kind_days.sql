-- Grain: one account, one kind of operation, one day it has such postings.
-- Inputs: postings, state_kinds (as of before the first day).
-- Time: the day itself, and all before it.
-- A day whose largest amount lies $unusual_spreads spreads and more above what
-- the $habit_days before it led to expect is left out of what is usual
-- afterwards.
with days as (
    select
        account_id,
        kind,
        trans_date,
        day_number,
        count(*) as postings,
        cast(sum(log_amount) as hugeint) as log_sum,
        cast(sum(log_amount * log_amount) as hugeint) as log_square_sum,
        max(log_amount) as largest_log,
        max(amount_cents) as largest_cents
    from postings
    group by account_id, kind, trans_date, day_number
),

followed as (
    select
        *,
        min(trans_date) over ever as first_date,
        max(trans_date) over ever as last_date,
        max(largest_cents) over ever as largest_before,
        day_number - lag(day_number) over by_day as gap,
        cast(
            log_sum / postings
            - lag(log_sum / postings) over by_day as bigint
        ) as log_step,
        sum(postings) over habit as rough_postings,
        sum(log_sum) over habit as rough_log_sum,
        sum(log_square_sum) over habit as rough_log_square_sum
    from days
    window
        by_day as (partition by account_id, kind order by day_number),
        ever as (
            partition by account_id, kind order by day_number
            rows between unbounded preceding and 1 preceding
        ),
        habit as (
            partition by account_id, kind order by day_number
            range between $habit_days preceding and 1 preceding
        )
),

final as (
    select
        followed.* exclude (log_step),
        if(followed.gap <= $longest_gap, followed.log_step, null) as log_step,
        least(followed.first_date, state.first_seen) as first_seen,
        greatest(followed.last_date, state.last_seen) as last_seen,
        greatest(followed.largest_before, state.largest_cents) as largest_ever,
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
    from followed
    left join state_kinds as state
        on
            followed.account_id = state.account_id
            and followed.kind = state.kind
)

select
    account_id,
    kind,
    trans_date,
    day_number,
    postings as day_postings,
    log_sum as day_log_sum,
    log_square_sum as day_log_square_sum,
    largest_cents as day_largest_cents,
    log_step, -- mean log amount less that of the day before of this kind
    first_seen, -- day of the first such posting; null when there was none
    last_seen, -- day of the last such posting; null as above
    largest_ever as largest_cents, -- before this day; null as above
    is_unusual
from final
