-- Grain: one account on one of the described days ($first_described and later).
-- Inputs: account_days, state_accounts, state_kinds (as of before the first
--     day).
-- Time: `day`, `week` and `month` columns include the whole day itself; all
-- others end on the day before. Habits reach $habit_days back, `ever` to the
-- first day.
-- A habit is gathered for the described days only, by a join: windows over
-- every day of the look-back cost a large bank's night twice as much. Days are
-- joined by stretches of $habit_days, of which a habit touches two, so that an
-- account of many years does not meet all its own days.
with state_uses as (
    select
        account_id,
        bool_or(kind = 'in:COB:-') as receives_salary,
        bool_or(kind = 'in:COB:PE') as receives_pension,
        bool_or(kind like 'out:%:HH') as pays_household,
        bool_or(kind like 'out:%:IN') as pays_insurance,
        bool_or(kind like 'out:%:LO') as pays_loan,
        bool_or(kind like 'out:%:LE') as pays_leasing
    from state_kinds
    group by account_id
),

-- when the account was first seen, and first used for something
first_days as (
    select
        account_id,
        min(trans_date) as seen,
        min(trans_date) filter (receives_salary) as salary,
        min(trans_date) filter (receives_pension) as pension,
        min(trans_date) filter (pays_household) as household,
        min(trans_date) filter (pays_insurance) as insurance,
        min(trans_date) filter (pays_loan) as loan,
        min(trans_date) filter (pays_leasing) as leasing
    from account_days
    group by account_id
),

activity as (
    select
        account_id,
        trans_date,
        max(if(postings > 0, trans_date, null)) over (
            partition by account_id order by day_number
            rows between unbounded preceding and 1 preceding
        ) as last_active
    from account_days
),

