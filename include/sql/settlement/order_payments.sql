-- Grain: one payment of a standing order.
-- Inputs: payable, fin_order, fin_loan.
-- Time: the postings given; a loan counts from the day it was granted.
-- A payment is a debit to the order's counterparty (include/counterparties.py
-- says when two are the same; a bank alone is none). Where an account has two
-- orders to one counterparty, the nearer amount decides. Payments of a loan
-- the account already has are left to the loan checks.
with candidates as (
    select
        payable.trans_date,
        payable.trans_id,
        payable.is_new,
        fin_order.order_id,
        cast(payable.amount * 100 as bigint) as paid_cents,
        row_number() over (
            partition by payable.trans_id
            order by
                abs(payable.amount - fin_order.amount),
                fin_order.order_id
        ) as nearness
    from payable
    inner join fin_order
        on
            payable.account_id = fin_order.account_id
            and counterparty_key(
                payable.other_account_id,
                payable.counterparty,
                payable.other_bank_id
            ) = counterparty_key(
                fin_order.account_to,
                fin_order.counterparty_to,
                fin_order.bank_to
            )
            and coalesce(
                cast(payable.other_account_id as varchar),
                payable.counterparty
            ) is not null
    where
        payable.trans_type <> 'C'
        and not exists (
            select 1
            from fin_loan
            where
                payable.category = 'LO'
                and fin_loan.account_id = payable.account_id
                and fin_loan.granted_date <= payable.trans_date
        )
)

select
    trans_date,
    order_id as due_id,
    trans_id,
    paid_cents, -- unsigned
    is_new -- of the night or history, not of the look-back
from candidates
where nearness = 1
order by trans_date, order_id, trans_id
