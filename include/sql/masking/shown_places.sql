-- Grain: one client.
-- Inputs: fin_client, fin_district (regions), district_points (names and
--     coordinates, of features), households (of clients who share accounts).
-- Time: the snapshot as given; ages are those reached in $night's year, so that
--     nobody's band changes on a birthday, which it would tell.
-- The home district is shown where at least $least_clients clients share it,
-- the ten-year age band and the gender. Of the others the region is shown
-- where as many of them share it, band and gender: who is shown with the
-- district does not count again, since a region without a district tells that
-- the home is one of the region's districts that are not shown. What is not
-- shown of one of a household is shown of none: they mostly live together.
with clients as (
    select
        client_id,
        min(birth_date) as birth_date,
        min(gender) as gender,
        min(district_id) as district_id
    from fin_client
    group by client_id
),

regions as (
    select
        district_id,
        min(region) as region
    from fin_district
    group by district_id
),

aged as (
    select
        client_id,
        gender,
        district_id,
        10 * (date_diff('year', birth_date, $night) // 10) as decade
    from clients
    -- who is not born yet has no age; the comparison keeps unknown births
    where birth_date is null or birth_date <= $night
    union all
    select
        client_id,
        gender,
        district_id,
        null as decade
    from clients
    where birth_date > $night
),

banded as (
    select
        aged.client_id,
        aged.gender,
        points.place_id as district_id,
        points.place_name as district_name,
        regions.region,
        points.latitude,
        points.longitude,
        concat(aged.decade, '-', aged.decade + 9) as known_band,
        if(aged.decade is null, null, known_band) as age_band
    from aged
    left join district_points as points on aged.district_id = points.place_id
    left join regions on aged.district_id = regions.district_id
),

counted as (
    select
        banded.*,
        coalesce(households.household, banded.client_id) as household,
        banded.district_name is not null
        and count(*) over (
            partition by banded.district_id, banded.age_band, banded.gender
        ) >= $least_clients as is_district_known
    from banded
    left join households on banded.client_id = households.client_id
),

district_shown as (
    select
        *,
        bool_and(is_district_known) over (
            partition by household
        ) as is_district_shown
    from counted
),

region_counted as (
    select
        *,
        region is not null
        and (
            is_district_shown
            or count(*) over (
                partition by region, age_band, gender, is_district_shown
            ) >= $least_clients
        ) as is_region_known
    from district_shown
),

final as (
    select
        *,
        bool_and(is_region_known) over (
            partition by household
        ) as is_region_shown
    from region_counted
)

select
    client_id, -- client number
    age_band, -- years reached in the night's year, as 30-39; null if unknown
    -- home district; null where fewer than five share it, age band and gender
    if(is_district_shown, district_name, null) as shown_district,
    -- its region; null where it would tell the home of fewer than five
    if(is_region_shown, region, null) as shown_region,
    -- of the district's town, decimal degrees north; null without a district
    if(is_district_shown, latitude, null) as shown_latitude,
    -- of the district's town, decimal degrees east; null without a district
    if(is_district_shown, longitude, null) as shown_longitude
from final
order by client_id
