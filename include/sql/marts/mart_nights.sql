-- Grain: one night.
-- Inputs: night_figures (one row: what the run knows of itself), alerts,
--     settlement_breaks, anomaly_scores (of one night).
-- Time: the night.
with found as (
    select
        (select count(*) from alerts) as findings,
        (select count(*) from anomaly_scores) as scored,
        (
            select count(*)
            from anomaly_scores
            where is_flagged
        ) as flagged,
        (
            select count(*)
            from settlement_breaks
            where severity = 'error'
        ) as error_breaks,
        (
            select count(*)
            from settlement_breaks
            where severity = 'warn'
        ) as warn_breaks,
        (
            select count(distinct account_id) from alerts
        ) as accounts_with_findings
),

final as (
    select
        figures.*,
        found.*,
        cast(figures.offered_cents * 0.01 as decimal(18, 2)) as offered_money,
        cast(
            figures.published_cents * 0.01 as decimal(18, 2)
        ) as published_money,
        cast(
            figures.quarantined_cents * 0.01 as decimal(18, 2)
        ) as quarantined_money
    from night_figures as figures
    cross join found
)

select
    settlement_date, -- the night
    model_version, -- model that scored it; null where none did
    code_version, -- version of the code that played it
    offered_rows, -- postings that the source offered
    published_rows, -- postings that were let in
    quarantined_rows, -- postings in quarantine
    deduplicated_rows, -- postings that stood in the source twice
    unreadable_rows, -- records that could not be split into fields
    offered_money, -- sum of the amounts offered, in the bank's money
    published_money, -- sum of the amounts let in, in the bank's money
    quarantined_money, -- sum of the amounts refused, in the bank's money
    error_breaks, -- breaks that are errors
    warn_breaks, -- breaks that are warnings
    scored, -- postings with a score
    flagged, -- postings whose score lies above the threshold
    findings, -- rows of the night's queue
    accounts_with_findings, -- accounts that the queue names
    seconds -- from the reading of the source to publication
from final
