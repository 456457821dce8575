-- Question: Which reasons and checks raise false alarms, of what was reviewed.
-- Readers: masked
-- Parameters: first night, last night, each as '1994-01-31'.
-- Grain: one kind, code and feature that was dismissed at least once.
-- Partitions: mart_findings_masked and night_manifest, from the first night to
-- the last.
with reviewed_findings as (
    select
        kind,
        code,
        feature,
        count(*) as reviewed,
        count_if(review_state = 'dismissed') as dismissed,
        count_if(review_state = 'confirmed') as confirmed,
        count_if(review_state = 'unsure') as unsure
    from published_mart_findings_masked
    where
        settlement_date between cast(? as date) and cast(? as date)
        and review_state != 'open'
    group by kind, code, feature
)

select
    kind,
    code,
    feature, -- null for breaks
    reviewed,
    dismissed,
    confirmed,
    unsure,
    cast(dismissed as double) / reviewed as dismissed_share
from reviewed_findings
where dismissed > 0
order by dismissed desc, kind asc, code asc, feature asc
