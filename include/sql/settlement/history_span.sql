-- Grain: one row.
-- Inputs: postings.
-- Time: the whole history given.
select min(trans_date) as first_date -- null without postings
from postings
