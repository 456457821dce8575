-- Grain: one account.
-- Inputs: fin_account, fin_client, fin_disposition, fin_district, fin_card,
--     fin_loan.
-- Time: the snapshot as given; `opened` says from when the row counts, and a
-- product from its own date.
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

cards as (
    select
        fin_disposition.account_id,
        min(fin_card.issued_date) as card_since
    from fin_card
    inner join fin_disposition on fin_card.disp_id = fin_disposition.disp_id
    group by fin_disposition.account_id
),

loans as (
    select
        account_id,
        min(granted_date) as loan_since
    from fin_loan
    group by account_id
),

final as (
    select
        accounts.account_id,
        accounts.opened,
        accounts.frequency,
        owners.client_id,
        clients.birth_date,
        clients.district_id,
        salaries.average_salary,
        cards.card_since,
        loans.loan_since
    from accounts
    left join owners on accounts.account_id = owners.account_id
    left join clients on owners.client_id = clients.client_id
    left join salaries on clients.district_id = salaries.district_id
    left join cards on accounts.account_id = cards.account_id
    left join loans on accounts.account_id = loans.account_id
)

select
    account_id,
    opened, -- the row counts from this day
    frequency, -- how often a statement is issued
    client_id, -- the owner
    birth_date, -- the owner's
    district_id, -- the owner's home
    average_salary, -- monthly, in that district, in the source's money
    card_since, -- first card issued to the account; null when none
    loan_since -- first loan granted to the account; null when none
from final
