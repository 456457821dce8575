-- Grain: one peer group, one kind of operation, one day.
-- Inputs: kind_days, account_profiles.
-- Time: the $habit_days before the day, the day itself excluded; the group is
-- the account's on the day of each posting.
-- Peers share the age of the owner, the type of account, what the account has
-- (card, loan), how long it has been open and whether the district is rich.
-- A group is drawn to the whole bank while it is small.
with grouped as (
    select
        kind_days.kind,
        kind_days.trans_date,
        kind_days.day_number,
        kind_days.day_postings,
        kind_days.day_log_sum,
        kind_days.day_log_square_sum,
        kind_days.log_step,
        profile_groups.peer_group
    from kind_days
    inner join profile_groups
        on
            kind_days.account_id = profile_groups.account_id
            and kind_days.trans_date = profile_groups.trans_date
),

days as (
    select
        peer_group,
        kind,
        trans_date,
        day_number,
        sum(day_postings) as postings,
        sum(day_log_sum) as log_sum,
        sum(day_log_square_sum) as log_square_sum
    from grouped
    group by peer_group, kind, trans_date, day_number
),

bank_days as (
    select
        kind,
        trans_date,
        day_number,
        sum(day_postings) as postings,
        sum(day_log_sum) as log_sum,
        sum(day_log_square_sum) as log_square_sum,
        count(log_step) as steps,
        coalesce(sum(cast(log_step as hugeint) * log_step), 0)
            as step_square_sum
    from grouped
    group by kind, trans_date, day_number
),

bank as (
    select
        kind,
        trans_date,
        cast(sum(postings) over habit as bigint) as postings,
        cast(sum(log_sum) over habit as double) as log_sum,
        cast(sum(log_square_sum) over habit as double) as log_square_sum,
        cast(sum(steps) over within_habit as bigint) as steps,
        cast(sum(step_square_sum) over within_habit as double)
            as step_square_sum
    from bank_days
    window
        habit as (
            partition by kind order by day_number
            range between $habit_days preceding and 1 preceding
        ),
        -- both ends of a step lie wholly within the habit from there on
        within_habit as (
            partition by kind order by day_number
            range between $rhythm_days preceding and 1 preceding
        )
),

peers as (
    select
        peer_group,
        kind,
        trans_date,
        cast(sum(postings) over habit as bigint) as postings,
        cast(sum(log_sum) over habit as double) as log_sum,
        cast(sum(log_square_sum) over habit as double) as log_square_sum
    from days
    window habit as (
        partition by peer_group, kind order by day_number
        range between $habit_days preceding and 1 preceding
    )
),

drawn as (
    select
        peers.peer_group,
        peers.kind,
        peers.trans_date,
        coalesce(bank.postings, 0) as peer_postings,
        bank.log_sum / bank.postings as bank_mean,
        bank.log_square_sum / bank.postings as bank_square_mean,
        -- half the mean square of steps is the variance within accounts
        bank.step_square_sum / nullif(bank.steps, 0) / 2 as within_variance,
        coalesce(peers.postings, 0) as own_postings,
        coalesce(peers.log_sum, 0) as own_sum,
        coalesce(peers.log_square_sum, 0) as own_square_sum
    from peers
    inner join bank
        on peers.kind = bank.kind and peers.trans_date = bank.trans_date
),

final as (
    select
        *,
        (own_sum + $peer_weight * bank_mean)
        / (own_postings + $peer_weight) as log_mean,
        (own_square_sum + $peer_weight * bank_square_mean)
        / (own_postings + $peer_weight) as square_mean
    from drawn
)

select
    peer_group,
    kind,
    trans_date,
    peer_postings, -- the whole bank's
    log_mean / 1e6 as peer_log_mean, -- of the cents; null without postings
    greatest(square_mean - pow(log_mean, 2), 0) / 1e12 as peer_log_variance,
    within_variance / 1e12 as within_log_variance -- within one account
from final
