-- Grain: one account, one kind of operation, one counterparty (or none), one
-- day: what comes again and again, like one standing payment.
-- Inputs: postings.
-- Time: the whole day and the $longest_gap days before it; the shortest gap so
-- far ends on the day before and lies wholly within the habit.
with days as (
    select
        account_id,
        kind,
        coalesce(counterparty, '') as payee,
        trans_date,
        day_number,
        count(*) as postings
    from postings
    group by all
),

gapped as (
    select
        *,
        day_number - lag(day_number) over (
            partition by account_id, kind, payee order by day_number
        ) as any_gap
    from days
),

bounded as (
    select
        *,
        if(any_gap <= $longest_gap, any_gap, null) as gap,
        if(
            postings > 1, 0, if(any_gap <= $longest_gap, any_gap, null)
        ) as shortest
    from gapped
),

final as (
    select
        *,
        min(shortest) over (
            partition by account_id, kind, payee order by day_number
            range between $rhythm_days preceding and 1 preceding
        ) as shortest_before
    from bounded
)

select
    account_id,
    kind,
    payee, -- the counterparty, or empty
    trans_date,
    day_number,
    postings,
    gap, -- days since the one before; null when longer than $longest_gap
    shortest as shortest_gap, -- the same, 0 when there are several on the day
    shortest_before -- shortest of the habit before; null when unknown
from final
