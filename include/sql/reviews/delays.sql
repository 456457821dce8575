-- Grain: one row.
-- Inputs: grounds, decisions.
-- Time: all that is known.
select
    cast(
        coalesce(median(decisions.acts_from - grounds.trans_date), 0) as bigint
    ) as usual_delay -- days from a posting to the night that knew of it
from decisions
inner join grounds
    on
        decisions.trans_id = grounds.trans_id
        and grounds.ground = 'account'
