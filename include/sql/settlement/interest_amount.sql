-- Grain: one interest credit of the night far above what the peers got.
-- Inputs: postings, lookback, net_postings.
-- Time: the night and the $month_days days before it.
-- Interest follows the balances of the month, which are known only in part, so
-- it is set against the highest balance the account had: nobody can have
-- earned more than the usual rate on that. An excess warns, too little says
-- nothing (the account was opened, or filled, during the month).
with recent as (
    select
        account_id,
        greatest(
            balance,
            balance - case when trans_type = 'C' then amount else -amount end
        ) as reached
    from (
        select
            account_id,
            balance,
            amount,
            trans_type,
            trans_date
        from postings
        union all
        select
            account_id,
            balance,
            amount,
            trans_type,
            trans_date
        from lookback
    ) as posted
    where trans_date > $night - $month_days
),

peaks as (
    select
        account_id,
        cast(max(reached) * 100 as bigint) as peak_cents
    from recent
    group by account_id
),

credits as (
    select
        net_postings.trans_id,
        net_postings.account_id,
        cast(net_postings.amount * 100 as bigint) as actual_cents,
        peaks.peak_cents,
        actual_cents / peaks.peak_cents as rate
    from net_postings
    inner join peaks on net_postings.account_id = peaks.account_id
    where
        bill_kind(net_postings.category, net_postings.trans_type) = 'IC'
        and peaks.peak_cents > 0
),

usual as (
    select
        median(rate) as rate,
        count(*) as peer_count
    from credits
),

final as (
    select
        credits.trans_id,
        credits.account_id,
        credits.actual_cents,
        cast(round(usual.rate * credits.peak_cents) as bigint)
            as expected_cents,
        usual.peer_count
    from credits
    cross join usual
    where
        usual.peer_count >= $min_peers
        and credits.rate > $largest_multiple * usual.rate
        -- below this the source's rounding is the difference
        and credits.actual_cents - expected_cents > $rounding_cents * 10
)

select
    trans_id,
    account_id,
    expected_cents, -- the usual rate on the highest balance of the month
    actual_cents, -- what was credited
    peer_count -- accounts credited tonight
from final
order by trans_id
