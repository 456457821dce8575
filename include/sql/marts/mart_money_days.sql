-- Grain: one night.
-- Inputs: night_figures (one row: what the run knows of itself),
--     fin_transaction (of one night).
-- Time: the night.
-- Reconciled: what was offered is published, in quarantine, a duplicate or
-- unreadable, in rows and in money, and what is published sums up to it.
with posted as (
    select
        count(*) as postings,
        coalesce(sum(if(trans_type = 'C', amount, 0)), 0) as credits,
        coalesce(sum(if(trans_type = 'C', 0, amount)), 0) as debits
    from fin_transaction
),

final as (
    select
        figures.*,
        cast(posted.credits as decimal(18, 2)) as credits,
        cast(posted.debits as decimal(18, 2)) as debits,
        cast(figures.offered_cents * 0.01 as decimal(18, 2)) as offered_money,
        cast(
            figures.published_cents * 0.01 as decimal(18, 2)
        ) as published_money,
        cast(
            figures.quarantined_cents * 0.01 as decimal(18, 2)
        ) as quarantined_money,
        cast(
            figures.deduplicated_cents * 0.01 as decimal(18, 2)
        ) as deduplicated_money,
        figures.offered_rows
        = figures.published_rows + figures.quarantined_rows
        + figures.deduplicated_rows + figures.unreadable_rows
        and figures.offered_cents
        = figures.published_cents + figures.quarantined_cents
        + figures.deduplicated_cents
        and figures.published_rows = posted.postings
        and figures.published_cents
        = cast(100 * (posted.credits + posted.debits) as bigint)
            as is_reconciled
    from night_figures as figures
    cross join posted
)

select
    settlement_date, -- the night
    offered_rows, -- postings that the source offered
    published_rows, -- postings that were let in
    quarantined_rows, -- postings in quarantine
    deduplicated_rows, -- postings that stood in the source twice
    unreadable_rows, -- records that could not be split into fields
    offered_money, -- sum of the amounts offered, in the bank's money
    published_money, -- sum of the amounts let in, in the bank's money
    quarantined_money, -- sum of the amounts refused, in the bank's money
    deduplicated_money, -- sum of the amounts that stood there twice
    credits, -- sum of the published credits, in the bank's money
    debits, -- sum of the published debits and withdrawals
    -- whether rows and money add up: offered is published, refused and
    -- deduplicated, and the published postings sum up to what is said of them
    is_reconciled
from final
