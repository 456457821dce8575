-- Grain: one posting of the night.
-- Inputs: fin_transaction (of one night), owners, features (the feature
--     catalog's columns, with trans_id).
-- Time: the posting's whole day and everything before it, nothing later.
-- Account type: the bank has no savings and checking accounts. account_type
-- stands for it, which is how often a statement is issued. Features are null
-- where no model scored the night, and where the source lacks what they need;
-- 0 says "as usual or less".
with final as (
    select
        postings.trans_id,
        postings.account_id,
        postings.settlement_date,
        postings.amount,
        postings.trans_type,
        owners.client_id,
        owners.client_age,
        owners.age_band,
        owners.district_id as client_district,
        owners.account_kind as account_type,
        cast(
            postings.balance
            - if(
                postings.trans_type = 'C', postings.amount, -postings.amount
            )
            as decimal(18, 2)
        ) as balance_before,
        postings.balance as balance_after,
        owners.shown_district,
        owners.shown_region,
        features.* exclude (trans_id)
    from fin_transaction as postings
    left join owners on postings.account_id = owners.account_id
    left join features on postings.trans_id = features.trans_id
)

select
    trans_id, -- posting number
    account_id, -- account posted to
    settlement_date, -- the night
    amount, -- amount of the posting, in the bank's money
    trans_type, -- C credit, D debit, P cash withdrawal
    client_id, -- owner of the account
    client_age, -- owner's age on the night, in whole years
    age_band, -- years the owner reaches in the night's year, as 30-39
    client_district, -- district of the owner's home
    -- stands for the account type: how often a statement is issued (monthly,
    -- weekly, after each transaction); the bank has no savings and checking
    -- accounts
    account_type,
    balance_before, -- balance before the posting; null where not recorded
    balance_after, -- balance after the posting; null where not recorded
    -- owner's home district as masked readers see it; null where fewer than
    -- five clients share it, ten-year age band and gender
    shown_district,
    -- region as masked readers see it; null where it would tell the home of
    -- fewer than five clients
    shown_region,
    -- predictive spreads of the log amount above what is expected of this kind
    amount_z,
    -- log ratio above the account's largest amount of this kind ever
    amount_to_largest,
    -- log ratio above what nine in ten of the account's of this kind stay
    -- within
    amount_to_high,
    -- the money that lies above that: five times little is little
    amount_excess,
    -- log ratio above the account's largest payment of any kind lately
    amount_to_payments,
    amount_to_siblings, -- predictive spreads above the owner's other accounts
    -- log ratio above the average salary where the owner lives
    amount_to_salary,
    -- postings of the day beyond the usual, in square roots of the usual
    day_count,
    week_count, -- the same of seven days
    month_count, -- the same of thirty days
    -- minus log of how often anyone in the bank has so many of this kind in a
    -- day
    kind_count,
    day_spend, -- log ratio of what was paid on the day to a usual paying day
    week_spend, -- the same of seven days
    month_spend, -- the same of thirty days
    -- log ratio of what was paid on the day above the most on any day lately
    day_limit,
    week_limit, -- the same of seven days
    month_limit, -- the same of thirty days
    balance_share, -- share of the balance before that a payment takes
    balance_low, -- log ratio of the lowest balance lately to the balance after
    overdrawn, -- 1 when the balance after is below zero
    -- minus log of how often the account's transfers go to new ones
    new_counterparty,
    -- 1 when a new counterparty is known to no account, 1/2 to one
    unknown_counterparty,
    -- log ratio of what a new counterparty gets to a usual paying day
    stranger_amount,
    stranger_share, -- share of the balance that goes to a new counterparty
    -- minus log of how often accounts take up this kind, for a kind never used
    new_kind,
    unowned, -- 1 for a posting of a card or loan that the client does not have
    -- log ratio of the days since the last posting of this kind to the usual
    -- gap
    gap,
    -- minus log of how often anyone repeats a payment of this kind so soon
    early,
    -- minus log share in which this kind follows that of the account's day
    -- before
    strange_order,
    -- the same summed over seven days, beyond what is usual for the account
    strange_week,
    -- surprise of the sequence model at how long nothing came before
    sequence_gap,
    sequence_kind, -- its surprise at the kind of operation, on that date
    sequence_counterparty, -- its surprise at the counterparty, given the kind
    sequence_amount, -- its surprise at the amount, given kind and counterparty
    -- log ratio of the days without a decision of the account's people to the
    -- usual
    silence,
    -- minus log share of the account's postings of this sort near this hour
    hour_rarity,
    place_rarity, -- minus log share of the account's postings in that district
    -- log of the kilometres to the nearest place usual for the account
    distance,
    -- log ratio of the time the way from its other posting takes to the time
    -- there was
    travel,
    observed_days, -- days of the account's habit there were to see
    habit_postings, -- postings in that habit
    kind_postings -- postings of this kind in that habit
from final
order by trans_id
