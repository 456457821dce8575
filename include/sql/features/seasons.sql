-- Grain: one kind of operation on one day it occurs.
-- Inputs: account_activity, kind_habits.
-- Time: the day itself: the whole night is seen.
-- By how much the day is above the habits of the established accounts that
-- have such postings on it: what one in ten of them exceeds, drawn to the same
-- of the whole night while they are few, and that to 0, so that no single
-- account makes a season.
-- What everybody does that night (month's end, Christmas, January) is nobody's
-- finding; a bank that grows is no season either.
with established as (
    select
        kind_habits.kind,
        kind_habits.trans_date,
        account_activity.over_day_count,
        account_activity.over_week_count,
        account_activity.over_month_count,
        account_activity.over_day_spend,
        account_activity.over_week_spend,
        account_activity.over_month_spend,
        account_activity.over_most_day,
        account_activity.over_most_week,
        account_activity.over_most_month,
        account_activity.under_lowest_day
    from kind_habits
    inner join account_activity
        on
            kind_habits.account_id = account_activity.account_id
            and kind_habits.trans_date = account_activity.trans_date
    where account_activity.is_established
),

bank as (
    select
        trans_date,
        count(*) as known,
        quantile_cont(over_day_count, $season_quantile) as day_count,
        quantile_cont(over_week_count, $season_quantile) as week_count,
        quantile_cont(over_month_count, $season_quantile) as month_count,
        quantile_cont(over_day_spend, $season_quantile) as day_spend,
        quantile_cont(over_week_spend, $season_quantile) as week_spend,
        quantile_cont(over_month_spend, $season_quantile) as month_spend,
        quantile_cont(over_most_day, $season_quantile) as most_day,
        quantile_cont(over_most_week, $season_quantile) as most_week,
        quantile_cont(over_most_month, $season_quantile) as most_month,
        quantile_cont(under_lowest_day, $season_quantile) as low_balance,
        count(under_lowest_day) as known_low
    from established
    group by trans_date
),

kinds as (
    select
        kind,
        trans_date,
        count(*) as known,
        quantile_cont(over_day_count, $season_quantile) as day_count,
        quantile_cont(over_week_count, $season_quantile) as week_count,
        quantile_cont(over_month_count, $season_quantile) as month_count,
        quantile_cont(over_day_spend, $season_quantile) as day_spend,
        quantile_cont(over_week_spend, $season_quantile) as week_spend,
        quantile_cont(over_month_spend, $season_quantile) as month_spend,
        quantile_cont(over_most_day, $season_quantile) as most_day,
        quantile_cont(over_most_week, $season_quantile) as most_week,
        quantile_cont(over_most_month, $season_quantile) as most_month,
        quantile_cont(under_lowest_day, $season_quantile) as low_balance,
        count(under_lowest_day) as known_low
    from established
    group by kind, trans_date
),

wanted as (
    select distinct
        kind,
        trans_date
    from kind_habits
),

weighed as (
    select
        wanted.kind,
        wanted.trans_date,
        coalesce(kinds.known, 0)
        / (coalesce(kinds.known, 0) + $season_weight) as kind_weight,
        coalesce(bank.known, 0)
        / (coalesce(bank.known, 0) + $season_weight) as bank_weight,
        -- not every bank, nor every record, has a balance
        coalesce(kinds.known_low, 0)
        / (coalesce(kinds.known_low, 0) + $season_weight) as kind_low_weight,
        coalesce(bank.known_low, 0)
        / (coalesce(bank.known_low, 0) + $season_weight) as bank_low_weight,
        kinds.* exclude (kind, trans_date, known, known_low),
        bank.day_count as bank_day_count,
        bank.week_count as bank_week_count,
        bank.month_count as bank_month_count,
        bank.day_spend as bank_day_spend,
        bank.week_spend as bank_week_spend,
        bank.month_spend as bank_month_spend,
        bank.most_day as bank_most_day,
        bank.most_week as bank_most_week,
        bank.most_month as bank_most_month,
        bank.low_balance as bank_low_balance
    from wanted
    left join kinds
        on wanted.kind = kinds.kind and wanted.trans_date = kinds.trans_date
    left join bank on wanted.trans_date = bank.trans_date
),

final as (
    select
        kind,
        trans_date,
        kind_weight * coalesce(day_count, 0)
        + (1 - kind_weight) * bank_weight
        * coalesce(bank_day_count, 0) as day_count,
        kind_weight * coalesce(week_count, 0)
        + (1 - kind_weight) * bank_weight
        * coalesce(bank_week_count, 0) as week_count,
        kind_weight * coalesce(month_count, 0)
        + (1 - kind_weight) * bank_weight
        * coalesce(bank_month_count, 0) as month_count,
        kind_weight * coalesce(day_spend, 0)
        + (1 - kind_weight) * bank_weight
        * coalesce(bank_day_spend, 0) as day_spend,
        kind_weight * coalesce(week_spend, 0)
        + (1 - kind_weight) * bank_weight
        * coalesce(bank_week_spend, 0) as week_spend,
        kind_weight * coalesce(month_spend, 0)
        + (1 - kind_weight) * bank_weight
        * coalesce(bank_month_spend, 0) as month_spend,
        kind_weight * coalesce(most_day, 0)
        + (1 - kind_weight) * bank_weight
        * coalesce(bank_most_day, 0) as most_day,
        kind_weight * coalesce(most_week, 0)
        + (1 - kind_weight) * bank_weight
        * coalesce(bank_most_week, 0) as most_week,
        kind_weight * coalesce(most_month, 0)
        + (1 - kind_weight) * bank_weight
        * coalesce(bank_most_month, 0) as most_month,
        kind_low_weight * coalesce(low_balance, 0)
        + (1 - kind_low_weight) * bank_low_weight
        * coalesce(bank_low_balance, 0) as low_balance
    from weighed
)

select
    kind,
    trans_date,
    -- logarithms above everybody's habit, never below 0
    greatest(day_count, 0) as season_day_count,
    greatest(week_count, 0) as season_week_count,
    greatest(month_count, 0) as season_month_count,
    greatest(day_spend, 0) as season_day_spend,
    greatest(week_spend, 0) as season_week_spend,
    greatest(month_spend, 0) as season_month_spend,
    -- the same of the most ever paid
    greatest(most_day, 0) as season_most_day,
    greatest(most_week, 0) as season_most_week,
    greatest(most_month, 0) as season_most_month,
    greatest(low_balance, 0) as season_low_balance -- the same below the lowest
from final
