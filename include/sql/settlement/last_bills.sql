-- Grain: one account, kind and day of a monthly bill.
-- Inputs: net_lookback, fin_account.
-- Time: $days, all in the look-back.
select
    net_lookback.account_id,
    bill_kind(net_lookback.category, net_lookback.trans_type) as category,
    net_lookback.trans_date as paid_on,
    any_value(fin_account.frequency) as frequency, -- M, W, T; or null
    cast(sum(net_lookback.amount) * 100 as bigint) as paid_cents -- unsigned
from net_lookback
left join fin_account on net_lookback.account_id = fin_account.account_id
where
    list_contains($days, net_lookback.trans_date)
    and bill_kind(net_lookback.category, net_lookback.trans_type) is not null
group by 1, 2, 3
order by 1, 2, 3
