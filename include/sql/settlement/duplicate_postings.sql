-- Grain: one posting of the night that repeats another in all but its number.
-- Inputs: postings.
-- Time: the night alone.
with numbered as (
    select
        trans_id,
        account_id,
        cast(amount * 100 as bigint) as amount_cents,
        category,
        other_bank_id,
        other_account_id,
        first_value(trans_id) over twins as first_trans_id,
        row_number() over twins as copy_number,
        -- two unknown balances are not equal ones
        $balances_tell and balance is not null and count(*) over (
            partition by
                account_id, trans_type, operation, amount, category,
                other_bank_id, other_account_id, balance
        ) > 1 as has_equal_balance
    from postings
    window twins as (
        partition by
            account_id, trans_type, operation, amount, category,
            other_bank_id, other_account_id
        order by trans_id
    )
)

select
    trans_id,
    account_id,
    first_trans_id, -- the posting it repeats
    amount_cents, -- unsigned
    category,
    -- counterparty 0 is how the bank writes none
    other_bank_id is not null or coalesce(other_account_id, 0) <> 0
        as is_transfer,
    has_equal_balance
from numbered
where copy_number > 1
order by trans_id
