-- Grain: one account that has postings.
-- Inputs: state_accounts (as of before the first day), postings.
-- Time: up to and including $last_night (the bound of postings).
with seen as (
    select
        account_id,
        first_seen,
        last_decided
    from state_accounts
    union all
    select
        account_id,
        trans_date as first_seen,
        if(is_bank_booked, null, trans_date) as last_decided
    from postings
),

final as (
    select
        account_id,
        min(first_seen) as first_seen,
        max(last_decided) as last_decided
    from seen
    group by account_id
)

select
    account_id,
    first_seen, -- day of the first posting
    last_decided -- day of the last one that its people decided
from final
order by account_id
