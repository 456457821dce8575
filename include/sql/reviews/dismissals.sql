-- Grain: one finding that was dismissed and whose dismissal is in force.
-- Inputs: decisions, grounds, findings (trans_id, account_id, score, code).
-- Time: dismissals taken in on the $expiry_days that end with $night.
-- Of one person's of one night only the first $most_a_night count.
with dismissed as (
    select *
    from decisions
    where
        decision = 'dismissed'
        and $night - acts_from < $expiry_days
    qualify row_number() over (
        partition by who, acts_from
        order by review_key asc
    ) <= $most_a_night
)

select
    findings.account_id,
    findings.code, -- of its strongest reason; null where it was not flagged
    grounds.subject as counterparty,
    findings.score,
    dismissed.who,
    dismissed.known_on,
    dismissed.acts_from
from dismissed
inner join findings on dismissed.trans_id = findings.trans_id
left join grounds
    on
        dismissed.trans_id = grounds.trans_id
        and grounds.ground = 'counterparty'
order by
    findings.account_id asc,
    dismissed.known_on desc,
    dismissed.trans_id asc
