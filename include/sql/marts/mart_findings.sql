-- Grain: one finding, a row of the night's alerts.
-- Inputs: alerts, fin_transaction and anomaly_scores (of one night), owners,
--     finding_states.
-- Time: the night, and the reviews that were known when it ended; the state of
--     review is brought up to date by the nights that take reviews in.
with reasons as (
    select
        trans_id,
        model_version,
        struct_extract(unnest(reasons), 'feature') as feature,
        generate_subscripts(reasons, 1) as place
    from anomaly_scores
    where is_flagged
),

strongest as (
    select
        trans_id,
        any_value(model_version) as model_version,
        -- the rest of a score names no feature
        arg_min(feature, place) filter (
            where feature is not null
        ) as feature
    from reasons
    group by trans_id
),

final as (
    select
        alerts.*,
        owners.* exclude (account_id),
        postings.trans_type,
        postings.operation,
        strongest.feature,
        strongest.model_version,
        states.review_state,
        states.reviewed_on
    from alerts
    left join owners on alerts.account_id = owners.account_id
    left join fin_transaction as postings
        on alerts.trans_id = postings.trans_id
    left join strongest
        on alerts.trans_id = strongest.trans_id and alerts.kind = 'score'
    left join finding_states as states
        on
            alerts.settlement_date = states.settlement_date
            and alerts.rank = states.rank
)

select
    settlement_date, -- night of the finding
    finding_id, -- opaque name of the finding, the same after a restatement
    rank, -- place in the night's queue, 1 is the most urgent
    kind, -- source, break, score, late, drift or performance
    code, -- check, strongest reason's code, or what a notice is about
    severity, -- error or warn
    account_id, -- account; null where the finding is about the bank
    trans_id, -- posting; null where one is missing or the bank is meant
    client_id, -- owner of the account
    gender, -- owner's, F or M
    client_age, -- owner's age on the night, in whole years
    age_band, -- years the owner reaches in the night's year, as 30-39
    -- account type: how often a statement is issued (monthly, weekly, after
    -- each transaction); the bank has no savings and checking accounts
    account_kind,
    district_id, -- district of the owner's home
    district_name, -- name of that district
    region, -- region of that district
    -- home district as masked readers see it; null where fewer than five
    -- clients share it, ten-year age band and gender
    shown_district,
    -- region as masked readers see it; null where it would tell the home of
    -- fewer than five clients
    shown_region,
    shown_latitude, -- of the shown district's town, decimal degrees north
    shown_longitude, -- of the shown district's town, decimal degrees east
    trans_type, -- of the posting: C credit, D debit, P cash withdrawal
    operation, -- how the posting's money moved, a code of the bank
    amount, -- money at stake: difference of a break, amount of the posting
    score, -- 0 to 1, higher is more unusual; null for what is no score
    feature, -- what the strongest reason measures; null for what is no score
    model_version, -- model that gave the score; null for what is no score
    text, -- the finding as a sentence
    masked_text, -- the sentence without identifiers
    postings, -- findings that the row stands for; null where for one
    review_state, -- open, confirmed, dismissed or unsure
    reviewed_on -- day of the decision (UTC); null while it is open
from final
order by rank
