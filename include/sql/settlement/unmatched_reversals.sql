-- Grain: one negative posting of the night that takes no posting back.
-- Inputs: postings.
-- Time: the night alone; what it might take back was looked for before.
select
    trans_id,
    account_id,
    trans_type,
    cast(amount * 100 as bigint) as amount_cents -- negative
from postings
where
    amount < 0
    and reverses is null
order by trans_id
