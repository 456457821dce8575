-- Grain: one account, one kind of operation, one day it has such postings that
-- follow on others within $longest_gap days.
-- Inputs: postings (what the bank books by itself left out).
-- Time: the day and the account's day before it; how often one kind followed
-- another is counted in the $habit_days before the day, the day excluded, and
-- on the account itself without the last week: an odd week explains itself.
-- The order within a day is not recorded: kinds of one day follow those of the
-- day before. Of several the one that explains the posting best counts.
with kinds as (
    select
        account_id,
        trans_date,
        day_number,
        kind,
        min(trans_id) as trans_id -- one of them, to name it by
    from postings
    where not is_bank_booked
    group by account_id, trans_date, day_number, kind
),

numbered as (
    select
        *,
        dense_rank() over (
            partition by account_id order by day_number
        ) as place
    from kinds
),

pairs as (
    select
        later.account_id,
        later.trans_date,
        later.day_number,
        later.kind,
        later.trans_id,
        former.kind as former_kind,
        former.trans_id as former_trans,
        later.day_number - former.day_number as days_between,
        row_number() over (
            partition by later.account_id, later.day_number, former.kind
            order by later.kind
        ) = 1 as is_first
    from numbered as later
    inner join numbered as former
        on
            later.account_id = former.account_id
            and later.place = former.place + 1
    where later.day_number - former.day_number <= $longest_gap
),

own as (
    select
        *,
        count(*) over (
            partition by account_id, former_kind, kind order by day_number
            range between $habit_days preceding and 7 preceding
        ) as times,
        count(*) filter (is_first) over (
            partition by account_id, former_kind order by day_number
            range between $habit_days preceding and 7 preceding
        ) as chances
    from pairs
),

bank_times as (
    select
        former_kind,
        kind,
        day_number,
        sum(count(*)) over (
            partition by former_kind, kind order by day_number
            range between $habit_days preceding and 1 preceding
        ) as times
    from pairs
    group by former_kind, kind, day_number
),

bank_chances as (
    select
        former_kind,
        day_number,
        sum(count(*) filter (is_first)) over (
            partition by former_kind order by day_number
            range between $habit_days preceding and 1 preceding
        ) as chances
    from pairs
    group by former_kind, day_number
),

judged as (
    select
        own.*,
        coalesce(bank_times.times, 0) as bank_followed,
        coalesce(bank_chances.chances, 0) as bank_followable
    from own
    inner join bank_times
        on
            own.former_kind = bank_times.former_kind
            and own.kind = bank_times.kind
            and own.day_number = bank_times.day_number
    inner join bank_chances
        on
            own.former_kind = bank_chances.former_kind
            and own.day_number = bank_chances.day_number
),

rated as (
    select
        *,
        (bank_followed + 0.5) / (bank_followable + 1) as bank_rate
    from judged
),

surprising as (
    select
        *,
        round(
            -ln(
                (times + $habit_weight * bank_rate)
                / (chances + $habit_weight)
            ),
            6
        ) as surprise
    from rated
),

explained as (
    select *
    from surprising
    qualify row_number() over (
        partition by account_id, kind, day_number
        order by surprise asc, former_kind asc
    ) = 1
),

days as (
    select
        account_id,
        day_number,
        -- millionths, so that sums do not depend on their order
        cast(round(max(surprise) * 1000000) as bigint) as surprise,
        min(trans_id) filter (
            times = 0 and surprise >= $strange_surprise
        ) as strange_trans
    from explained
    group by account_id, day_number
),

weeks as (
    select
        account_id,
        day_number,
        sum(surprise) over this_week as week_surprise,
        list_filter(
            list(strange_trans) over this_week, lambda x: x is not null
        ) as week_strange_trans,
        sum(surprise) over before_week as weekly_surprise,
        count(strange_trans) over before_week as weekly_strange_days
    from days
    window
        this_week as (
            partition by account_id order by day_number
            range between 6 preceding and current row
        ),
        -- whatever these days were judged by lies within the look-back
        before_week as (
            partition by account_id order by day_number
            range between $rhythm_days preceding and 7 preceding
        )
),

final as (
    select
        explained.*,
        weeks.* exclude (account_id, day_number)
    from explained
    inner join weeks
        on
            explained.account_id = weeks.account_id
            and explained.day_number = weeks.day_number
)

select
    account_id,
    kind,
    trans_date,
    former_kind, -- of the account's day before
    former_trans, -- one such posting of that day
    days_between, -- days since then
    times as followed, -- how often this kind followed that, until a week ago
    chances as followable, -- how often anything did
    cast(bank_followed as bigint) as bank_followed, -- the same of everybody
    cast(bank_followable as bigint) as bank_followable,
    surprise as order_surprise, -- minus ln of the share, drawn to the bank's
    -- sums of the strangest of every day
    week_surprise / 1e6 as week_order_surprise, -- of seven days, this included
    coalesce(weekly_surprise, 0) / 1e6 as weekly_order_surprise, -- before them
    -- of each day with a kind that never followed so in the habit, and seldom
    -- anywhere, one posting
    week_strange_trans,
    weekly_strange_days -- how many such days there were before the seven
from final
