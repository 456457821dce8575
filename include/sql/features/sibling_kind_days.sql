-- Grain: one account, one kind of operation, one day it has such postings; only
-- accounts whose owner has another one.
-- Inputs: kind_days, account_profiles.
-- Time: the $habit_days before the day, the day itself excluded.
with several as (
    select client_id
    from account_profiles
    group by client_id
    having count(*) > 1
),

owned as (
    select
        kind_days.account_id,
        kind_days.kind,
        kind_days.trans_date,
        kind_days.day_number,
        kind_days.day_postings,
        kind_days.day_log_sum,
        account_profiles.client_id
    from kind_days
    inner join account_profiles
        on kind_days.account_id = account_profiles.account_id
    inner join several on account_profiles.client_id = several.client_id
),

windowed as (
    select
        account_id,
        kind,
        trans_date,
        sum(day_postings) over owners - sum(day_postings) over own as postings,
        sum(day_log_sum) over owners - sum(day_log_sum) over own as log_sum
    from owned
    window
        owners as (
            partition by client_id, kind order by day_number
            range between $habit_days preceding and 1 preceding
        ),
        own as (
            partition by account_id, kind order by day_number
            range between $habit_days preceding and 1 preceding
        )
),

only_others as (
    select
        account_id,
        kind,
        trans_date,
        cast(postings as bigint) as postings,
        cast(log_sum as double) as log_sum
    from windowed
),

final as (
    select
        *,
        log_sum / nullif(postings, 0) / 1e6 as log_mean
    from only_others
)

select
    account_id,
    kind,
    trans_date,
    postings as sibling_postings,
    log_mean as sibling_log_mean -- of the cents; null without postings
from final
