-- Question: Which nights are not published, or do not account for all that was
-- offered.
-- Readers: masked
-- Parameters: first night, last night, each as '1994-01-31'.
-- Grain: one night that did not close.
-- Partitions: mart_money_days_masked and night_manifest, from the first night
-- to the last.
with askable_days as (
    -- a parameter may stand in a where clause alone: every day that may be
    -- asked for, 1970 to 2243
    select
        cast(
            date_add('day', 1000 * thousands.n + units.n, date '1970-01-01')
            as date
        ) as settlement_date
    from unnest(sequence(0, 99)) as thousands (n)
    cross join unnest(sequence(0, 999)) as units (n)
),

entries as (
    select
        settlement_date,
        0 as is_published,
        0 as is_unaccounted,
        cast(0 as bigint) as missing_rows,
        cast(0 as decimal(18, 2)) as missing_money
    from askable_days
    union all
    select
        settlement_date,
        1 as is_published,
        if(is_reconciled, 0, 1) as is_unaccounted,
        offered_rows - published_rows - quarantined_rows - deduplicated_rows
        - unreadable_rows as missing_rows,
        offered_money - published_money - quarantined_money
        - deduplicated_money as missing_money
    from published_mart_money_days_masked
)

select
    settlement_date,
    case
        when max(is_published) = 0 then 'not published'
        else 'not accounted for'
    end as reason,
    sum(missing_rows) as missing_rows,
    sum(missing_money) as missing_money
from entries
where settlement_date between cast(? as date) and cast(? as date)
group by settlement_date
having max(is_published) = 0 or max(is_unaccounted) = 1
order by settlement_date asc
