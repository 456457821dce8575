-- Grain: one posting and one of what it shares with others: ground, subject.
-- Inputs: postings (fin_transaction's columns; night and look-back).
-- Time: everything up to and including $night.
-- What a counterparty is, include/counterparties.py says.
with named as (
    select
        trans_id,
        trans_date,
        cast(account_id as varchar) as own_account,
        cast(district_id as varchar) as place_id,
        counterparty_key(
            other_account_id, counterparty, other_bank_id
        ) as counterparty
    from postings
    where trans_date <= $night
),

subjects as (
    select
        trans_id,
        trans_date,
        'account' as ground,
        own_account as subject
    from named
    union all
    select
        trans_id,
        trans_date,
        'location' as ground,
        place_id as subject
    from named
    union all
    select
        trans_id,
        trans_date,
        'counterparty' as ground,
        counterparty as subject
    from named
)

select
    trans_id,
    trans_date,
    ground, -- account, location or counterparty
    subject -- its number; a counterparty as bank/account
from subjects
where subject is not null
