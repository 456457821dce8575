-- Grain: one posting of the nights $first_night to $last_night.
-- Inputs: postings, account_habits, account_activity, seasons.
-- Time: the posting's whole day, and the weeks and months that end with it.
-- By how much the account does and pays more than it usually does, beyond what
-- everybody does that night. Counts are of whatever its people decide, sums of
-- their payments; of all other postings both are 0.
with described as (
    select
        postings.posting_number,
        postings.is_bank_booked,
        not postings.is_bank_booked
        and not postings.is_credit as is_payment,
        habits.day_postings,
        habits.week_postings,
        habits.month_postings,
        activity.* exclude (account_id, trans_date),
        seasons.* exclude (kind, trans_date)
    from postings
    inner join account_habits as habits
        on
            postings.account_id = habits.account_id
            and postings.trans_date = habits.trans_date
    inner join account_activity as activity
        on
            postings.account_id = activity.account_id
            and postings.trans_date = activity.trans_date
    inner join seasons
        on
            postings.kind = seasons.kind
            and postings.trans_date = seasons.trans_date
    where postings.trans_date between $first_night and $last_night
),

seasoned as (
    select
        *,
        -- when everyone is busier, an account may be too
        exp(season_day_count) * usual_day_count as season_usual_day_count,
        exp(season_week_count) * usual_week_count as season_usual_week_count,
        exp(season_month_count) * usual_month_count
            as season_usual_month_count
    from described
),

final as (
    select
        posting_number,
        if(
            is_bank_booked,
            0,
            round(
                greatest(day_postings - season_usual_day_count, 0)
                / sqrt(season_usual_day_count + 1),
                6
            )
        ) as day_count,
        if(
            is_bank_booked,
            0,
            round(
                greatest(week_postings - season_usual_week_count, 0)
                / sqrt(season_usual_week_count + 1),
                6
            )
        ) as week_count,
        if(
            is_bank_booked,
            0,
            round(
                greatest(month_postings - season_usual_month_count, 0)
                / sqrt(season_usual_month_count + 1),
                6
            )
        ) as month_count,
        if(
            not is_payment,
            0,
            round(greatest(over_day_spend - season_day_spend, 0), 6)
        ) as day_spend,
        if(
            not is_payment,
            0,
            round(greatest(over_week_spend - season_week_spend, 0), 6)
        ) as week_spend,
        if(
            not is_payment,
            0,
            round(greatest(over_month_spend - season_month_spend, 0), 6)
        ) as month_spend,
        if(
            not is_payment,
            0,
            round(
                paying_evidence
                * greatest(over_most_day - season_most_day, 0),
                6
            )
        ) as day_limit,
        if(
            not is_payment,
            0,
            round(
                paying_evidence
                * greatest(over_most_week - season_most_week, 0),
                6
            )
        ) as week_limit,
        if(
            not is_payment,
            0,
            round(
                paying_evidence
                * greatest(over_most_month - season_most_month, 0),
                6
            )
        ) as month_limit
    from seasoned
)

select
    posting_number,
    day_count, -- postings beyond the usual, in its square roots
    week_count, -- the same of seven days
    month_count, -- the same of thirty days
    day_spend, -- ln(paid on the day / a usual paying day), from 0
    week_spend, -- ln(paid in seven days / a usual week), from 0
    month_spend, -- ln(paid in thirty days / a usual month), from 0
    day_limit, -- ln(paid on the day / the most on any), by evidence, from 0
    week_limit, -- the same of seven days
    month_limit -- the same of thirty days
from final
