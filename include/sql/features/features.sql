-- Grain: one posting of the nights $first_night to $last_night.
-- Inputs: postings, account_habits, account_activity, busyness, kind_habits,
--     expected_amounts, repeats, successions, kind_crowds, kind_adoption,
--     sibling_kind_days, counterparty_days, seasons, scenes, account_profiles.
-- Time: the posting's whole day and everything before it, nothing later.
-- Features are one-sided: 0 says "as usual or less", what is higher is less
-- usual. Logarithmic ratios: ln 2 = 0.69 says "twice". Numbers are rounded to
-- a millionth, so that another build of the mathematics library does not move
-- a score. What a source lacks (balances, times, districts, products) leaves
-- its features null.
-- What the bank books by itself (interest, fees) is nobody's behaviour: all its
-- features but those of the amount are 0.
with described as (
    select *
    from postings
    where trans_date between $first_night and $last_night
),

joined as (
    select
        described.*,
        own.* exclude (account_id, trans_date),
        activity.week_days,
        activity.month_days,
        busyness.* exclude (posting_number),
        habit.first_seen as kind_first_seen,
        habit.last_seen,
        habit.largest_cents,
        habit.high_cents,
        habit.kind_postings,
        habit.kind_days,
        habit.kind_most,
        habit.kind_span,
        habit.day_postings as kind_day_postings,
        successions.* exclude (account_id, kind, trans_date),
        repeats.shortest_gap,
        repeats.shortest_before,
        repeats.gaps_so_short,
        repeats.all_gaps,
        adoption.kind_users,
        adoption.adoption,
        expected.* exclude (posting_number),
        sibling.sibling_postings,
        sibling.sibling_log_mean,
        seasons.season_low_balance,
        crowds.accounts_so_many,
        crowds.all_accounts,
        counterparties.known_by,
        counterparties.habit_meetings,
        coalesce(
            counterparties.is_new_counterparty, false
        ) as is_new_counterparty,
        scenes.* exclude (posting_number, scene, minute_of_day),
        profile.opened,
        profile.frequency,
        profile.client_id,
        profile.birth_date,
        profile.district_id as client_district_id,
        profile.average_salary,
        profile.card_since,
        profile.loan_since
    from described
    inner join account_habits as own
        on
            described.account_id = own.account_id
            and described.trans_date = own.trans_date
    inner join account_activity as activity
        on
            described.account_id = activity.account_id
            and described.trans_date = activity.trans_date
    inner join kind_habits as habit
        on
            described.account_id = habit.account_id
            and described.kind = habit.kind
            and described.trans_date = habit.trans_date
    inner join repeats
        on
            described.account_id = repeats.account_id
            and described.kind = repeats.kind
            and coalesce(described.counterparty, '') = repeats.payee
            and described.trans_date = repeats.trans_date
    left join successions
        on
            described.account_id = successions.account_id
            and described.kind = successions.kind
            and described.trans_date = successions.trans_date
    inner join kind_crowds as crowds
        on
            habit.kind = crowds.kind
            and habit.trans_date = crowds.trans_date
            and habit.day_postings = crowds.day_postings
    inner join kind_adoption as adoption
        on
            described.kind = adoption.kind
            and described.trans_date = adoption.trans_date
    inner join expected_amounts as expected
        on described.posting_number = expected.posting_number
    inner join busyness
        on described.posting_number = busyness.posting_number
    inner join seasons
        on
            described.kind = seasons.kind
            and described.trans_date = seasons.trans_date
    left join sibling_kind_days as sibling
        on
            described.account_id = sibling.account_id
            and described.kind = sibling.kind
            and described.trans_date = sibling.trans_date
    left join counterparty_days as counterparties
        on
            described.account_id = counterparties.account_id
            and described.counterparty = counterparties.counterparty
            and described.trans_date = counterparties.trans_date
    inner join scenes on described.posting_number = scenes.posting_number
    left join account_profiles as profile
        on
            described.account_id = profile.account_id
            and described.trans_date >= profile.opened
),

moments as (
    select
        *,
        log_amount / 1e6 as amount_log,
        greatest(amount_cents, 1) as positive_cents,
        balance_cents
        - if(is_credit, amount_cents, -amount_cents) as before_cents,
        trans_date - last_seen as gap_days,
        trans_date - active_until as silent_days,
        kind_span / nullif(kind_days - 1, 0) as usual_gap_days,
        observed_days / nullif(habit_days_active, 0) as usual_silent_days,
        least(week_days, $rhythm_days - 6) as ordered_days
    from joined
),

