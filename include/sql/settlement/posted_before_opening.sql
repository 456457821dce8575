-- Grain: one posting of the night before its account was opened.
-- Inputs: postings, fin_account.
-- Time: the night alone.
select
    postings.trans_id,
    postings.account_id,
    postings.trans_date,
    fin_account.create_date -- the day the account was opened
from postings
inner join fin_account on postings.account_id = fin_account.account_id
where postings.trans_date < fin_account.create_date
order by postings.trans_id
