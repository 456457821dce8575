-- Grain: one day that has postings.
-- Inputs: postings.
-- Time: the whole history given.
select
    trans_date,
    count(*) as posting_count
from postings
group by trans_date
order by trans_date
