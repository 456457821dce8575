-- Grain: one settlement date and day on which findings of it were decided.
-- Inputs: findings (mart_findings or its masked table: settlement_date, kind,
--     review_state, reviewed_on).
-- Time: the nights as given, with the latest decision on each finding.
select
    settlement_date,
    reviewed_on,
    count(*) as findings
from findings
where kind in ('break', 'score') and reviewed_on is not null
group by settlement_date, reviewed_on
order by reviewed_on, settlement_date
