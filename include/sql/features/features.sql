-- Grain: one posting of the nights $first_night to $last_night.
-- Inputs: postings, account_days, kind_days, peer_kind_days, bank_days,
--     counterparty_days, place_days, account_profiles.
-- Time: the posting's whole day and everything before it, nothing later.
-- A logarithmic ratio of 0 says "as usual", ln 2 = 0.69 says "twice"; ratios
-- "from 0" leave out what is less than usual, which is no finding. What an
-- account is compared with includes the day or week itself: a habit of three
-- days cannot be exceeded more than fourfold, an account without one not at
-- all. Numbers
-- are rounded to a millionth, so that another build of the mathematics
-- library does not move a score. A missing balance leaves the balance
-- features null; a missing time or district those of hours and places.
-- What the bank books by itself (interest, fees) is nobody's behaviour: its
-- frequency, spending and novelty are 0.
with described as (
    select *
    from postings
    where trans_date between $first_night and $last_night
),

joined as (
    select
        described.*,
        own.seen_since,
        own.observed_days,
        own.day_postings,
        own.day_paid_cents,
        own.week_postings,
        own.week_paid_cents,
        own.habit_postings,
        own.habit_days_active,
        own.habit_paid_cents,
        own.habit_days_paying,
        own.habit_transfers,
        own.habit_placed,
        own.habit_timed,
        own.habit_hour_cos,
        own.habit_hour_sin,
        own.earlier_postings,
        own.earlier_paid_cents,
        own.habit_balance_share,
        own.account_use,
        habit.last_seen,
        habit.largest_cents,
        habit.kind_postings,
        habit.kind_log_sum,
        habit.kind_log_square_sum,
        habit.kind_days,
        habit.kind_span,
        peer.peer_postings,
        peer.peer_log_mean,
        peer.peer_log_variance,
        bank_days.bank_busy_day,
        bank_days.bank_busy_week,
        bank_days.bank_timed,
        bank_days.bank_hour_cos,
        bank_days.bank_hour_sin,
        bank_days.bank_placed,
        coalesce(
            counterparties.is_new_counterparty, false
        ) as is_new_counterparty,
        places.place_postings,
        places.bank_place_postings,
        profile.frequency,
        profile.client_id,
        profile.birth_date,
        profile.district_id as client_district_id,
        profile.average_salary
    from described
    inner join account_days as own
        on
            described.account_id = own.account_id
            and described.trans_date = own.trans_date
    inner join kind_days as habit
        on
            described.account_id = habit.account_id
            and described.kind = habit.kind
            and described.trans_date = habit.trans_date
    inner join peer_kind_days as peer
        on
            described.kind = peer.kind
            and described.trans_date = peer.trans_date
    inner join bank_days on described.trans_date = bank_days.trans_date
    left join counterparty_days as counterparties
        on
            described.account_id = counterparties.account_id
            and described.counterparty = counterparties.counterparty
            and described.trans_date = counterparties.trans_date
    left join place_days as places
        on
            described.account_id = places.account_id
            and described.place_id = places.place_id
            and described.trans_date = places.trans_date
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
        kind_log_sum / 1e6 / nullif(kind_postings, 0) as own_log_mean,
        greatest(
            kind_log_square_sum / 1e12
            - pow(kind_log_sum / 1e6, 2) / nullif(kind_postings, 0),
            0
        ) as own_log_squares,
        greatest(observed_days - 6, 0) as earlier_days,
        trans_date - last_seen as gap_days,
        kind_span / nullif(kind_days - 1, 0) as usual_gap_days,
        habit_hour_cos + $habit_weight * bank_hour_cos
        / greatest(bank_timed, 1) as centre_cos,
        habit_hour_sin + $habit_weight * bank_hour_sin
        / greatest(bank_timed, 1) as centre_sin
    from joined
),

shrunken as (
    select
        *,
        -- the account's own habit, drawn to its peers' while it is young
        (
            coalesce(own_log_mean * kind_postings, 0)
            + $habit_weight * peer_log_mean
        ) / (kind_postings + $habit_weight) as expected_log,
        sqrt(
            (
                coalesce(own_log_squares, 0)
                + $habit_weight * peer_log_variance
            ) / (kind_postings + $habit_weight)
        ) as expected_spread,
        sqrt(pow(centre_cos, 2) + pow(centre_sin, 2))
        / 1e6 / (habit_timed + $habit_weight) as hour_concentration,
        atan2(centre_sin, centre_cos) * 12 / pi() as centre_hour
    from moments
),

compared as (
    select
        *,
        (amount_log - expected_log)
        / greatest(expected_spread, $smallest_spread) as spreads_off,
        ln(positive_cents / largest_cents) as over_largest,
        ln(positive_cents / 100 / nullif(average_salary, 0)) as over_salary,
        -- when everyone is busier, an account may be too
        bank_busy_day * (habit_postings + day_postings)
        / (habit_days_active + 1) as usual_day_count,
        bank_busy_week * 7 * (earlier_postings + week_postings)
        / (earlier_days + 7) as usual_week_count,
        day_paid_cents * (habit_days_paying + 1)
        / greatest(habit_paid_cents + day_paid_cents, 1) as times_day_spend,
        week_paid_cents * (earlier_days + 7)
        / (7 * greatest(earlier_paid_cents + week_paid_cents, 1))
            as times_week_spend,
        case
            when balance_cents is null then null
            when is_credit then 0
            when before_cents <= 0 then $largest_balance_share
            else least(amount_cents / before_cents, $largest_balance_share)
        end as share_taken,
        case
            when last_seen is null then 0
            when gap_days > $habit_days
                then ln((gap_days + 1) / ($habit_days + 1))
            when usual_gap_days is null then 0
            else
                (kind_days - 1) / (kind_days - 1 + $habit_weight)
                * ln((gap_days + 1) / (usual_gap_days + 1))
        end as off_rhythm,
        abs(hour_of_day - (centre_hour + 24) % 24) as hours_apart,
        (
            place_postings
            + $habit_weight * (bank_place_postings + 1) / (bank_placed + 1)
        ) / (habit_placed + $habit_weight) as place_share
    from shrunken
),

