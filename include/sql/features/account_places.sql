-- Grain: one account and one district its people belong to.
-- Inputs: fin_account, fin_disposition, fin_client.
-- Time: the snapshot as given; `opened` says from when the row counts.
-- The homes of all who may use the account count, and the branch.
with holders as (
    select
        account_id,
        count(distinct client_id) as holders
    from fin_disposition
    group by account_id
),

places as (
    select
        account_id,
        district_id as place_id
    from fin_account
    union all
    select
        dispositions.account_id,
        clients.district_id as place_id
    from fin_disposition as dispositions
    inner join fin_client as clients
        on dispositions.client_id = clients.client_id
),

final as (
    select
        places.account_id,
        places.place_id,
        min(own.create_date) as opened,
        coalesce(min(holders.holders), 1) as holders
    from places
    inner join fin_account as own
        on places.account_id = own.account_id
    left join holders on places.account_id = holders.account_id
    where places.place_id is not null
    group by places.account_id, places.place_id
)

select
    account_id,
    place_id,
    opened, -- the row counts from this day
    holders -- clients who may use the account
from final
