-- Grain: one kind of operation on one day, over all accounts.
-- Inputs: kind_days.
-- Time: the $habit_days before the day, the day itself excluded.
with days as (
    select
        kind,
        trans_date,
        day_number,
        sum(day_postings) as postings,
        sum(day_log_sum) as log_sum,
        sum(day_log_square_sum) as log_square_sum
    from kind_days
    group by kind, trans_date, day_number
),

windowed as (
    select
        kind,
        trans_date,
        cast(sum(postings) over habit as bigint) as postings,
        cast(sum(log_sum) over habit as double) as log_sum,
        cast(sum(log_square_sum) over habit as double) as log_square_sum
    from days
    window habit as (
        partition by kind order by day_number
        range between $habit_days preceding and 1 preceding
    )
),

final as (
    select
        kind,
        trans_date,
        coalesce(postings, 0) as peer_postings,
        log_sum / postings / 1e6 as peer_log_mean,
        greatest(
            log_square_sum / postings - pow(log_sum / postings, 2), 0
        ) / 1e12 as peer_log_variance
    from windowed
)

select
    kind,
    trans_date,
    peer_postings,
    peer_log_mean, -- mean logarithm of the cents; null without postings
    peer_log_variance
from final
