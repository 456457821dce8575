-- Grain: one row.
-- Inputs: postings, lookback.
-- Time: the night and its look-back.
with recent as (
    select balance from postings
    union all
    select balance from lookback
)

select
    count(*) as posting_count,
    count(balance) as known_count, -- postings with a balance
    -- null without any
    cast(min(balance) * 100 as bigint) as lowest_cents,
    cast(max(balance) * 100 as bigint) as highest_cents
from recent
