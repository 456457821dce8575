-- Grain: one posting that may take another one back or be taken back.
-- Inputs: posted (the night's or the history's postings, and those of the
-- look-back with what they reverse).
-- Time: all that is given.
-- Most postings are none: they have no other one of their account with the
-- same amount and the other sign or direction.
with amounts as (
    select
        account_id,
        abs(amount) as size
    from posted
    group by account_id, abs(amount)
    having
        min(amount) < 0
        or (bool_or(trans_type = 'C') and bool_or(trans_type <> 'C'))
),

named as (
    select
        posted.trans_id,
        posted.account_id,
        posted.trans_date,
        posted.trans_type,
        posted.trans_type = 'C' as is_credit,
        posted.operation,
        posted.category,
        posted.amount,
        posted.balance,
        posted.is_new,
        posted.reverses,
        counterparty_key(
            posted.other_account_id, posted.counterparty, posted.other_bank_id
        ) as counterparty
    from posted
    semi join amounts
        on
            posted.account_id = amounts.account_id
            and abs(posted.amount) = amounts.size
)

select
    trans_id,
    account_id,
    trans_date,
    trans_type,
    is_credit,
    operation,
    category,
    amount,
    balance,
    is_new,
    reverses, -- what a posting of the look-back takes back
    counterparty, -- include/counterparties.py says when two are the same
    -- its bank and its account, null where the posting names none
    nullif(split_part(counterparty, '/', 1), '') as other_bank,
    nullif(regexp_extract(counterparty, '/(.*)$', 1), '0') as other_account,
    -- the postings it is interchangeable with
    dense_rank() over (
        order by
            account_id, amount, trans_type, operation, category, counterparty
    ) as group_number
from named
