-- Grain: ground and level.
-- Inputs: grounds, decisions, levels, delays.
-- Time: postings of the $measured_days before $night.
-- What level a posting's subject had on its day, by what became of it:
-- confirmed, dismissed, or neither though old enough to be known about.
with placed as (
    select
        grounds.ground,
        case
            when decisions.decision is not null then decisions.decision
            when
                $night - grounds.trans_date >= delays.usual_delay
                then 'silence'
            else 'too young'
        end as outcome,
        case
            when levels.case_share is null then 0
            when levels.case_share < $low then 1
            when levels.case_share < $high then 2
            else 3
        end as case_level
    from grounds
    cross join delays
    left join levels
        on
            grounds.ground = levels.ground
            and grounds.subject = levels.subject
            and grounds.trans_date = levels.trans_date
    left join decisions on grounds.trans_id = decisions.trans_id
    where
        $night - grounds.trans_date <= $measured_days
        and grounds.trans_date < $night
)

select
    ground,
    case_level, -- 0 without a case, 1 to 3 the larger its share
    count(*) filter (where outcome = 'confirmed') as confirmed,
    count(*) filter (where outcome = 'dismissed') as dismissed,
    count(*) filter (where outcome = 'silence') as unmentioned
from placed
group by ground, case_level
order by ground, case_level
