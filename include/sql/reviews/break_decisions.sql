-- Grain: one check of one account whose breaks were looked into.
-- Inputs: reviews (lake's reviews, of nights up to $night).
-- Time: reviews that a night up to and including $night took in.
-- The latest decision counts; of those made at one moment the confirmed one.
select
    account_id,
    check_code,
    trans_id, -- the posting, where the review names one
    decision, -- confirmed, dismissed or unsure
    who,
    settlement_date as acts_from, -- the night that took it in
    cast(known_at at time zone 'UTC' as date) as known_on,
    review_key
from reviews
where
    account_id is not null
    and check_code is not null
    and settlement_date <= $night
qualify row_number() over (
    partition by account_id, check_code
    order by
        decided_at desc,
        known_at desc,
        decision asc,
        review_key asc,
        settlement_date asc
) = 1
