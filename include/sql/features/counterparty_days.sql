-- Grain: one account, one counterparty, one day they deal with each other.
-- Inputs: postings, state_counterparties (as of before the first day).
-- Time: everything before the day; meetings within $habit_days.
with days as (
    select distinct
        account_id,
        counterparty,
        trans_date,
        day_number
    from postings
    where counterparty is not null
),

dated as (
    select
        *,
        min(trans_date) over (
            partition by account_id, counterparty order by day_number
            range between unbounded preceding and 1 preceding
        ) as first_date
    from days
),

known as (
    select
        dated.account_id,
        dated.counterparty,
        dated.trans_date,
        dated.day_number,
        least(dated.first_date, state.first_seen) as first_seen
    from dated
    left join state_counterparties as state
        on
            dated.account_id = state.account_id
            and dated.counterparty = state.counterparty
),

-- everybody's first dealings with a counterparty, each account once
meetings as (
    select
        counterparty,
        first_seen as met_on
    from state_counterparties
    union all
    select
        counterparty,
        trans_date as met_on
    from known
    where first_seen is null
),

acquaintances as (
    select
        counterparty,
        met_on,
        sum(count(*)) over (
            partition by counterparty order by met_on
        ) as known_by
    from meetings
    group by counterparty, met_on
),

met as (
    select
        *,
        trans_date - 1 as eve,
        sum(if(coalesce(first_seen >= trans_date, true), 1, 0)) over (
            partition by account_id order by day_number
            range between $habit_days preceding and 1 preceding
        ) as habit_meetings
    from known
),

final as (
    select
        met.*,
        coalesce(acquaintances.known_by, 0) as known_by
    from met
    asof left join acquaintances
        on
            met.counterparty = acquaintances.counterparty
            and met.eve >= acquaintances.met_on
)

select
    account_id,
    counterparty,
    trans_date,
    -- never dealt with before, or only since $new_days: a second transfer is
    -- no sooner a habit than the next month's
    coalesce(
        first_seen >= trans_date - cast($new_days as integer), true
    ) as is_new_counterparty,
    -- other accounts that ever dealt with it
    cast(known_by - if(first_seen is null, 0, 1) as bigint) as known_by,
    -- how many others the account met within its habit, before this day
    cast(coalesce(habit_meetings, 0) as bigint) as habit_meetings
from final