compared as (
    select
        *,
        (amount_log - expected_log - season_amount)
        / sqrt(within_variance + mean_variance) as spreads_off,
        (amount_log - sibling_log_mean)
        / sqrt(within_variance + between_variance / (1 + sibling_postings))
            as siblings_off,
        ln(positive_cents / largest_cents) as over_largest,
        ln(positive_cents / high_cents) as over_high,
        (amount_cents - high_cents) / 100 as beyond_high,
        ln(positive_cents / largest_paid_cents) as over_payments,
        ln(positive_cents / 100 / nullif(average_salary, 0)) as over_salary,
        coalesce(
            ln(
                positive_cents
                / nullif(habit_paid_cents / nullif(habit_days_paying, 0), 0)
            ),
            0
        ) as over_usual_payment,
        case
            when balance_cents is null then null
            when is_credit then 0
            when before_cents <= 0 then $largest_balance_share
            else least(amount_cents / before_cents, $largest_balance_share)
        end as share_taken,
        case
            when balance_cents is null then null
            when is_credit or coalesce(lowest_cents, 0) <= 0 then 0
            else
                ln(
                    (lowest_cents + $smallest_balance_cents)
                    / (greatest(balance_cents, 0) + $smallest_balance_cents)
                ) - season_low_balance
        end as under_lowest,
        case
            when last_seen is null then 0
            when gap_days > $habit_days
                then ln((gap_days + 1) / ($habit_days + 1))
            when usual_gap_days is null then 0
            else
                (kind_days - 1) / (kind_days - 1 + $habit_weight)
                * ln((gap_days + 1) / (usual_gap_days + 1))
        end as off_rhythm,
        -- sooner than the account ever did, and than others of this kind do
        case
            when
                shortest_gap is null
                or shortest_gap >= least(shortest_before, $shortest_month)
                then 0
            else -ln((gaps_so_short + 0.5) / (all_gaps + 1))
        end as ahead_of_rhythm,
        case
            when active_until is null then 0
            when usual_silent_days is null
                then ln((silent_days + 1) / ($habit_days + 1))
            else ln((silent_days + 1) / (usual_silent_days + 1))
        end as off_silence,
        -- more on one day than the account ever had, and than others have
        if(
            kind_day_postings > coalesce(kind_most, 1),
            -ln((accounts_so_many - 0.5) / all_accounts),
            0
        ) as over_kind_most,
        (habit_meetings + 0.5) / (habit_transfers + 1) as meeting_rate,
        week_order_surprise
        - 7 * (weekly_order_surprise + week_order_surprise)
        / (ordered_days + 7) as over_week_surprise
    from moments
),

final as (
    select
        *,
        round(greatest(coalesce(spreads_off, 0), 0), 6) as amount_z,
        if(
            largest_cents is null, 0, round(greatest(over_largest, 0), 6)
        ) as amount_to_largest,
        if(
            high_cents is null, 0, round(greatest(over_high, 0), 6)
        ) as amount_to_high,
        if(
            high_cents is null, 0, round(greatest(beyond_high, 0), 2)
        ) as amount_excess,
        if(
            is_bank_booked or is_credit or largest_paid_cents is null,
            0,
            round(greatest(over_payments, 0), 6)
        ) as amount_to_payments,
        if(
            coalesce(sibling_postings, 0) = 0,
            null,
            round(greatest(siblings_off, 0), 6)
        ) as amount_to_siblings,
        if(
            over_salary is null, null, round(greatest(over_salary, 0), 6)
        ) as amount_to_salary,
        if(
            is_bank_booked, 0, round(greatest(over_kind_most, 0), 6)
        ) as kind_count,
        case
            when balance_cents is null then null
            when is_bank_booked then 0
            else round(share_taken, 6)
        end as balance_share,
        case
            when under_lowest is null then null
            when is_bank_booked then 0
            else round(greatest(under_lowest, 0), 6)
        end as balance_low,
        cast(
            balance_cents < 0 and not is_bank_booked as integer
        ) as overdrawn,
        if(
            is_bank_booked or not is_new_counterparty,
            0,
            round(greatest(-ln(meeting_rate), 0), 6)
        ) as new_counterparty,
        if(
            is_bank_booked or not is_new_counterparty,
            0,
            round(1 / (1 + known_by), 6)
        ) as unknown_counterparty,
        if(
            is_bank_booked or not is_new_counterparty,
            0,
            round(greatest(over_usual_payment, 0), 6)
        ) as stranger_amount,
        if(
            is_bank_booked or not is_new_counterparty, 0, round(share_taken, 6)
        ) as stranger_share,
        if(
            is_bank_booked or last_seen is not null,
            0,
            round(
                -ln(least(adoption, 1))
                * habit_postings / (habit_postings + $habit_weight),
                6
            )
        ) as new_kind,
        case
            when not $knows_products then null
            when operation = 'CCW'
                then cast(coalesce(card_since > trans_date, true) as integer)
            when category = 'LO' and not is_credit
                then cast(coalesce(loan_since > trans_date, true) as integer)
            else 0
        end as unowned,
        if(is_bank_booked, 0, round(greatest(off_rhythm, 0), 6)) as gap,
        if(is_bank_booked, 0, round(greatest(ahead_of_rhythm, 0), 6)) as early,
        if(is_bank_booked, 0, round(greatest(off_silence, 0), 6)) as silence,
        if(
            last_seen is null, 0, coalesce(order_surprise, 0)
        ) as strange_order,
        round(
            greatest(coalesce(over_week_surprise, 0), 0), 6
        ) as strange_week
    from compared
)

