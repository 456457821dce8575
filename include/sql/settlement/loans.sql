-- Grain: one loan.
-- Inputs: fin_loan.
-- Time: granted by $night. `status` tells the future and is not read.
select
    loan_id,
    any_value(account_id) as account_id,
    any_value(granted_date) as granted_date,
    any_value(cast(duration as bigint)) as duration, -- months
    any_value(cast(payments * 100 as bigint)) as payment_cents -- a month
from fin_loan
where
    granted_date <= $night
    and duration is not null
    and payments is not null
group by loan_id
order by loan_id
