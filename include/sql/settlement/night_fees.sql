-- Grain: one statement fee of the night on a known account.
-- Inputs: net_postings, fin_account.
-- Time: the night alone.
select
    net_postings.trans_id,
    net_postings.account_id,
    fin_account.frequency, -- the kind of account the tariff is for
    cast(net_postings.amount * 100 as bigint) as paid_cents -- what was charged
from net_postings
inner join fin_account on net_postings.account_id = fin_account.account_id
where bill_kind(net_postings.category, net_postings.trans_type) = 'ST'
order by net_postings.trans_id
