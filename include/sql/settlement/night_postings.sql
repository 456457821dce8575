-- Grain: one posting of the night.
-- Inputs: postings.
-- Time: the night alone.
select
    account_id,
    trans_id,
    cast(
        case when trans_type = 'C' then amount else -amount end * 100 as bigint
    ) as amount_cents, -- signed: what the posting does to the balance
    cast(balance * 100 as bigint) as balance_cents, -- after it; or null
    trans_type, -- C adds, D and P take
    operation, -- how the money moved, null when blank
    category, -- what it was for, null when blank
    counterparty_key(other_account_id, counterparty, other_bank_id)
        as counterparty -- null without one
from postings
order by account_id, trans_id
