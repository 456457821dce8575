-- Grain: one row for the whole table.
-- Inputs: rows (the columns of any table).
-- Time bound: none; the caller hands over what is to be hashed.
-- The digest of the rows as a multiset: it depends on neither their order nor
-- the number of threads; 'empty' without rows.
with row_digests as (
    select sha256(to_json(rows)::varchar) as row_digest from rows
)

select
    coalesce(
        sha256(string_agg(row_digest, '' order by row_digest)), 'empty'
    ) as digest
from row_digests
