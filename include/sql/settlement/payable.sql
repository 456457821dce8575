-- Grain: one posting that may pay an order or a loan.
-- Inputs: postings, lookback.
-- Time: the postings given; of accounts with a reversal also the look-back.
-- A posting that is taken back on its own day has never been a payment, unless
-- what seems to take it back may be money of its own.
with links as (
    select
        account_id,
        trans_date,
        reverses,
        amount > 0 and category is null as is_doubtful
    from postings
    where reverses is not null
    union all
    select
        account_id,
        trans_date,
        reverses,
        amount > 0 and category is null as is_doubtful
    from lookback
    where reverses is not null
),

known as (
    select
        trans_id,
        account_id,
        trans_date,
        amount,
        trans_type,
        category,
        other_bank_id,
        other_account_id,
        counterparty,
        reverses,
        true as is_new -- of the night or history, not of the look-back
    from postings
    union all
    select
        trans_id,
        account_id,
        trans_date,
        amount,
        trans_type,
        category,
        other_bank_id,
        other_account_id,
        counterparty,
        reverses,
        false as is_new
    from lookback
    where account_id in (select links.account_id from links)
)

select known.*
from known
anti join links
    on
        known.trans_id = links.reverses
        and known.trans_date = links.trans_date
        and not links.is_doubtful
where
    known.amount > 0
    and known.reverses is null
