-- Grain: one client who is shown with a place among fewer than $least_clients.
-- Inputs: fin_client, shown (as shown_places gives it).
-- Time: the snapshot as given.
-- Where households were withheld, fewer may be left to show a place than live
-- there: of five alike one, of whom it would tell everything.
with genders as (
    select
        client_id,
        min(gender) as gender
    from fin_client
    group by client_id
)

select
    shown.client_id, -- client number
    -- what is to be withheld: the district, or where none is shown the region
    if(shown.shown_district is null, 'region', 'district') as place
from shown
left join genders on shown.client_id = genders.client_id
where shown.shown_district is not null or shown.shown_region is not null
qualify
    count(*) over (
        partition by
            shown.shown_district,
            shown.shown_region,
            shown.age_band,
            genders.gender
    ) < $least_clients
order by shown.client_id
