-- Grain: one account.
-- Inputs: fin_account, fin_client, fin_disposition, fin_district.
-- Time: the snapshot as given; `opened` says from when the row counts.
-- Of several owners the one with the smallest client number stands.
with owners as (
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
        min(create_date) as opened,
        min(frequency) as frequency
    from fin_account
    group by account_id
),

clients as (
    select
        client_id,
        min(birth_date) as birth_date,
        min(district_id) as district_id
    from fin_client
    group by client_id
),

salaries as (
    select
        district_id,
        min(average_salary) as average_salary
    from fin_district
    group by district_id
),

final as (
    select
        accounts.account_id,
        accounts.opened,
        accounts.frequency,
        owners.client_id,
        clients.birth_date,
        clients.district_id,
        salaries.average_salary
    from accounts
    left join owners on accounts.account_id = owners.account_id
    left join clients on owners.client_id = clients.client_id
    left join salaries on clients.district_id = salaries.district_id
)

select
    account_id,
    opened, -- the row counts from this day
    frequency, -- how often a statement is issued
    client_id, -- the owner
    birth_date, -- the owner's
    district_id, -- the owner's home
    average_salary -- monthly, in that district, in the source's money
from final
