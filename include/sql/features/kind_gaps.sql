-- Grain: one kind of operation, one day it occurs, one gap in days.
-- Inputs: kind_days.
-- Time: the $habit_days before the day, the day itself excluded; gaps up to
-- $longest_gap, which lie wholly within the habit from there on.
-- Several postings of one day are a gap of 0 each.
with gaps as (
    select
        kind,
        trans_date,
        day_number,
        gap
    from kind_days
    where gap <= $longest_gap
    union all
    select
        kind,
        trans_date,
        day_number,
        0 as gap
    from kind_days
    where day_postings > 1
),

days as (
    select
        kind,
        day_number,
        gap,
        count(*) as gaps
    from gaps
    group by kind, day_number, gap
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
        days.gap,
        sum(days.gaps) as gaps
    from wanted
    inner join days
        on
            wanted.kind = days.kind
            and days.day_number < wanted.day_number
            and days.day_number
            >= wanted.day_number - ($habit_days - $longest_gap)
    group by wanted.kind, wanted.trans_date, days.gap
),

final as (
    select
        kind,
        trans_date,
        gap,
        sum(gaps) over (
            partition by kind, trans_date order by gap
        ) as gaps_so_short,
        sum(gaps) over (partition by kind, trans_date) as all_gaps
    from counted
)

select
    kind,
    trans_date,
    cast(gap as bigint) as gap,
    cast(gaps_so_short as bigint) as gaps_so_short, -- of this many days or less
    cast(all_gaps as bigint) as all_gaps
from final
