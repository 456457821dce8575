-- Grain: one account on one day it has postings.
-- Inputs: postings.
-- Time: the whole day, for `week` and `month` columns the seven and thirty that
-- end with it.
-- Counts and sums leave out what the bank books by itself (interest, fees).
-- A day that beats everything within the habit before it $unusual_times over
-- is left out of what is usual afterwards.
with days as (
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
)

select
    account_id,
    trans_date,
    day_number,
    postings,
    payments,
    paid_cents,
    largest_paid_cents, -- single payment; null without one
    lowest_cents, -- balance; null when the source has none
    transfers,
    known_shares, -- payments whose share of the balance is known
    share_sum, -- of these shares, in millionths
    receives_salary,
    receives_pension,
    pays_household,
    pays_insurance,
    pays_loan,
    pays_leasing,
    week_postings, -- seven days, this included
    week_paid_cents,
    month_postings, -- thirty days
    month_paid_cents,
    is_unusual,
    -- what later days learn from this one: nothing when it was unusual
    if(is_unusual, 0, postings) as usual_postings,
    if(is_unusual, 0, payments) as usual_payments,
    if(is_unusual, 0, paid_cents) as usual_paid_cents,
    if(is_unusual, null, largest_paid_cents) as usual_largest_paid_cents
from judged
