-- Grain: that of ${base_table}, under the pseudonyms of the current key.
-- Inputs: ${base_table}, pseudonym_keys (one row).
-- Time: as of the newest night that changed it.
create or replace view ${view_name} as
select
    ${column_list}
from ${base_table} as t
inner join pseudonym_keys as k
    on t.key_version = k.current_version
