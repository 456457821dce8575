-- Grain: one statement frequency fees were charged for.
-- Inputs: net_postings, net_lookback, fin_account.
-- Time: the night and the look-back before it, as far back as $since.
-- The tariff is what more than half of the accounts of that frequency paid:
-- tonight where at least $min_peers did, else over the whole look-back. An
-- amount that half of tonight's accounts paid, and three of them, may be a new
-- tariff and is allowed.
with fees as (
    select
        posted.amount,
        fin_account.frequency,
        posted.is_tonight
    from (
        select
            account_id,
            amount,
            category,
            trans_type,
            true as is_tonight
        from net_postings
        union all
        select
            account_id,
            amount,
            category,
            trans_type,
            false as is_tonight
        from net_lookback
        where trans_date >= $since
    ) as posted
    inner join fin_account on posted.account_id = fin_account.account_id
    where bill_kind(posted.category, posted.trans_type) = 'ST'
),

amounts as (
    select
        frequency,
        amount,
        count(*) filter (is_tonight) as tonight_count,
        count(*) as all_count
    from fees
    group by frequency, amount
),

shares as (
    select
        frequency,
        amount,
        tonight_count,
        all_count,
        tonight_count
        / nullif(sum(tonight_count) over same_kind, 0) as tonight_share,
        all_count / sum(all_count) over same_kind as all_share
    from amounts
    window same_kind as (partition by frequency)
)

select
    frequency, -- M, W, T: the kind of account the tariff is for
    cast(
        coalesce(
            any_value(amount) filter (
                tonight_count >= $min_peers and tonight_share > 0.5
            ),
            any_value(amount) filter (
                all_count >= $min_peers and all_share > 0.5
            )
        ) * 100 as bigint
    ) as tariff_cents, -- null where too few accounts agree
    list(cast(amount * 100 as bigint)) filter (
        tonight_count >= 3 and tonight_share >= 0.5
    ) as allowed_cents -- null where tonight's accounts disagree
from shares
group by frequency
order by frequency
