-- Grain: one posting of the look-back that stands: neither takes another back
-- nor is taken back by the night.
-- Inputs: postings, lookback.
-- Time: the look-back, seen from the night.
with links as (
    select reverses from postings
    union all
    select reverses from lookback
)

select
    lookback.trans_id,
    lookback.account_id,
    lookback.trans_date,
    lookback.amount,
    lookback.balance,
    lookback.trans_type,
    lookback.operation,
    lookback.category,
    lookback.other_bank_id,
    lookback.other_account_id,
    lookback.counterparty
from lookback
anti join links on lookback.trans_id = links.reverses
where
    lookback.amount > 0
    and lookback.reverses is null
