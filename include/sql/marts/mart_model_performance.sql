-- Grain: one night and model that scored it.
-- Inputs: anomaly_scores (of one night), model_findings (mart_findings of this
--     night and of those before it in the look-back of reviews), decisions (the
--     latest on each posting that the night knows).
-- Time: scores of the night; decisions known when it ended, on what the model
--     flagged on this night and those before it.
-- The interval is Wilson's (1927, J. Am. Stat. Assoc. 22, 209-212), at 95 %
-- with $normal_quantile: it stays within 0 and 1 and holds with few decisions.
with scored as (
    select
        settlement_date,
        model_version,
        count(*) as scored,
        count_if(is_flagged) as flagged,
        max(threshold) as threshold,
        quantile_cont(score, 0.5) as score_p50,
        quantile_cont(score, 0.9) as score_p90,
        quantile_cont(score, 0.99) as score_p99
    from anomaly_scores
    group by settlement_date, model_version
),

decided as (
    select
        findings.model_version,
        count(*) as reviewed,
        count_if(decisions.decision = 'confirmed') as confirmed,
        count_if(decisions.decision = 'dismissed') as dismissed,
        count_if(decisions.decision = 'unsure') as unsure,
        nullif(confirmed + dismissed, 0) as settled,
        confirmed / settled as precision, -- noqa: RF04
        $normal_quantile * $normal_quantile as squared
    from model_findings as findings
    inner join decisions on findings.trans_id = decisions.trans_id
    where findings.kind = 'score'
    group by findings.model_version
),

final as (
    select
        scored.*,
        decided.precision,
        round(scored.flagged / scored.scored, 6) as flagged_share,
        coalesce(decided.reviewed, 0) as reviewed,
        coalesce(decided.confirmed, 0) as confirmed,
        coalesce(decided.dismissed, 0) as dismissed,
        coalesce(decided.unsure, 0) as unsure,
        (decided.precision + decided.squared / 2 / decided.settled)
        / (1 + decided.squared / decided.settled) as middle,
        $normal_quantile
        * sqrt(
            decided.precision * (1 - decided.precision) / decided.settled
            + decided.squared / 4 / decided.settled / decided.settled
        )
        / (1 + decided.squared / decided.settled) as half_width,
        round(middle - half_width, 6) as precision_low,
        round(middle + half_width, 6) as precision_high
    from scored
    left join decided on scored.model_version = decided.model_version
)

select
    settlement_date, -- the night
    model_version, -- model that scored it
    scored, -- postings that it scored
    flagged, -- postings whose score lies above the threshold
    flagged_share, -- flagged of scored, 0 to 1
    threshold, -- score from which on a posting is flagged, 0 to 1
    score_p50, -- half of the scores are no higher, 0 to 1
    score_p90, -- nine in ten scores are no higher, 0 to 1
    score_p99, -- 99 in 100 scores are no higher, 0 to 1
    reviewed, -- findings of the model with a decision that the night knows
    confirmed, -- of them confirmed
    dismissed, -- of them dismissed
    unsure, -- of them neither
    precision, -- confirmed of confirmed and dismissed, 0 to 1
    precision_low, -- lower end of the precision's 95 % interval, 0 to 1
    precision_high -- upper end of the precision's 95 % interval, 0 to 1
from final
