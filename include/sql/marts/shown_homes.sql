-- Grain: one client.
-- Inputs: places (what is shown of each home).
-- Time: the snapshot as given.
-- By what is shown of the home and nothing else, so that sums tell no more than
-- what is shown of each client.
select
    client_id, -- client number
    cast(null as bigint) as district_id, -- not shown
    cast(null as varchar) as district_name, -- not shown
    cast(null as varchar) as region, -- not shown
    shown_district, -- what masked readers see of the district
    shown_region, -- what masked readers see of the region
    shown_latitude, -- decimal degrees north
    shown_longitude, -- decimal degrees east
    -- what homes are counted by
    concat_ws(', ', shown_region, shown_district) as place
from places
