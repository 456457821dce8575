-- Grain: one account and one counterparty it has dealt with.
-- Inputs: state_counterparties (as of before the first day), postings.
-- Time: up to and including $last_night (the bound of postings).
with seen as (
    select
        account_id,
        counterparty,
        first_seen
    from state_counterparties
    union all
    select
        account_id,
        counterparty,
        trans_date as first_seen
    from postings
    where
        counterparty is not null
        and not is_void
),

final as (
    select
        account_id,
        counterparty,
        min(first_seen) as first_seen
    from seen
    group by account_id, counterparty
)

select
    account_id,
    counterparty, -- bank and account of the other side
    first_seen -- day they first dealt with each other
from final
order by account_id, counterparty
