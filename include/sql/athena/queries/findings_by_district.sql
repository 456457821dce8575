-- Question: Which districts had findings in these nights, and what is at stake.
-- Readers: masked
-- Parameters: first night, last night (a week has seven), each as
-- '1994-01-31'.
-- Grain: one district; of clients whose district may not be shown one region,
-- or one row for all.
-- Partitions: mart_findings_masked and night_manifest, from the first night to
-- the last.
select
    shown_region,
    shown_district,
    count(*) as findings,
    count_if(kind = 'break') as breaks,
    count_if(kind = 'score') as flagged,
    count_if(review_state = 'open') as waiting, -- nobody has decided yet
    count(distinct account_id) as account_count,
    sum(abs(amount)) as money_at_stake,
    max(score) as highest_score
from published_mart_findings_masked
where settlement_date between cast(? as date) and cast(? as date)
group by shown_region, shown_district
order by findings desc, shown_region asc, shown_district asc
