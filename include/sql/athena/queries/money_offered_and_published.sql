-- Question: How much was offered in these nights, and what became of it.
-- Readers: masked
-- Parameters: first night, last night, each as '1994-01-31'.
-- Grain: one night.
-- Partitions: mart_money_days_masked and night_manifest, from the first night
-- to the last.
select
    settlement_date,
    offered_rows,
    published_rows,
    quarantined_rows,
    deduplicated_rows,
    unreadable_rows,
    offered_money,
    published_money,
    quarantined_money,
    deduplicated_money,
    credits,
    debits,
    is_reconciled
from published_mart_money_days_masked
where settlement_date between cast(? as date) and cast(? as date)
order by settlement_date asc
