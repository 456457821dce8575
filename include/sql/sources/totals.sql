-- Grain: one settlement date that has any transaction, readable or not.
-- Inputs: rows (night, amount, raw, reader_codes), unreadable (night, raw,
-- reason_codes) of fin_transaction.
-- Time bound: nights strictly before $before.
-- The digest is a sum, so that the order of the records does not matter, of
-- MD5 halves, so that another version of the engine gives the same figure.
with records as (
    select
        night,
        amount,
        raw || '|' || coalesce(reader_codes, '') as record_text
    from rows
    union all
    select
        night,
        null as amount,
        raw || '|' || reason_codes as record_text
    from unreadable
),

final as (
    select
        -- the night the records are counted on
        night as settlement_date,
        -- records offered
        count(*) as row_count,
        -- sum of the amounts that could be read
        coalesce(sum(amount * 100), 0)::bigint as amount_cents,
        -- changes when any record of the night does
        sum(md5_number_lower(record_text)::hugeint)::varchar as digest
    from records
    where night < $before
    group by night
)

select
    settlement_date,
    row_count,
    amount_cents,
    digest
from final
order by settlement_date
