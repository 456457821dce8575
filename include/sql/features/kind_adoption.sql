-- Grain: one kind of operation on one day it occurs.
-- Inputs: postings, kind_days, state_kinds, state_accounts (as of before the
--     first day).
-- Time: before the day; adoption within $habit_days.
with first_uses as (
    select
        kind,
        first_seen
    from state_kinds
    union all
    select
        kind,
        trans_date as first_seen
    from kind_days
    where first_seen is null
),

first_days as (
    select
        account_id,
        min(first_seen) as first_seen
    from (
        select
            account_id,
            first_seen
        from state_accounts
        union all
        select
            account_id,
            trans_date as first_seen
        from postings
    )
    group by account_id
),

accounts as (
    select
        day,
        sum(count(*)) over (order by day) as known
    from (select first_seen as day from first_days)
    group by day
),

users as (
    select
        kind,
        day,
        sum(count(*)) over (partition by kind order by day) as users
    from (
        select
            kind,
            first_seen as day
        from first_uses
    )
    group by kind, day
),

days as (
    select distinct
        kind,
        trans_date,
        trans_date - 1 as eve,
        cast(trans_date - to_days(cast($habit_days + 1 as integer)) as date)
            as before_habit
    from kind_days
),

final as (
    select
        days.kind,
        days.trans_date,
        coalesce(now.users, 0) as users,
        coalesce(former.users, 0) as former_users,
        coalesce(accounts.known, 0) as accounts
    from days
    asof left join users as now
        on days.kind = now.kind and days.eve >= now.day
    asof left join users as former
        on days.kind = former.kind and days.before_habit >= former.day
    asof left join accounts on days.eve >= accounts.day
)

select
    kind,
    trans_date,
    cast(users as bigint) as kind_users, -- accounts that ever used it
    -- of the accounts that had not, those that took it up within the habit
    (users - former_users + 0.5)
    / (greatest(accounts - former_users, 0) + 1) as adoption
from final
