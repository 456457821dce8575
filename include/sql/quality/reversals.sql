-- Grain: one pair of a posting that may be a reversal and a posting it may
-- reverse.
-- Inputs: posted (the night's or the history's postings, and those of the
-- look-back with what they reverse).
-- Time: a reversal and the days before it: $negative_days where its amount is
-- negative, $contra_days where it is a posting the other way.
-- A negative amount reverses a posting of the same account, direction and
-- amount; what it leaves blank may be anything. A posting the other way
-- reverses one where nothing else explains it: of the same amount, with the
-- same counterparty and purpose; with a code that its direction contradicts;
-- or in cash at once, so that it starts from the balance the other left and
-- bears the account's next number (real clients do pay in what they took out
-- that day: once in 13 months).
with typed as (
    select
        trans_id,
        account_id,
        trans_date,
        trans_type,
        trans_type = 'C' as is_credit,
        operation,
        category,
        amount,
        balance,
        is_new,
        reverses,
        nullif(trim(other_bank_id), '') as other_bank,
        -- counterparty 0 is how the bank writes none
        nullif(
            coalesce(cast(other_account_id as varchar), counterparty), '0'
        ) as other_account,
        case
            when trans_type = 'C' then amount else -amount
        end as effect,
        case operation
            when 'CIC' then 'WIC'
            when 'WIC' then 'CIC'
            when 'COB' then 'ROB'
            when 'ROB' then 'COB'
        end as other_way
    from posted
),

named as (
    select
        *,
        other_bank is not null or other_account is not null as is_transfer,
        concat_ws(
            '/',
            trans_type,
            coalesce(operation, '-'),
            coalesce(category, '-'),
            coalesce(other_bank, '-'),
            coalesce(other_account, '0')
        ) as kind
    from typed
),

negatives as (
    select
        later.trans_id,
        later.trans_date,
        false as is_contra,
        earlier.trans_id as original_id,
        earlier.trans_date as original_date,
        earlier.kind as original_kind,
        cast(later.trans_type = earlier.trans_type as integer)
        + cast(later.operation is not null as integer)
        + cast(later.category is not distinct from earlier.category as integer)
        + cast(later.is_transfer = earlier.is_transfer as integer)
            as agreement
    from named as earlier
    inner join named as later
        on
            earlier.account_id = later.account_id
            and earlier.amount = -later.amount
            and earlier.is_credit = later.is_credit
            and earlier.trans_date <= later.trans_date
            and later.trans_date - earlier.trans_date <= $negative_days
    where
        later.is_new
        and later.amount < 0
        and earlier.reverses is null
        and coalesce(
            later.operation = earlier.operation, later.operation is null
        )
        and coalesce(
            later.category = earlier.category, later.category is null
        )
        and coalesce(
            later.other_bank = earlier.other_bank, later.other_bank is null
        )
        and coalesce(
            later.other_account = earlier.other_account,
            later.other_account is null
        )
),

contras as (
    select
        later.trans_id,
        later.trans_date,
        true as is_contra,
        earlier.trans_id as original_id,
        earlier.trans_date as original_date,
        earlier.kind as original_kind,
        0 as agreement
    from named as earlier
    inner join named as later
        on
            earlier.account_id = later.account_id
            and earlier.amount = later.amount
            and earlier.is_credit <> later.is_credit
            and earlier.trans_date <= later.trans_date
            and later.trans_date - earlier.trans_date <= $contra_days
    where
        later.is_new
        and later.amount > 0
        and earlier.reverses is null
        and (
            earlier.trans_date < later.trans_date
            or earlier.trans_id < later.trans_id
        )
        and later.category is not distinct from earlier.category
        and later.other_bank is not distinct from earlier.other_bank
        and later.other_account is not distinct from earlier.other_account
        and (
            coalesce(later.operation = earlier.operation, false)
            or (
                (later.is_transfer or later.category is not null)
                and coalesce(
                    later.operation = earlier.other_way,
                    later.operation is null
                )
            )
            or (
                not later.is_transfer
                and later.category is null
                and later.operation = earlier.other_way
                and later.trans_date = earlier.trans_date
                and later.balance - later.effect = earlier.balance
                and not exists (
                    select 1
                    from named as other
                    where
                        other.account_id = later.account_id
                        and other.trans_id > earlier.trans_id
                        and other.trans_id < later.trans_id
                        and other.trans_date <= later.trans_date
                        and later.trans_date - other.trans_date
                        <= $negative_days
                )
            )
        )
),

final as (
    select * from negatives
    union all
    select * from contras
)

select
    trans_id, -- the posting that may be a reversal
    trans_date,
    is_contra, -- whether it is a posting the other way
    original_id, -- the posting it may reverse
    original_date,
    original_kind, -- what two postings must share to be interchangeable
    agreement -- in how many columns the two agree
from final
order by trans_date, is_contra, trans_id, original_id
