-- Grain: one district.
-- Inputs: fin_district, known_towns (by the name of the district).
-- Time: the snapshot as given.
-- A source's own coordinates count; towns known by name stand in where it has
-- none at all. What does not lie on the globe is unknown.
with districts as (
    select
        district_id,
        min(district_name) as district_name,
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

final as (
    select
        district_id,
        district_name,
        latitude,
        longitude,
        latitude between -90 and 90
        and longitude between -180 and 180 as is_on_globe,
        radians(latitude) as north,
        radians(longitude) as east
    from placed
)

select
    district_id as place_id,
    district_name as place_name,
    -- decimal degrees north and east; both null when unknown
    if(is_on_globe, latitude, null) as latitude,
    if(is_on_globe, longitude, null) as longitude,
    -- where it lies on the unit globe; all three null when unknown
    if(is_on_globe, cos(north) * cos(east), null) as x,
    if(is_on_globe, cos(north) * sin(east), null) as y,
    if(is_on_globe, sin(north), null) as z
from final
