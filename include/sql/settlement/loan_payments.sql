-- Grain: one payment of a loan.
-- Inputs: postings, fin_loan.
-- Time: the postings given; a loan counts from the day it was granted.
-- Where an account has several loans, the nearer instalment decides.
with candidates as (
    select
        postings.trans_date,
        postings.trans_id,
        fin_loan.loan_id,
        cast(postings.amount * 100 as bigint) as paid_cents,
        row_number() over (
            partition by postings.trans_id
            order by
                abs(postings.amount - fin_loan.payments),
                fin_loan.loan_id
        ) as nearness
    from postings
    inner join fin_loan
        on
            postings.account_id = fin_loan.account_id
            and postings.trans_date >= fin_loan.granted_date
    where
        postings.category = 'LO'
        and postings.trans_type <> 'C'
)

select
    trans_date,
    loan_id,
    trans_id,
    paid_cents -- unsigned
from candidates
where nearness = 1
order by trans_date, loan_id, trans_id
