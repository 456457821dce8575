-- Grain: one static row that counts from this night and points to nowhere.
-- Inputs: fin_account, fin_loan, fin_card, fin_disposition, fin_client,
-- fin_district.
-- Time: rows whose own date is $night. A disposition and its client count from
-- the day their account was opened. Only $known_kinds can be looked up: the
-- others' relation is absent.
with tonight as (
    select
        account_id,
        district_id
    from fin_account
    where create_date = $night
),

holders as (
    select
        fin_disposition.disp_id,
        fin_disposition.account_id,
        fin_disposition.client_id
    from fin_disposition
    inner join tonight on fin_disposition.account_id = tonight.account_id
),

pointers as (
    select
        'account' as row_kind,
        account_id as row_id,
        account_id,
        'district' as target_kind,
        district_id as target_id
    from tonight
    union all
    select
        'disposition' as row_kind,
        disp_id as row_id,
        account_id,
        'client' as target_kind,
        client_id as target_id
    from holders
    union all
    select
        'client' as row_kind,
        holders.client_id as row_id,
        holders.account_id,
        'district' as target_kind,
        fin_client.district_id as target_id
    from holders
    inner join fin_client on holders.client_id = fin_client.client_id
    union all
    select
        'loan' as row_kind,
        loan_id as row_id,
        account_id,
        'account' as target_kind,
        account_id as target_id
    from fin_loan
    where granted_date = $night
    union all
    select
        'card' as row_kind,
        card_id as row_id,
        null as account_id,
        'disposition' as target_kind,
        disp_id as target_id
    from fin_card
    where issued_date = $night
),

known as (
    select
        'district' as target_kind,
        district_id as target_id
    from fin_district
    union
    select
        'client' as target_kind,
        client_id as target_id
    from fin_client
    union
    select
        'account' as target_kind,
        account_id as target_id
    from fin_account
    union
    select
        'disposition' as target_kind,
        disp_id as target_id
    from fin_disposition
)

select
    pointers.row_kind,
    pointers.row_id,
    pointers.account_id, -- null for a card, whose account is unknown
    pointers.target_kind,
    pointers.target_id
from pointers
anti join known
    on
        pointers.target_kind = known.target_kind
        and pointers.target_id = known.target_id
where
    pointers.target_id is not null
    and list_contains($known_kinds, pointers.target_kind)
order by pointers.row_kind, pointers.row_id, pointers.target_kind
