-- Grain: one posting that was looked into.
-- Inputs: reviews (lake's reviews, of nights up to $night).
-- Time: reviews that a night up to and including $night took in.
-- The latest decision counts; of those made at one moment the confirmed one.
select
    trans_id,
    decision, -- confirmed, dismissed or unsure
    who,
    settlement_date as acts_from, -- the night that took it in
    cast(known_at at time zone 'UTC' as date) as known_on,
    review_key
from reviews
where trans_id is not null and settlement_date <= $night
qualify row_number() over (
    partition by trans_id
    order by
        decided_at desc,
        known_at desc,
        decision asc,
        review_key asc,
        settlement_date asc
) = 1
