-- Grain: ground, subject and day on which the subject has a posting.
-- Inputs: grounds, decisions, delays.
-- Time: each day sees the postings of the $window_days before it, and only
-- decisions that had been taken in by then.
-- Recent postings weigh more (half after $half_life_days): a subject that has
-- been clean since is clean. Postings too young to be known about are no
-- evidence of being clean; how long that takes is what it usually took.
with cases as (
    select
        grounds.ground,
        grounds.subject,
        grounds.trans_date,
        decisions.acts_from,
        decisions.known_on
    from grounds
    inner join decisions
        on
            grounds.trans_id = decisions.trans_id
            and decisions.decision = 'confirmed'
),

days as (
    select
        ground,
        subject,
        trans_date,
        count(*) as postings
    from grounds
    where (ground, subject) in (select (ground, subject) from cases)
    group by ground, subject, trans_date
),

confirmed as (
    select
        days.ground,
        days.subject,
        days.trans_date,
        count(*) as cases,
        max(cases.known_on) as latest_known_on,
        sum(
            pow(0.5, (days.trans_date - cases.trans_date) / $half_life_days)
        ) as weight,
        sum(
            if(
                days.trans_date - cases.trans_date < delays.usual_delay,
                pow(
                    0.5,
                    (days.trans_date - cases.trans_date) / $half_life_days
                ),
                0
            )
        ) as young_weight
    from days
    cross join delays
    inner join cases
        on
            days.ground = cases.ground
            and days.subject = cases.subject
            and days.trans_date > cases.trans_date
            and days.trans_date - cases.trans_date <= $window_days
            and days.trans_date >= cases.acts_from
    group by days.ground, days.subject, days.trans_date
),

seen as (
    select
        confirmed.ground,
        confirmed.subject,
        confirmed.trans_date,
        cast(sum(earlier.postings) as bigint) as postings,
        sum(
            if(
                confirmed.trans_date - earlier.trans_date
                >= delays.usual_delay,
                earlier.postings
                * pow(
                    0.5,
                    (confirmed.trans_date - earlier.trans_date)
                    / $half_life_days
                ),
                0
            )
        ) as old_weight
    from confirmed
    cross join delays
    inner join days as earlier
        on
            confirmed.ground = earlier.ground
            and confirmed.subject = earlier.subject
            and confirmed.trans_date > earlier.trans_date
            and confirmed.trans_date - earlier.trans_date <= $window_days
    group by confirmed.ground, confirmed.subject, confirmed.trans_date
)

select
    confirmed.ground,
    confirmed.subject,
    confirmed.trans_date,
    confirmed.cases, -- confirmed in the window, as known on the day
    seen.postings, -- of the window
    confirmed.latest_known_on,
    -- confirmed share of what could be known, recent ones weighing more
    round(
        confirmed.weight / (seen.old_weight + confirmed.young_weight), 6
    ) as case_share
from confirmed
inner join seen
    on
        confirmed.ground = seen.ground
        and confirmed.subject = seen.subject
        and confirmed.trans_date = seen.trans_date
