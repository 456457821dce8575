-- Grain: one statement fee of the night on a known account.
-- Inputs: postings, fin_account.
-- Time: the night alone.
select
    postings.trans_id,
    postings.account_id,
    fin_account.frequency, -- the kind of account the tariff is for
    cast(postings.amount * 100 as bigint) as paid_cents -- what was charged
from postings
inner join fin_account on postings.account_id = fin_account.account_id
where postings.category = 'ST'
order by postings.trans_id
