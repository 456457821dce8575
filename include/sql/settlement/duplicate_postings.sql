-- Grain: one posting of the night that repeats another in all but its number.
-- Inputs: net_postings.
-- Time: the night alone.
-- What a counterparty is, include/counterparties.py says.
with named as (
    select
        *,
        counterparty_key(other_account_id, counterparty, other_bank_id)
            as other_side
    from net_postings
),

numbered as (
    select
        trans_id,
        account_id,
        cast(amount * 100 as bigint) as amount_cents,
        category,
        other_side,
        first_value(trans_id) over twins as first_trans_id,
        row_number() over twins as copy_number,
        -- two unknown balances are not equal ones
        $balances_tell and balance is not null and count(*) over (
            partition by
                account_id, trans_type, operation, amount, category,
                other_side, balance
        ) > 1 as has_equal_balance
    from named
    window twins as (
        partition by
            account_id, trans_type, operation, amount, category,
            other_side
        order by trans_id
    )
)

select
    trans_id,
    account_id,
    first_trans_id, -- the posting it repeats
    amount_cents, -- unsigned
    category,
    other_side is not null as is_transfer,
    has_equal_balance
from numbered
where copy_number > 1
order by trans_id
