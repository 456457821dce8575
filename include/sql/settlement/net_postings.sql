-- Grain: one posting of the night that stands: neither takes another back nor
-- is taken back.
-- Inputs: postings.
-- Time: the night alone.
select
    postings.trans_id,
    postings.account_id,
    postings.trans_date,
    postings.amount,
    postings.balance,
    postings.trans_type,
    postings.operation,
    postings.category,
    postings.other_bank_id,
    postings.other_account_id,
    postings.counterparty
from postings
anti join postings as later on postings.trans_id = later.reverses
where
    postings.amount > 0
    and postings.reverses is null
