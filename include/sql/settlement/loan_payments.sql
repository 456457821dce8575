-- Grain: one payment of a loan.
-- Inputs: payable, fin_loan.
-- Time: the postings given; a loan counts from the day it was granted.
-- Where an account has several loans, the nearer instalment decides.
with candidates as (
    select
        payable.trans_date,
        payable.trans_id,
        payable.is_new,
        fin_loan.loan_id,
        cast(payable.amount * 100 as bigint) as paid_cents,
        row_number() over (
            partition by payable.trans_id
            order by
                abs(payable.amount - fin_loan.payments),
                fin_loan.loan_id
        ) as nearness
    from payable
    inner join fin_loan
        on
            payable.account_id = fin_loan.account_id
            and payable.trans_date >= fin_loan.granted_date
    where
        payable.category = 'LO'
        and payable.trans_type <> 'C'
)

select
    trans_date,
    loan_id as due_id,
    trans_id,
    paid_cents, -- unsigned
    is_new -- of the night or history, not of the look-back
from candidates
where nearness = 1
order by trans_date, loan_id, trans_id
