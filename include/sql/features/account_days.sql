-- Grain: one account on one day it has postings.
-- Inputs: postings, state_accounts, state_kinds (as of before the first day).
-- Time: `day`, `week` and `month` columns include the whole day itself; all
-- others end on the day before. Habits reach $habit_days back, `ever` to the
-- first day.
-- Counts and sums leave out what the bank books by itself (interest, fees).
-- A day that beats everything within the habit before it $unusual_times over
-- is left out of what is usual afterwards.
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

days as (
    select
        account_id,
        trans_date,
        day_number,
        count(*) filter (not is_bank_booked) as postings,
        count(*) filter (not is_credit and not is_bank_booked) as payments,
        coalesce(
            sum(amount_cents) filter (not is_credit and not is_bank_booked), 0
        ) as paid_cents,
        max(amount_cents) filter (not is_credit and not is_bank_booked)
            as largest_paid_cents,
        min(balance_cents) as lowest_cents,
        count(counterparty) as transfers,
        count(share_of_balance) as known_shares,
        coalesce(sum(share_of_balance), 0) as share_sum,
        bool_or(kind = 'in:COB:-') as receives_salary,
        bool_or(kind = 'in:COB:PE') as receives_pension,
        bool_or(kind like 'out:%:HH') as pays_household,
        bool_or(kind like 'out:%:IN') as pays_insurance,
        bool_or(kind like 'out:%:LO') as pays_loan,
        bool_or(kind like 'out:%:LE') as pays_leasing
    from postings
    group by account_id, trans_date, day_number
),

judged as (
    select
        *,
        coalesce(
            count(*) filter (postings > 0) over before >= 5
            and (
                paid_cents > $unusual_times * max(paid_cents) over before
                or postings > $unusual_times * max(postings) over before
            ),
            false
        ) as is_unusual,
        sum(postings) over this_week as week_postings,
        sum(paid_cents) over this_week as week_paid_cents,
        sum(postings) over this_month as month_postings,
        sum(paid_cents) over this_month as month_paid_cents
    from days
    window
        before as (
            partition by account_id order by day_number
            range between $habit_days preceding and 1 preceding
        ),
        this_week as (
            partition by account_id order by day_number
            range between 6 preceding and current row
        ),
        this_month as (
            partition by account_id order by day_number
            range between 29 preceding and current row
        )
),

ordinary as (
    select
        *,
        if(is_unusual, 0, postings) as usual_postings,
        if(is_unusual, 0, payments) as usual_payments,
        if(is_unusual, 0, paid_cents) as usual_paid_cents
    from judged
),

windowed as (
    select
        *,
        min(trans_date) over earlier as first_seen,
        max(if(postings > 0, trans_date, null)) over earlier as last_active,
        sum(usual_postings) over habit as habit_postings,
        count(*) filter (usual_postings > 0) over habit as habit_days_active,
        max(usual_postings) over habit as habit_most_postings,
        sum(usual_paid_cents) over habit as habit_paid_cents,
        count(*) filter (usual_payments > 0) over habit as habit_days_paying,
        max(usual_paid_cents) over habit as habit_most_paid_cents,
        max(if(is_unusual, null, largest_paid_cents)) over habit
            as habit_largest_paid_cents,
        min(lowest_cents) over habit as habit_lowest_cents,
        sum(transfers) over habit as habit_transfers,
        sum(known_shares) over habit as habit_shares,
        sum(share_sum) over habit as habit_share_sum,
        sum(usual_postings) over before_week as weekly_postings,
        sum(usual_paid_cents) over before_week as weekly_paid_cents,
        max(week_postings) over whole_weeks as most_week_postings,
        max(week_paid_cents) over whole_weeks as most_week_paid_cents,
        sum(usual_postings) over before_month as monthly_postings,
        sum(usual_paid_cents) over before_month as monthly_paid_cents,
        max(month_postings) over whole_months as most_month_postings,
        max(month_paid_cents) over whole_months as most_month_paid_cents,
        bool_or(receives_salary) over earlier as received_salary,
        bool_or(receives_pension) over earlier as received_pension,
        bool_or(pays_household) over earlier as paid_household,
        bool_or(pays_insurance) over earlier as paid_insurance,
        bool_or(pays_loan) over earlier as paid_loan,
        bool_or(pays_leasing) over earlier as paid_leasing
    from ordinary
    window
        earlier as (
            partition by account_id order by day_number
            range between unbounded preceding and 1 preceding
        ),
        habit as (
            partition by account_id order by day_number
            range between $habit_days preceding and 1 preceding
        ),
        before_week as (
            partition by account_id order by day_number
            range between $habit_days preceding and 7 preceding
        ),
        before_month as (
            partition by account_id order by day_number
            range between $habit_days preceding and 30 preceding
        ),
        -- only weeks and months that lie wholly within the habit
        whole_weeks as (
            partition by account_id order by day_number
            range between $whole_week_days preceding and 7 preceding
        ),
        whole_months as (
            partition by account_id order by day_number
            range between $whole_month_days preceding and 30 preceding
        )
),

final as (
    select
        windowed.*,
        least(windowed.first_seen, state.first_seen) as seen_since,
        greatest(windowed.last_active, state.last_decided) as active_until,
        coalesce(windowed.received_salary, false)
        or coalesce(uses.receives_salary, false) as use_salary,
        coalesce(windowed.received_pension, false)
        or coalesce(uses.receives_pension, false) as use_pension,
        coalesce(windowed.paid_household, false)
        or coalesce(uses.pays_household, false) as use_household,
        coalesce(windowed.paid_insurance, false)
        or coalesce(uses.pays_insurance, false) as use_insurance,
        coalesce(windowed.paid_loan, false)
        or coalesce(uses.pays_loan, false) as use_loan,
        coalesce(windowed.paid_leasing, false)
        or coalesce(uses.pays_leasing, false) as use_leasing
    from windowed
    left join state_accounts as state on windowed.account_id = state.account_id
    left join state_uses as uses on windowed.account_id = uses.account_id
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
    habit_days_active,
    cast(coalesce(habit_most_postings, 0) as bigint) as most_postings,
    cast(coalesce(habit_paid_cents, 0) as bigint) as habit_paid_cents,
    habit_days_paying,
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
