-- Question: What happened on this account, posting by posting, and what was
-- found.
-- Readers: full
-- Parameters: account, as 2378; first night, last night, each as '1994-01-31'.
-- Grain: one posting or one finding of the account.
-- Partitions: fin_transaction, mart_findings and night_manifest, from the first
-- night to the last.
with entries as (
    select
        account_id,
        settlement_date,
        trans_id,
        'posting' as entry,
        trans_type,
        operation,
        amount,
        balance,
        category as code,
        cast(null as double) as score,
        counterparty as words,
        cast(null as varchar) as review_state
    from published_fin_transaction
    union all
    select
        account_id,
        settlement_date,
        trans_id,
        kind as entry,
        trans_type,
        operation,
        amount,
        cast(null as decimal(12, 2)) as balance,
        code,
        score,
        text as words,
        review_state
    from published_mart_findings
)

select
    settlement_date,
    trans_id, -- null where a posting is missing
    entry, -- posting, or the kind of finding
    trans_type,
    operation,
    amount, -- of the posting; of a break the difference
    balance,
    code, -- what the money was for; of a finding its reason or check
    score,
    words, -- counterparty; of a finding its sentence
    review_state
from entries
where
    account_id = cast(? as bigint)
    and settlement_date between cast(? as date) and cast(? as date)
order by
    settlement_date asc,
    trans_id asc,
    case entry when 'posting' then 0 else 1 end asc,
    code asc
