-- Grain: one account that has postings tonight.
-- Inputs: postings, fin_account.
-- Time: the night alone.
select
    account_id,
    any_value(frequency) as frequency, -- M, W, T
    min(create_date) as create_date -- opened on
from fin_account
where
    account_id in (
        select postings.account_id from postings
    )
group by account_id
order by account_id
