-- Grain: one payment of a standing order.
-- Inputs: postings, fin_order, fin_loan.
-- Time: the postings given; a loan counts from the day it was granted.
-- A payment is a debit to the order's counterparty (include/counterparties.py
-- says when two are the same; a bank alone is none). Where an account has two
-- orders to one counterparty, the nearer amount decides. Payments of a loan
-- the account already has are left to the loan checks.
with candidates as (
    select
        postings.trans_date,
        postings.trans_id,
        fin_order.order_id,
        cast(postings.amount * 100 as bigint) as paid_cents,
        row_number() over (
            partition by postings.trans_id
            order by
                abs(postings.amount - fin_order.amount),
                fin_order.order_id
        ) as nearness
    from postings
    inner join fin_order
        on
            postings.account_id = fin_order.account_id
            and counterparty_key(
                postings.other_account_id,
                postings.counterparty,
                postings.other_bank_id
            ) = counterparty_key(
                fin_order.account_to,
                fin_order.counterparty_to,
                fin_order.bank_to
            )
            and coalesce(
                cast(postings.other_account_id as varchar),
                postings.counterparty
            ) is not null
    where
        postings.trans_type <> 'C'
        and not exists (
            select 1
            from fin_loan
            where
                postings.category = 'LO'
                and fin_loan.account_id = postings.account_id
                and fin_loan.granted_date <= postings.trans_date
        )
)

select
    trans_date,
    order_id,
    trans_id,
    paid_cents -- unsigned
from candidates
where nearness = 1
order by trans_date, order_id, trans_id
