-- Grain: that of ${base_table}, of which readers see the rows of the runs that
-- night_manifest names.
-- Inputs: ${base_table}, night_manifest.
-- Time: every published night; a bound on the night bounds both tables.
create or replace view ${view_name} as
select
    ${column_list}
from ${base_table} as t
inner join night_manifest as m
    on
        t.${night_column} = m.settlement_date
        and t.run_key = m.run_key