wanted as (
    select
        account_id,
        day_number,
        unnest(
            [day_number // $habit_days - 1, day_number // $habit_days]
        ) as stretch
    from account_days
    where trans_date >= $first_described
),

earlier as (
    select
        wanted.account_id,
        wanted.day_number,
        past.* exclude (account_id, day_number),
        wanted.day_number - past.day_number as days_ago
    from wanted
    inner join account_days as past
        on
            wanted.account_id = past.account_id
            and wanted.stretch = past.day_number // $habit_days
            and past.day_number
            between wanted.day_number - $habit_days and wanted.day_number - 1
),

habits as (
    select
        account_id,
        day_number,
        sum(usual_postings) as habit_postings,
        count(*) filter (usual_postings > 0) as habit_days_active,
        max(usual_postings) as habit_most_postings,
        sum(usual_paid_cents) as habit_paid_cents,
        count(*) filter (usual_payments > 0) as habit_days_paying,
        max(usual_paid_cents) as habit_most_paid_cents,
        max(usual_largest_paid_cents) as habit_largest_paid_cents,
        min(lowest_cents) as habit_lowest_cents,
        sum(transfers) as habit_transfers,
        sum(known_shares) as habit_shares,
        sum(share_sum) as habit_share_sum,
        sum(usual_postings) filter (days_ago >= 7) as weekly_postings,
        sum(usual_paid_cents) filter (days_ago >= 7) as weekly_paid_cents,
        -- only weeks and months that lie wholly within the habit
        max(week_postings) filter (
            days_ago between 7 and $whole_week_days
        ) as most_week_postings,
        max(week_paid_cents) filter (
            days_ago between 7 and $whole_week_days
        ) as most_week_paid_cents,
        sum(usual_postings) filter (days_ago >= 30) as monthly_postings,
        sum(usual_paid_cents) filter (days_ago >= 30) as monthly_paid_cents,
        max(month_postings) filter (
            days_ago between 30 and $whole_month_days
        ) as most_month_postings,
        max(month_paid_cents) filter (
            days_ago between 30 and $whole_month_days
        ) as most_month_paid_cents
    from earlier
    group by account_id, day_number
),

final as (
    select
        today.*,
        habits.* exclude (account_id, day_number),
        least(
            if(first_days.seen < today.trans_date, first_days.seen, null),
            state.first_seen
        ) as seen_since,
        greatest(activity.last_active, state.last_decided) as active_until,
        coalesce(first_days.salary < today.trans_date, false)
        or coalesce(uses.receives_salary, false) as use_salary,
        coalesce(first_days.pension < today.trans_date, false)
        or coalesce(uses.receives_pension, false) as use_pension,
        coalesce(first_days.household < today.trans_date, false)
        or coalesce(uses.pays_household, false) as use_household,
        coalesce(first_days.insurance < today.trans_date, false)
        or coalesce(uses.pays_insurance, false) as use_insurance,
        coalesce(first_days.loan < today.trans_date, false)
        or coalesce(uses.pays_loan, false) as use_loan,
        coalesce(first_days.leasing < today.trans_date, false)
        or coalesce(uses.pays_leasing, false) as use_leasing
    from account_days as today
    inner join first_days on today.account_id = first_days.account_id
    inner join activity
        on
            today.account_id = activity.account_id
            and today.trans_date = activity.trans_date
    left join habits
        on
            today.account_id = habits.account_id
            and today.day_number = habits.day_number
    left join state_accounts as state on today.account_id = state.account_id
    left join state_uses as uses on today.account_id = uses.account_id
    where today.trans_date >= $first_described
)

select
    account_id,
    trans_date,
    seen_since, -- first posting ever, before this day; null on the first
    active_until, -- last day before this its people decided anything
    least(
        coalesce(trans_date - seen_since, 0), $habit_days
    ) as observed_days, -- days of habit there were to see
    postings as day_postings,
    cast(paid_cents as bigint) as day_paid_cents,
    cast(week_postings as bigint) as week_postings, -- seven days, this included
    cast(week_paid_cents as bigint) as week_paid_cents,
    cast(month_postings as bigint) as month_postings, -- thirty days
    cast(month_paid_cents as bigint) as month_paid_cents,
    cast(coalesce(habit_postings, 0) as bigint) as habit_postings,
    coalesce(habit_days_active, 0) as habit_days_active,
    cast(coalesce(habit_most_postings, 0) as bigint) as most_postings,
    cast(coalesce(habit_paid_cents, 0) as bigint) as habit_paid_cents,
    coalesce(habit_days_paying, 0) as habit_days_paying,
    cast(coalesce(habit_most_paid_cents, 0) as bigint) as most_paid_cents,
    habit_largest_paid_cents as largest_paid_cents, -- single payment
    lowest_cents as day_lowest_cents, -- balance
    habit_lowest_cents as lowest_cents,
    cast(coalesce(habit_transfers, 0) as bigint) as habit_transfers,
    cast(habit_share_sum as double)
    / nullif(cast(habit_shares as bigint), 0)
    / 1e6 as habit_balance_share, -- of a payment; null without one
    -- habits of the days before those seven and thirty, to hold them against
    cast(coalesce(weekly_postings, 0) as bigint) as weekly_postings,
    cast(coalesce(weekly_paid_cents, 0) as bigint) as weekly_paid_cents,
    cast(coalesce(most_week_postings, 0) as bigint) as most_week_postings,
    cast(coalesce(most_week_paid_cents, 0) as bigint) as most_week_paid_cents,
    cast(coalesce(monthly_postings, 0) as bigint) as monthly_postings,
    cast(coalesce(monthly_paid_cents, 0) as bigint) as monthly_paid_cents,
    cast(coalesce(most_month_postings, 0) as bigint) as most_month_postings,
    cast(coalesce(most_month_paid_cents, 0) as bigint)
        as most_month_paid_cents,
    -- what the account has been used for: "household+salary", or "none"
    coalesce(
        nullif(
            concat_ws(
                '+',
                if(use_household, 'household', null),
                if(use_insurance, 'insurance', null),
                if(use_leasing, 'leasing', null),
                if(use_loan, 'loan', null),
                if(use_pension, 'pension', null),
                if(use_salary, 'salary', null)
            ),
            ''
        ),
        'none'
    ) as account_use
from final
