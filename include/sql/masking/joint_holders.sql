-- Grain: one client of one account that several clients may use.
-- Inputs: fin_disposition.
-- Time: the snapshot as given.
select distinct
    account_id, -- account that several clients may use
    client_id -- one of them
from fin_disposition
where account_id is not null and client_id is not null
qualify count(distinct client_id) over (partition by account_id) > 1
order by account_id, client_id
