-- Grain: one kind of operation on one day it occurs.
-- Inputs: kind_days, known_accounts, state_kinds (as of before the first day).
-- Time: before the day; adoption within $habit_days.
with first_uses as (
    select
        kind,
        first_seen as since
    from state_kinds
    union all
    select
        kind,
        trans_date as since
    from kind_days
    where first_seen is null
),

adoptions as (
    select
        kind,
        since,
        sum(count(*)) over (partition by kind order by since) as adopters
    from first_uses
    group by kind, since
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
        coalesce(lately.adopters, 0) as adopters,
        coalesce(former.adopters, 0) as former_adopters,
        coalesce(known_accounts.known_accounts, 0) as known_accounts
    from days
    asof left join adoptions as lately
        on days.kind = lately.kind and days.eve >= lately.since
    asof left join adoptions as former
        on days.kind = former.kind and days.before_habit >= former.since
    asof left join known_accounts on days.eve >= known_accounts.trans_date
)

select
    kind,
    trans_date,
    cast(adopters as bigint) as kind_users, -- accounts that ever used it
    -- of the accounts that had not, those that took it up within the habit
    (adopters - former_adopters + 0.5)
    / (greatest(known_accounts - former_adopters, 0) + 1) as adoption
from final
