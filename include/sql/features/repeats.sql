-- Grain: one account, one kind of operation, one counterparty (or none), one
-- day of the nights $first_night to $last_night.
-- Inputs: rhythms, kind_gaps.
-- Time: as of rhythms, and the habit before the day.
-- How often anybody in the bank repeats a payment so soon.
with gap_totals as (
    select
        kind,
        trans_date,
        max(all_gaps) as all_gaps
    from kind_gaps
    group by kind, trans_date
)

select
    rhythms.account_id,
    rhythms.kind,
    rhythms.payee, -- the counterparty, or empty
    rhythms.trans_date,
    rhythms.shortest_gap, -- days since the one before
    rhythms.shortest_before, -- shortest of the habit before
    coalesce(kind_gaps.gaps_so_short, 0) as gaps_so_short, -- as short or less
    coalesce(totals.all_gaps, 0) as all_gaps
from rhythms
left join gap_totals as totals
    on rhythms.kind = totals.kind and rhythms.trans_date = totals.trans_date
asof left join kind_gaps
    on
        rhythms.kind = kind_gaps.kind
        and rhythms.trans_date = kind_gaps.trans_date
        and rhythms.shortest_gap >= kind_gaps.gap
where rhythms.trans_date between $first_night and $last_night
