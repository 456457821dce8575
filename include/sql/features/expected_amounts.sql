-- Grain: one posting of the nights $first_night to $last_night.
-- Inputs: postings, kind_habits, profile_groups, peer_kind_days.
-- Time: habits end on the day before; the season is the posting's whole night.
-- What amount is to be expected of this account and kind, drawn from its peers'
-- towards its own while it has few, and what the night adds to everybody's.
with described as (
    select
        postings.posting_number,
        postings.account_id,
        postings.kind,
        postings.trans_date,
        postings.log_amount / 1e6 as amount_log,
        habit.kind_postings,
        habit.kind_log_sum,
        habit.kind_log_square_sum,
        peer_groups.peer_group,
        peer.peer_log_mean,
        peer.peer_log_variance,
        peer.within_log_variance
    from postings
    inner join kind_habits as habit
        on
            postings.account_id = habit.account_id
            and postings.kind = habit.kind
            and postings.trans_date = habit.trans_date
    inner join profile_groups as peer_groups
        on
            postings.account_id = peer_groups.account_id
            and postings.trans_date = peer_groups.trans_date
    inner join peer_kind_days as peer
        on
            peer_groups.peer_group = peer.peer_group
            and postings.kind = peer.kind
            and postings.trans_date = peer.trans_date
    where postings.trans_date between $first_night and $last_night
),

moments as (
    select
        *,
        kind_log_sum / 1e6 / nullif(kind_postings, 0) as own_log_mean,
        greatest(
            kind_log_square_sum / 1e12
            - pow(kind_log_sum / 1e6, 2) / nullif(kind_postings, 0),
            0
        ) as own_log_squares,
        greatest(
            least(
                coalesce(within_log_variance, peer_log_variance),
                peer_log_variance
            ),
            pow($smallest_spread, 2)
        ) as usual_within
    from described
),

-- The amount's distribution as a normal one of logarithms: accounts spread
-- around their peers (between), a posting around its account (within).
spreads as (
    select
        *,
        (coalesce(own_log_squares, 0) + $habit_weight * usual_within)
        / (kind_postings + $habit_weight) as within_variance,
        greatest(
            peer_log_variance - usual_within, pow($smallest_spread, 2)
        ) as between_variance
    from moments
),

shrunken as (
    select
        *,
        1 / (1 / between_variance + kind_postings / within_variance)
            as mean_variance,
        (
            peer_log_mean / between_variance
            + coalesce(own_log_mean * kind_postings, 0) / within_variance
        ) / (1 / between_variance + kind_postings / within_variance)
            as expected_log
    from spreads
),

-- A night on which this kind is higher for everybody, like a Christmas bonus:
-- half of the accounts, drawn to no season while they are few; one is none.
own_nights as (
    select
        kind,
        trans_date,
        account_id,
        median(amount_log - expected_log) as log_off
    from shrunken
    group by kind, trans_date, account_id
),

night_seasons as (
    select
        kind,
        trans_date,
        greatest(coalesce(median(log_off), 0), 0)
        * (count(*) - 1) / (count(*) - 1 + $night_weight) as season_amount
    from own_nights
    group by kind, trans_date
)

select
    shrunken.posting_number,
    shrunken.peer_group, -- accounts it was compared with
    shrunken.peer_log_mean, -- theirs, logarithms of cents as all others here
    shrunken.own_log_mean, -- the account's; null without a habit
    shrunken.expected_log,
    shrunken.within_variance, -- of a posting around its account
    shrunken.between_variance, -- of accounts around their peers
    shrunken.mean_variance, -- of the expected itself
    night_seasons.season_amount -- what the night adds, from 0
from shrunken
inner join night_seasons
    on
        shrunken.kind = night_seasons.kind
        and shrunken.trans_date = night_seasons.trans_date
