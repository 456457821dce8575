-- Grain: one record of a typed file, in the file's order.
-- Inputs: records (the columns of the file).
-- Time bound: none; the caller hands over what is to be written out.
-- Gives the record as JSON, its columns in the file's order.
select to_json(records)::varchar as record_json
from records
