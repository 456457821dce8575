-- Grain: one posting and one of what it shares with others: ground, subject.
-- Inputs: postings (fin_transaction's columns; night and look-back).
-- Time: everything up to and including $night.
-- Account number 0 stands for "no counterparty", as in features/postings.sql.
with named as (
    select
        trans_id,
        trans_date,
        cast(account_id as varchar) as own_account,
        cast(district_id as varchar) as place_id,
        nullif(other_account_id, 0) as other_account,
        nullif(trim(other_bank_id), '') as other_bank
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
        if(
            other_account is null and other_bank is null,
            null,
            concat(coalesce(other_bank, ''), '/', coalesce(other_account, 0))
        ) as subject
    from named
)

select
    trans_id,
    trans_date,
    ground, -- account, location or counterparty
    subject -- its number; a counterparty as bank/account
from subjects
where subject is not null