select
    trans_id,
    account_id,
    trans_date as settlement_date,
    -- what it is
    cast(amount_cents / 100 as decimal(12, 2)) as amount,
    trans_type,
    operation,
    category,
    kind, -- direction, operation and category in one
    is_reversal, -- takes another posting back
    client_id, -- the account's owner
    date_sub('year', birth_date, trans_date) as client_age, -- whole years
    client_district_id, -- where the owner lives
    average_salary, -- in that district, monthly, in the source's money
    frequency, -- account type: how often a statement is issued
    account_use, -- account type: what it has been used for until yesterday
    peer_group, -- accounts like it: age, type, products, time open, district
    cast(before_cents / 100 as decimal(14, 2)) as balance_before,
    cast(balance_cents / 100 as decimal(12, 2)) as balance_after,
    scene, -- card, desk, sent, received, other; null by the bank itself
    minute_of_day,
    place_id,
    place_name,
    other_account, -- account of the other side
    counterparty, -- bank and account of the other side
    -- what is usual for the account (before this day), for the sentences
    observed_days, -- days of habit there were to see
    habit_postings,
    habit_transfers, -- of them with a counterparty
    habit_meetings, -- counterparties met within the habit
    known_by, -- other accounts that ever dealt with the counterparty
    kind_postings, -- of this kind
    kind_most, -- most of this kind on one day
    kind_day_postings, -- of this kind on this day
    kind_users, -- accounts that ever used this kind
    card_since,
    loan_since,
    round(exp(own_log_mean) / 100, 2) as usual_amount, -- of this kind
    round(exp(peer_log_mean) / 100, 2) as peer_amount, -- like accounts'
    round(exp(sibling_log_mean) / 100, 2) as sibling_amount, -- other accounts'
    cast(largest_cents / 100 as decimal(12, 2)) as largest_amount, -- own, ever
    cast(high_cents / 100 as decimal(12, 2)) as high_amount, -- nine in ten
    cast(largest_paid_cents / 100 as decimal(12, 2)) as largest_payment,
    day_postings,
    round(
        habit_postings / nullif(habit_days_active, 0), 6
    ) as usual_day_postings,
    week_postings,
    if(
        week_days > 0, round(7 * weekly_postings / week_days, 6), null
    ) as usual_week_postings,
    month_postings,
    if(
        month_days > 0, round(30 * monthly_postings / month_days, 6), null
    ) as usual_month_postings,
    cast(day_paid_cents / 100 as decimal(18, 2)) as day_paid,
    round(
        habit_paid_cents / 100 / nullif(habit_days_paying, 0), 2
    ) as usual_day_paid,
    cast(most_paid_cents / 100 as decimal(18, 2)) as most_day_paid,
    cast(week_paid_cents / 100 as decimal(18, 2)) as week_paid,
    if(
        week_days > 0,
        round(7 * weekly_paid_cents / 100 / week_days, 2),
        null
    ) as usual_week_paid,
    cast(
        greatest(most_week_paid_cents, most_paid_cents) / 100
        as decimal(18, 2)
    ) as most_week_paid,
    cast(month_paid_cents / 100 as decimal(18, 2)) as month_paid,
    if(
        month_days > 0,
        round(30 * monthly_paid_cents / 100 / month_days, 2),
        null
    ) as usual_month_paid,
    cast(
        greatest(
            most_month_paid_cents, most_week_paid_cents, most_paid_cents
        ) / 100
        as decimal(18, 2)
    ) as most_month_paid,
    round(habit_balance_share, 6) as usual_balance_share, -- of a payment
    cast(lowest_cents / 100 as decimal(12, 2)) as lowest_balance, -- in habit
    gap_days, -- since the last posting of this kind
    round(usual_gap_days, 6) as usual_gap_days,
    shortest_gap, -- days since the same to this counterparty, 0 on one day
    shortest_before, -- shortest such gap of the habit
    former_kind, -- of the account's day before
    former_trans, -- one such posting
    days_between, -- days since then
    followed, -- how often this kind followed that one, until a week ago
    followable, -- how often anything did
    bank_followed, -- the same of all accounts of the bank
    bank_followable,
    week_strange_trans, -- of seven days, one posting a day in an unused order
    if(
        ordered_days > 0,
        round(7 * weekly_strange_days / ordered_days, 6),
        null
    ) as usual_week_strange_days,
    round(season_amount, 6) as season_amount, -- ln, everybody's that night
    silent_days, -- since its people last decided anything
    round(usual_silent_days, 6) as usual_silent_days,
    timed_postings, -- own of the same scene whose hour is known
    near_postings, -- of them within ninety minutes of this hour
    usual_from, -- minute of the day from which four in five of them lie
    usual_to, -- minute of the day until which they do
    place_postings, -- own postings in that district
    placed_postings, -- own postings whose district is known
    usual_place_id, -- nearest of the places usual for the account
    usual_place_name,
    usual_place_km,
    travel_place_id, -- where the account was just before or after
    travel_place_name,
    travel_minutes, -- negative when the other posting came later
    travel_km,
    travel_kmh, -- null at the same minute
    holders, -- clients who may use the account
    -- what the models see
    amount_z, -- predictive spreads of ln(amount) above the expected
    amount_to_largest, -- ln(amount / largest ever of the kind), from 0
    amount_to_high, -- ln(amount / what nine in ten of the kind stay within)
    amount_excess, -- the money that lies above that
    amount_to_payments, -- ln(amount / largest payment of any kind), from 0
    amount_to_siblings, -- spreads above the owner's other accounts, from 0
    amount_to_salary, -- ln(amount / the home district's salary), from 0
    day_count, -- postings beyond the usual, in its square roots
    week_count, -- the same of seven days
    month_count, -- the same of thirty days
    kind_count, -- minus ln of how often anyone has so many of this kind a day
    day_spend, -- ln(paid on the day / a usual paying day), from 0
    week_spend, -- ln(paid in seven days / a usual week), from 0
    month_spend, -- ln(paid in thirty days / a usual month), from 0
    day_limit, -- ln(paid on the day / the most on any), by evidence, from 0
    week_limit, -- the same of seven days
    month_limit, -- the same of thirty days
    balance_share, -- of the balance before that a payment takes, 0 to 2
    balance_low, -- ln(lowest balance of the habit / balance after), from 0
    overdrawn, -- 1 when the balance after is below zero
    new_counterparty, -- minus ln of how often its transfers are to new ones
    unknown_counterparty, -- of a new one: 1 known to nobody, 1/2 to one, ...
    stranger_amount, -- ln(amount to a new one / a usual paying day's), from 0
    stranger_share, -- share of the balance that goes to a new counterparty
    new_kind, -- minus ln of how often accounts take this kind up, by evidence
    unowned, -- 1 a card or loan posting without such a product
    gap, -- ln(days since the last of this kind / usual), by evidence
    early, -- minus ln of how often this kind comes again so soon, bank-wide
    strange_order, -- minus ln of how often this kind follows the day before's
    strange_week, -- the same summed over seven days beyond the usual, from 0
    silence, -- ln(days without a decision of its people / usual), from 0
    hour_rarity, -- minus ln of the shrunken share of own postings near the hour
    place_rarity, -- minus ln of the shrunken share of own postings there
    distance, -- ln(1 + km to the nearest usual place / 10)
    travel -- ln(time the way takes / time there was), from 0
from final
order by trans_date, trans_id, account_id, kind, amount_cents
