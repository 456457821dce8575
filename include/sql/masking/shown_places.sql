-- Grain: one client.
-- Inputs: fin_client, fin_district, known_towns (coordinates by the name of a
--     district).
-- Time: the snapshot as given; ages are those on $night.
-- The home district is shown where at least $least_clients clients share it,
-- the ten-year age band and the gender. Of the others the region is shown
-- where as many of them share it, band and gender: who is shown with the
-- district does not count again, since a region without a district tells that
-- the home is one of the region's districts that are not shown.
with clients as (
    select
        client_id,
        min(birth_date) as birth_date,
        min(gender) as gender,
        min(district_id) as district_id
    from fin_client
    group by client_id
),

districts as (
    select
        district_id,
        min(district_name) as district_name,
        min(region) as region,
        min(latitude) as latitude,
        min(longitude) as longitude
    from fin_district
    group by district_id
),

source as (
    select count(latitude) = 0 as is_unplaced
    from districts
),

placed as (
    select
        districts.district_id,
        districts.district_name,
        districts.region,
        if(
            source.is_unplaced, towns.latitude, districts.latitude
        ) as latitude,
        if(
            source.is_unplaced, towns.longitude, districts.longitude
        ) as longitude
    from districts
    cross join source
    left join known_towns as towns
        on districts.district_name = towns.district_name
),

aged as (
    select
        client_id,
        gender,
        district_id,
        10 * (date_sub('year', birth_date, $night) // 10) as decade
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
        placed.district_id,
        placed.district_name,
        placed.region,
        placed.latitude,
        placed.longitude,
        concat(aged.decade, '-', aged.decade + 9) as known_band,
        if(aged.decade is null, null, known_band) as age_band
    from aged
    left join placed on aged.district_id = placed.district_id
),

counted as (
    select
        *,
        district_name is not null
        and count(*) over (
            partition by district_id, age_band, gender
        ) >= $least_clients as is_district_shown
    from banded
),

final as (
    select
        *,
        region is not null
        and (
            is_district_shown
            or count(*) over (
                partition by region, age_band, gender, is_district_shown
            ) >= $least_clients
        ) as is_region_shown
    from counted
)

select
    client_id, -- client number
    age_band, -- age on the night in years, as 30-39; null where unknown
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
