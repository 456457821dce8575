-- Grain: one client.
-- Inputs: fin_client, fin_district, places (what is shown of each home).
-- Time: the snapshot as given; ages are those on $night.
-- By the home district, for those who may see it.
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
        min(region) as region
    from fin_district
    group by district_id
)

select
    clients.client_id, -- client number
    clients.gender, -- F or M
    -- age on the night, whole years
    if(
        clients.birth_date <= $night,
        date_sub('year', clients.birth_date, $night),
        null
    ) as client_age,
    places.age_band, -- what masked readers see of the age
    clients.district_id, -- home
    districts.district_name, -- its name
    districts.region, -- its region
    places.shown_district, -- what masked readers see of the district
    places.shown_region, -- what masked readers see of the region
    places.shown_latitude, -- decimal degrees north
    places.shown_longitude, -- decimal degrees east
    -- what homes are counted by
    coalesce(cast(clients.district_id as varchar), '') as place
from clients
left join districts on clients.district_id = districts.district_id
left join places on clients.client_id = places.client_id
