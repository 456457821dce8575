-- Grain: one kind of operation, one day it occurs, one gap in days.
-- Inputs: rhythms.
-- Time: the $habit_days before the day, the day itself excluded; gaps up to
-- $longest_gap, which lie wholly within the habit from there on.
-- A gap is that between two postings of one account with one counterparty;
-- several of one day are a gap of 0 each.
with gaps as (
    select
        kind,
        day_number,
        gap
    from rhythms
    where gap is not null
    union all
    select
        kind,
        day_number,
        0 as gap
    from rhythms
    where postings > 1
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
    from rhythms
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
            and wanted.day_number > days.day_number
            and wanted.day_number - $rhythm_days <= days.day_number
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
