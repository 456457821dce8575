-- Grain: one home district on a night, from the month's first day on.
-- Inputs: homes (each client's place), owners, month_days (mart_account_days
--     of the month's nights up to this one).
-- Time: from the first day of $night's month to $night; homes are those of the
--     night's snapshot.
-- An account counts where its owner lives; a row without a district has the
-- accounts whose owner's home is not known.
with moved as (
    select
        coalesce(homes.place, '') as place,
        sum(month_days.postings) as postings,
        sum(month_days.credits) as credits,
        sum(month_days.debits) as debits,
        sum(month_days.flagged) as flagged,
        sum(month_days.breaks) as breaks,
        sum(month_days.money_at_risk) as money_at_risk
    from month_days
    left join owners on month_days.account_id = owners.account_id
    left join homes on owners.client_id = homes.client_id
    group by coalesce(homes.place, '')
),

residents as (
    select
        homes.place,
        count(distinct homes.client_id) as clients,
        count(distinct owners.account_id) as accounts, -- noqa: RF04
        max(homes.district_id) as district_id,
        max(homes.district_name) as district_name,
        max(homes.region) as region,
        max(homes.shown_district) as shown_district,
        max(homes.shown_region) as shown_region,
        max(homes.shown_latitude) as shown_latitude,
        max(homes.shown_longitude) as shown_longitude
    from homes
    left join owners on homes.client_id = owners.client_id
    group by homes.place
),

places as (
    select place from residents
    union
    select place from moved
),

final as (
    select
        places.place,
        residents.* exclude (place, clients, accounts),
        cast($night as date) as settlement_date,
        cast(date_trunc('month', $night) as date) as month, -- noqa: RF04
        coalesce(residents.clients, 0) as clients,
        coalesce(residents.accounts, 0) as accounts, -- noqa: RF04
        coalesce(moved.postings, 0) as postings,
        cast(coalesce(moved.credits, 0) as decimal(18, 2)) as credits,
        cast(coalesce(moved.debits, 0) as decimal(18, 2)) as debits,
        coalesce(moved.flagged, 0) as flagged,
        coalesce(moved.breaks, 0) as breaks,
        cast(
            coalesce(moved.money_at_risk, 0) as decimal(18, 2)
        ) as money_at_risk,
        round(
            1000 * (moved.flagged + moved.breaks) / nullif(moved.postings, 0), 6
        ) as findings_per_thousand
    from places
    left join residents on places.place = residents.place
    left join moved on places.place = moved.place
)

select
    settlement_date, -- the night up to which is counted
    month, -- first day of the month from which on is counted
    district_id, -- district of the owners' homes; null where unknown
    district_name, -- name of the district
    region, -- region of the district
    -- district as masked readers see it with any of its clients; null where
    -- they see it with none
    shown_district,
    -- region as masked readers see it with any of its clients
    shown_region,
    shown_latitude, -- of the shown district's town, decimal degrees north
    shown_longitude, -- of the shown district's town, decimal degrees east
    clients, -- clients who live there
    accounts, -- accounts whose owner lives there
    postings, -- postings of these accounts
    credits, -- sum of what came in, in the bank's money
    debits, -- sum of what went out, in the bank's money
    flagged, -- postings whose score lies above their night's threshold
    breaks, -- breaks that name one of these accounts
    -- flagged postings and breaks of a thousand postings; null without any
    findings_per_thousand,
    money_at_risk -- sum that the findings are about, in the bank's money
from final
order by district_id, shown_region, shown_district
