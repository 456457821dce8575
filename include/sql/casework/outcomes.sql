-- Grain: one month of settlement dates, kind and code of findings.
-- Inputs: findings (mart_findings or its masked table: settlement_date, kind,
--     code, amount, review_state).
-- Time: the nights as given, with the state of review that they have now.
-- Findings that nobody decides on (of the source, of drift, of lateness) are
-- left out.
select
    cast(date_trunc('month', settlement_date) as date) as month, -- noqa: RF04
    kind,
    code,
    count(*) as findings,
    count_if(review_state = 'open') as undecided,
    count_if(review_state = 'confirmed') as confirmed,
    count_if(review_state = 'dismissed') as dismissed,
    count_if(review_state = 'unsure') as unsure,
    coalesce(sum(abs(amount)) filter (where review_state = 'open'), 0)
        as undecided_money,
    coalesce(sum(abs(amount)) filter (where review_state = 'confirmed'), 0)
        as confirmed_money
from findings
where kind in ('break', 'score')
group by all
order by month, kind, code
