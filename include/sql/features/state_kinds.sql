-- Grain: one account and one kind of operation it has used.
-- Inputs: state_kinds (as of before the first day), postings.
-- Time: up to and including $last_night (the bound of postings).
-- Only the first, the largest and the last are kept, so that applying a night
-- twice changes nothing.
with seen as (
    select
        account_id,
        kind,
        first_seen,
        last_seen,
        largest_cents
    from state_kinds
    union all
    select
        account_id,
        kind,
        trans_date as first_seen,
        trans_date as last_seen,
        amount_cents as largest_cents
    from postings
    where not is_void
),

final as (
    select
        account_id,
        kind,
        min(first_seen) as first_seen,
        max(last_seen) as last_seen,
        max(largest_cents) as largest_cents
    from seen
    group by account_id, kind
)

select
    account_id,
    kind, -- direction, operation and category
    first_seen, -- day of the first such posting
    last_seen, -- day of the last such posting
    largest_cents -- largest amount ever
from final
order by account_id, kind
