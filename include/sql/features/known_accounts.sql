-- Grain: one day with postings.
-- Inputs: postings, state_accounts (as of before the first day).
-- Time: up to and including the day.
with seen as (
    select
        account_id,
        first_seen as since
    from state_accounts
    union all
    select
        account_id,
        trans_date as since
    from postings
),

first_days as (
    select
        account_id,
        min(since) as since
    from seen
    group by account_id
),

accounts as (
    select
        since,
        sum(count(*)) over (order by since) as known
    from first_days
    group by since
),

days as (
    select distinct trans_date
    from postings
),

final as (
    select
        days.trans_date,
        accounts.known
    from days
    asof left join accounts on days.trans_date >= accounts.since
)

select
    trans_date,
    cast(known as bigint) as known_accounts -- that have had any posting
from final
