-- Grain: one kind of operation, one day it occurs, one number of postings that
-- an account has of it on a day.
-- Inputs: kind_days.
-- Time: the thirty days that end with the day: when everybody begins to use a
-- kind several times a day, that is a season within a few nights.
with days as (
    select
        kind,
        day_number,
        day_postings,
        count(*) as holders
    from kind_days
    group by kind, day_number, day_postings
),

wanted as (
    select distinct
        kind,
        trans_date,
        day_number
    from kind_days
),

counted as (
    select
        wanted.kind,
        wanted.trans_date,
        days.day_postings,
        sum(days.holders) as holders
    from wanted
    inner join days
        on
            wanted.kind = days.kind
            and days.day_number
            between wanted.day_number - 29 and wanted.day_number
    group by wanted.kind, wanted.trans_date, days.day_postings
),

final as (
    select
        kind,
        trans_date,
        day_postings,
        sum(holders) over (
            partition by kind, trans_date order by day_postings desc
        ) as accounts_so_many,
        sum(holders) over (partition by kind, trans_date) as all_accounts
    from counted
)

select
    kind,
    trans_date,
    day_postings,
    cast(accounts_so_many as bigint) as accounts_so_many, -- this many or more
    cast(all_accounts as bigint) as all_accounts -- account-days of the kind
from final
