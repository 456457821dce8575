-- Grain: one account, one counterparty, one day they deal with each other.
-- Inputs: postings, state_counterparties (as of before the first day).
-- Time: everything before the day.
with days as (
    select distinct
        account_id,
        counterparty,
        trans_date,
        day_number
    from postings
    where counterparty is not null
),

windowed as (
    select
        *,
        min(trans_date) over (
            partition by account_id, counterparty order by day_number
            range between unbounded preceding and 1 preceding
        ) as first_date
    from days
),

final as (
    select
        windowed.account_id,
        windowed.counterparty,
        windowed.trans_date,
        least(windowed.first_date, state.first_seen) as first_seen
    from windowed
    left join state_counterparties as state
        on
            windowed.account_id = state.account_id
            and windowed.counterparty = state.counterparty
)

select
    account_id,
    counterparty,
    trans_date,
    first_seen is null as is_new_counterparty -- never dealt with before
from final
