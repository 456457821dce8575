-- Grain: one check of one account whose dismissal is in force.
-- Inputs: break_decisions.
-- Time: dismissals taken in on the $expiry_days that end with $night.
-- Of one person's of one night only the first $most_a_night count.
select
    account_id,
    check_code,
    known_on,
    acts_from
from break_decisions
where
    decision = 'dismissed'
    and $night - acts_from < $expiry_days
qualify
    row_number() over (
        partition by who, acts_from
        order by review_key asc
    ) <= $most_a_night
order by account_id, check_code
