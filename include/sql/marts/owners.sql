-- Grain: one account.
-- Inputs: fin_account, fin_disposition, homes.
-- Time: the snapshot as given; ages are those of homes.
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

final as (
    select
        owned.client_id,
        homes.* exclude (client_id, place),
        coalesce(accounts.account_id, owned.account_id) as account_id,
        case accounts.frequency
            when 'M' then 'monthly'
            when 'W' then 'weekly'
            when 'T' then 'after each transaction'
        end as account_kind
    from accounts
    full join owned on accounts.account_id = owned.account_id
    left join homes on owned.client_id = homes.client_id
)

select
    account_id, -- account number
    client_id, -- owner
    account_kind, -- how often a statement is issued
    gender, -- owner's, F or M
    client_age, -- owner's age on the night, whole years
    age_band, -- what masked readers see of the age
    district_id, -- owner's home
    district_name, -- name of that district
    region, -- its region
    shown_district, -- what masked readers see of it
    shown_region, -- what masked readers see of the region
    shown_latitude, -- decimal degrees north
    shown_longitude -- decimal degrees east
from final
