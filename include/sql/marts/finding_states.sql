-- Grain: one finding (one row of the alerts).
-- Inputs: findings (settlement_date, rank, kind, code, account_id, trans_id),
--     reviews (lake's reviews).
-- Time: the reviews as given; a finding is reviewed on a later date than its
--     night's, as the night is published when its date is over.
-- A review that names a posting is about the posting's findings, or about the
-- breaks of one check on it where it names the check. One that names an account
-- and a check alone is about the newest night that found it. The latest
-- decision counts; of those made at one moment the confirmed one.
with decisions as (
    select
        trans_id,
        account_id,
        check_code,
        decision,
        decided_at,
        known_at,
        review_key,
        cast(decided_at at time zone 'UTC' as date) as decided_on
    from reviews
),

of_postings as (
    select
        findings.settlement_date,
        findings.rank,
        decisions.decision,
        decisions.decided_at,
        decisions.known_at,
        decisions.review_key,
        decisions.decided_on
    from findings
    inner join decisions on findings.trans_id = decisions.trans_id
    where
        findings.kind = 'score'
        or (
            findings.kind = 'break'
            and coalesce(decisions.check_code, findings.code) = findings.code
        )
),

of_checks as (
    select
        findings.settlement_date,
        findings.rank,
        decisions.decision,
        decisions.decided_at,
        decisions.known_at,
        decisions.review_key,
        decisions.decided_on
    from decisions
    inner join findings
        on
            decisions.account_id = findings.account_id
            and decisions.check_code = findings.code
            and decisions.decided_on > findings.settlement_date
    where decisions.trans_id is null and findings.kind = 'break'
    qualify
        findings.settlement_date
        = max(findings.settlement_date) over (
            partition by decisions.review_key
        )
),

matched as (
    select * from of_postings
    union all
    select * from of_checks
),

latest as (
    select *
    from matched
    qualify row_number() over (
        partition by settlement_date, rank
        order by
            decided_at desc,
            known_at desc,
            decision asc,
            review_key asc
    ) = 1
)

select
    findings.settlement_date, -- night of the finding
    findings.rank, -- its rank in the night's alerts
    coalesce(latest.decision, 'open') as review_state,
    latest.decided_on as reviewed_on
from findings
left join latest
    on
        findings.settlement_date = latest.settlement_date
        and findings.rank = latest.rank
order by findings.settlement_date, findings.rank
