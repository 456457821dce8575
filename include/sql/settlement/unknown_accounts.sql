-- Grain: one posting of the night on an account the bank does not know.
-- Inputs: postings, fin_account.
-- Time: the night alone.
select
    postings.trans_id,
    postings.account_id
from postings
anti join fin_account on postings.account_id = fin_account.account_id
order by postings.trans_id
