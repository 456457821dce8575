-- Grain: one account in one district on one day.
-- Inputs: postings (only those whose district is known).
-- Time: the $habit_days before the day, the day itself excluded.
with days as (
    select
        account_id,
        place_id,
        trans_date,
        day_number,
        count(*) as postings
    from postings
    where place_id is not null
    group by account_id, place_id, trans_date, day_number
),

bank as (
    select
        place_id,
        trans_date,
        sum(sum(postings)) over (
            partition by place_id order by day_number
            range between $habit_days preceding and 1 preceding
        ) as postings
    from days
    group by place_id, trans_date, day_number
),

own as (
    select
        account_id,
        place_id,
        trans_date,
        sum(postings) over (
            partition by account_id, place_id order by day_number
            range between $habit_days preceding and 1 preceding
        ) as postings
    from days
),

final as (
    select
        own.account_id,
        own.place_id,
        own.trans_date,
        coalesce(own.postings, 0) as place_postings,
        coalesce(bank.postings, 0) as bank_place_postings
    from own
    inner join bank
        on own.place_id = bank.place_id and own.trans_date = bank.trans_date
)

select
    account_id,
    place_id,
    trans_date,
    cast(place_postings as bigint) as place_postings, -- the account's own
    cast(bank_place_postings as bigint) as bank_place_postings -- everyone's
from final
