-- Grain: one account.
-- Inputs: fin_account, fin_client, fin_disposition, fin_district, places
--     (what is shown of each client's home).
-- Time: the snapshot as given; ages are those on $night.
-- Of several owners the one with the smallest client number stands.
with owned as (
    select
        account_id,
        min(client_id) as client_id
    from fin_disposition
    where disp_type = 'O'
    group by account_id
),

accounts as (
    select
        account_id,
        min(frequency) as frequency
    from fin_account
    group by account_id
),

clients as (
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
),

final as (
    select
        coalesce(accounts.account_id, owned.account_id) as account_id,
        owned.client_id,
        clients.gender,
        clients.district_id,
        districts.district_name,
        districts.region,
        places.shown_district,
        places.shown_region,
        places.shown_latitude,
        places.shown_longitude,
        case accounts.frequency
            when 'M' then 'monthly'
            when 'W' then 'weekly'
            when 'T' then 'after each transaction'
        end as account_kind,
        if(
            clients.birth_date <= $night,
            date_sub('year', clients.birth_date, $night),
            null
        ) as client_age
    from accounts
    full join owned on accounts.account_id = owned.account_id
    left join clients on owned.client_id = clients.client_id
    left join districts on clients.district_id = districts.district_id
    left join places on owned.client_id = places.client_id
)

select
    account_id, -- account number
    client_id, -- owner
    account_kind, -- how often a statement is issued
    gender, -- owner's, F or M
    client_age, -- owner's age on the night, whole years
    district_id, -- owner's home
    district_name, -- name of that district
    region, -- its region
    shown_district, -- what masked readers see of it
    shown_region, -- what masked readers see of the region
    shown_latitude, -- decimal degrees north
    shown_longitude -- decimal degrees east
from final