final as (
    select
        *,
        round(spreads_off, 6) as amount_z,
        if(
            largest_cents is null, 0, round(greatest(over_largest, 0), 6)
        ) as amount_to_largest,
        if(
            over_salary is null, null, round(greatest(over_salary, 0), 6)
        ) as amount_to_salary,
        if(
            is_bank_booked,
            0,
            round(
                greatest(day_postings - usual_day_count, 0)
                / sqrt(usual_day_count + 1),
                6
            )
        ) as day_count,
        if(
            is_bank_booked,
            0,
            round(
                greatest(week_postings - usual_week_count, 0)
                / sqrt(usual_week_count + 1),
                6
            )
        ) as week_count,
        if(
            is_bank_booked or is_credit,
            0,
            round(greatest(times_day_spend - 1, 0), 6)
        ) as day_spend,
        if(
            is_bank_booked or is_credit,
            0,
            round(greatest(times_week_spend - 1, 0), 6)
        ) as week_spend,
        round(share_taken, 6) as balance_share,
        cast(balance_cents < 0 as integer) as overdrawn,
        if(
            is_bank_booked or not is_new_counterparty,
            0,
            round(kind_postings / (kind_postings + $habit_weight), 6)
        ) as new_counterparty,
        if(
            is_bank_booked or last_seen is not null,
            0,
            round(habit_postings / (habit_postings + $habit_weight), 6)
        ) as new_kind,
        if(is_bank_booked, 0, round(greatest(off_rhythm, 0), 6)) as gap,
        if(
            bank_timed + habit_timed = 0,
            null,
            round(
                hour_concentration * least(hours_apart, 24 - hours_apart), 6
            )
        ) as hour_distance,
        round(-ln(place_share), 6) as place_rarity
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
    client_id, -- the account's owner
    date_sub('year', birth_date, trans_date) as client_age, -- whole years
    client_district_id, -- where the owner lives
    average_salary, -- in that district, monthly, in the source's money
    frequency, -- account type: how often a statement is issued
    account_use, -- account type: what it has been used for until yesterday
    cast(before_cents / 100 as decimal(14, 2)) as balance_before,
    cast(balance_cents / 100 as decimal(12, 2)) as balance_after,
    round(hour_of_day, 6) as hour_of_day,
    place_id,
    other_account, -- account of the other side
    -- what is usual for the account (before this day), for the sentences
    observed_days, -- days of habit there were to see
    habit_postings,
    habit_transfers, -- of them with a counterparty
    kind_postings, -- of them of this kind
    round(exp(own_log_mean) / 100, 2) as usual_amount, -- of this kind
    round(exp(peer_log_mean) / 100, 2) as peer_amount, -- all accounts'
    cast(largest_cents / 100 as decimal(12, 2)) as largest_amount, -- own, ever
    day_postings,
    round(
        habit_postings / nullif(habit_days_active, 0), 6
    ) as usual_day_postings,
    week_postings,
    if(
        earlier_days > 0, round(7 * earlier_postings / earlier_days, 6), null
    ) as usual_week_postings,
    cast(day_paid_cents / 100 as decimal(18, 2)) as day_paid,
    round(
        habit_paid_cents / 100 / nullif(habit_days_paying, 0), 2
    ) as usual_day_paid,
    cast(week_paid_cents / 100 as decimal(18, 2)) as week_paid,
    if(
        earlier_days > 0,
        round(7 * earlier_paid_cents / 100 / earlier_days, 2),
        null
    ) as usual_week_paid,
    round(habit_balance_share, 6) as usual_balance_share, -- of a payment
    gap_days, -- since the last posting of this kind
    round(usual_gap_days, 6) as usual_gap_days,
    if(
        habit_timed > 0, round((centre_hour + 24) % 24, 6), null
    ) as usual_hour,
    place_postings, -- own postings in that district
    habit_placed, -- own postings whose district is known
    -- what the models see
    amount_z, -- spreads of ln(amount) above the shrunken habit of the kind
    amount_to_largest, -- ln(amount / largest ever of the kind), from 0
    amount_to_salary, -- ln(amount / the home district's salary), from 0
    day_count, -- ln(1 + postings of the day / 1 + a usual day's), from 0
    week_count, -- the same of seven days, from 0
    day_spend, -- ln(paid on the day / a usual paying day's), from 0
    week_spend, -- ln(paid in seven days / a usual week's), from 0
    balance_share, -- of the balance before that a payment takes, 0 to 2
    overdrawn, -- 1 when the balance after is below zero
    new_counterparty, -- 0 known, towards 1 new where this kind is common
    new_kind, -- 0 used before, towards 1 new to an account with many postings
    gap, -- ln(days since the last of this kind / usual), by evidence
    hour_distance, -- hours from the usual one, by how usual there is one
    place_rarity -- minus ln of the shrunken share of own postings there
from final
order by trans_date, trans_id, account_id, kind, amount_cents
