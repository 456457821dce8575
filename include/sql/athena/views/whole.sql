-- Grain: that of ${base_table}, whose rows are all current.
-- Inputs: ${base_table}.
-- Time: as of the newest night that changed it.
create or replace view ${view_name} as
select
    ${column_list}
from ${base_table} as t
