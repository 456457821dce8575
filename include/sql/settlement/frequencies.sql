-- Grain: one of $accounts that the bank knows.
-- Inputs: fin_account.
-- Time: as it is now.
select
    account_id,
    any_value(frequency) as frequency -- M, W, T; null when blank
from fin_account
where list_contains($accounts, account_id)
group by account_id
order by account_id
