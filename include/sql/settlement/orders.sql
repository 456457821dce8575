-- Grain: one standing order with a usable counterparty and amount.
-- Inputs: fin_order, fin_loan.
-- Time: loans granted by $night; the order itself counts from its payments.
select
    fin_order.order_id,
    any_value(fin_order.account_id) as account_id,
    any_value(fin_order.bank_to) as bank_to,
    any_value(
        coalesce(
            cast(fin_order.account_to as varchar), fin_order.counterparty_to
        )
    ) as account_to,
    any_value(fin_order.category) as category, -- what it pays, null when blank
    any_value(cast(fin_order.amount * 100 as bigint)) as amount_cents,
    -- a loan's instalments are the loan checks' from its grant on
    min(fin_loan.granted_date) as loan_granted_date
from fin_order
left join fin_loan
    on
        fin_order.category = 'LO'
        and fin_order.account_id = fin_loan.account_id
        and fin_loan.granted_date <= $night
where fin_order.amount is not null
group by fin_order.order_id
order by fin_order.order_id
