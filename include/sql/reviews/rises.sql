-- Grain: posting of the night and ground with confirmed cases.
-- Inputs: grounds, levels, level_shifts (ground, case_level, shift).
-- Time: the night.
with placed as (
    select
        grounds.trans_id,
        grounds.ground,
        grounds.subject,
        levels.cases,
        levels.postings,
        levels.latest_known_on,
        case
            when levels.case_share < $low then 1
            when levels.case_share < $high then 2
            else 3
        end as case_level
    from grounds
    inner join levels
        on
            grounds.ground = levels.ground
            and grounds.subject = levels.subject
            and grounds.trans_date = levels.trans_date
    where grounds.trans_date = $night
)

select
    placed.trans_id,
    placed.ground,
    placed.subject,
    placed.cases,
    placed.postings,
    placed.latest_known_on,
    level_shifts.shift -- powers of ten
from placed
inner join level_shifts
    on
        placed.ground = level_shifts.ground
        and placed.case_level = level_shifts.case_level
where level_shifts.shift > 0
order by placed.trans_id, placed.ground
