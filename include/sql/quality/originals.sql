-- Grain: one posting that may be taken back.
-- Inputs: suspects.
-- Time: all that is given.
select
    group_number, -- of the postings it is interchangeable with
    trans_date,
    trans_id
from suspects
where
    amount > 0
    and reverses is null
    and group_number in (select unnest($groups))
order by group_number, trans_date, trans_id
