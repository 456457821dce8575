-- Grain: one record of a typed file, in the file's order.
-- Inputs: records (the columns of the file).
-- Time bound: none; the caller hands over what is to be written out.
select
    -- the record as JSON, columns in the file's order
    to_json(records)::varchar as raw,
from records
