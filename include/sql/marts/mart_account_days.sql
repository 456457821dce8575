-- Grain: one account on a night on which it has postings or breaks.
-- Inputs: fin_transaction, anomaly_scores, settlement_breaks, alerts (of one
--     night), closings (balances that accounts closed on), owners.
-- Time: the night.
with posted as (
    select
        account_id,
        count(*) as postings,
        sum(if(trans_type = 'C', amount, 0)) as credits,
        sum(if(trans_type = 'C', 0, amount)) as debits
    from fin_transaction
    group by account_id
),

scored as (
    select
        account_id,
        count_if(is_flagged) as flagged,
        max(score) as highest_score
    from anomaly_scores
    group by account_id
),

broken as (
    select
        account_id,
        count(*) as breaks
    from settlement_breaks
    where account_id is not null
    group by account_id
),

-- a posting with several findings is at stake once, with the largest
stakes as (
    select
        account_id,
        max(abs(coalesce(amount_sum, amount))) as stake
    from alerts
    where account_id is not null
    group by account_id, coalesce(trans_id, -rank), trans_id is null
),

staked as (
    select
        account_id,
        sum(stake) as money_at_risk
    from stakes
    group by account_id
),

accounts as (
    select account_id from posted
    union
    select account_id from broken
),

final as (
    select
        accounts.account_id,
        owners.client_id,
        owners.account_kind,
        owners.shown_district,
        owners.shown_region,
        scored.highest_score,
        cast($night as date) as settlement_date,
        coalesce(posted.postings, 0) as postings,
        cast(coalesce(posted.credits, 0) as decimal(18, 2)) as credits,
        cast(coalesce(posted.debits, 0) as decimal(18, 2)) as debits,
        cast(
            coalesce(posted.credits, 0) - coalesce(posted.debits, 0)
            as decimal(18, 2)
        ) as net,
        cast(
            closings.closing_cents[1] * 0.01 as decimal(18, 2)
        ) as closing_balance,
        coalesce(scored.flagged, 0) as flagged,
        coalesce(broken.breaks, 0) as breaks,
        cast(
            coalesce(staked.money_at_risk, 0) as decimal(18, 2)
        ) as money_at_risk
    from accounts
    left join posted on accounts.account_id = posted.account_id
    left join scored on accounts.account_id = scored.account_id
    left join broken on accounts.account_id = broken.account_id
    left join staked on accounts.account_id = staked.account_id
    left join owners on accounts.account_id = owners.account_id
    left join closings
        on
            accounts.account_id = closings.account_id
            and closings.closed_on = $night
)

select
    settlement_date, -- the night
    account_id, -- account number
    client_id, -- owner of the account
    -- account type: how often a statement is issued (monthly, weekly, after
    -- each transaction)
    account_kind,
    -- owner's home district as masked readers see it; null where fewer than
    -- five clients share it, ten-year age band and gender
    shown_district,
    -- region as masked readers see it; null where it would tell the home of
    -- fewer than five clients
    shown_region,
    postings, -- postings of the night; 0 where one that is missing was found
    credits, -- sum of what came in, in the bank's money
    debits, -- sum of what went out, in the bank's money
    net, -- credits less debits, in the bank's money
    -- balance after the night's last posting, in the bank's money; null where
    -- the bank records none, or without postings
    closing_balance,
    flagged, -- postings whose score lies above the threshold
    highest_score, -- highest score of a posting; null where none was scored
    breaks, -- breaks that name the account
    money_at_risk -- sum that the account's findings are about
from final
order by account_id
