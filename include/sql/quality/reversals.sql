-- Grain: one pair of a posting that may be a reversal and a group of
-- interchangeable postings it may take one of back.
-- Inputs: posted, suspects.
-- Time: a reversal and the days before it: $negative_days where its amount is
-- negative, $contra_days where it is a posting the other way.
-- A negative amount reverses a posting of the same account, direction and
-- amount; what it leaves blank may be anything. A posting the other way
-- reverses one where nothing else explains it: of the same amount, with the
-- same counterparty and purpose; with a code that its direction contradicts;
-- or in cash at once. Cash is at once where it has the account's next number
-- that day and starts from the balance that the cash before it left: real
-- clients do pay in what they took out that day, once in 13 months.
with kinds as (
    select
        group_number,
        account_id,
        amount,
        trans_type,
        is_credit,
        operation,
        category,
        counterparty,
        other_bank,
        other_account,
        case operation
            when 'CIC' then 'WIC'
            when 'WIC' then 'CIC'
            when 'COB' then 'ROB'
            when 'ROB' then 'COB'
        end as other_way,
        min(trans_date) as first_date,
        max(trans_date) as last_date
    from suspects
    where
        amount > 0
        and reverses is null
    group by all
),

negatives as (
    select
        later.trans_id,
        later.trans_date,
        false as is_contra,
        kinds.group_number,
        cast(later.trans_type = kinds.trans_type as integer)
        + cast(later.operation is not null as integer)
        + cast(later.category is not distinct from kinds.category as integer)
        + cast(
            (later.counterparty is null) = (kinds.counterparty is null)
            as integer
        ) as agreement,
        null as original_id
    from suspects as later
    inner join kinds
        on
            later.account_id = kinds.account_id
            and later.amount = -kinds.amount
            and later.is_credit = kinds.is_credit
            and later.trans_date >= kinds.first_date
            and later.trans_date - kinds.last_date <= $negative_days
    where
        later.is_new
        and coalesce(
            later.operation = kinds.operation, later.operation is null
        )
        and coalesce(later.category = kinds.category, later.category is null)
        and coalesce(
            later.other_bank = kinds.other_bank, later.other_bank is null
        )
        and coalesce(
            later.other_account = kinds.other_account,
            later.other_account is null
        )
),

contras as (
    select
        later.trans_id,
        later.trans_date,
        true as is_contra,
        kinds.group_number,
        0 as agreement,
        null as original_id
    from suspects as later
    inner join kinds
        on
            later.account_id = kinds.account_id
            and later.amount = kinds.amount
            and later.is_credit <> kinds.is_credit
            and later.category is not distinct from kinds.category
            and later.counterparty is not distinct from kinds.counterparty
            and later.trans_date >= kinds.first_date
            and later.trans_date - kinds.last_date <= $contra_days
    where
        later.is_new
        and (
            coalesce(later.operation = kinds.operation, false)
            or (
                (later.counterparty is not null or later.category is not null)
                and coalesce(
                    later.operation = kinds.other_way, later.operation is null
                )
            )
        )
),

-- each suspect after the one with the number before it that day
successions as (
    select
        *,
        lag(trans_id) over (
            partition by account_id, trans_date
            order by trans_id
        ) as previous_id
    from suspects
),

cash as (
    select
        later.trans_id,
        later.account_id,
        later.trans_date,
        true as is_contra,
        earlier.group_number,
        0 as agreement,
        earlier.trans_id as original_id
    from successions as later
    inner join suspects as earlier on later.previous_id = earlier.trans_id
    inner join kinds on earlier.group_number = kinds.group_number
    where
        later.is_new
        and later.amount = earlier.amount
        and later.is_credit <> earlier.is_credit
        and later.operation = kinds.other_way
        and later.category is null
        and earlier.category is null
        and later.counterparty is null
        and earlier.counterparty is null
        and earlier.reverses is null
        and later.balance - if(later.is_credit, later.amount, -later.amount)
        = earlier.balance
),

cash_at_once as (
    select cash.* exclude (account_id)
    from cash
    anti join posted as other
        on
            cash.account_id = other.account_id
            and cash.original_id < other.trans_id
            and cash.trans_id > other.trans_id
            and cash.trans_date >= other.trans_date
            and cash.trans_date - other.trans_date <= $negative_days
),

final as (
    select * from negatives
    union all by name
    select * from contras
    union all by name
    select * from cash_at_once
)

select
    trans_id, -- the posting that may be a reversal
    trans_date,
    is_contra, -- whether it is a posting the other way
    group_number, -- of the postings it may take one of back
    agreement, -- in how many columns it agrees with them
    original_id -- the one posting it may be; null where any of them may
from final
order by trans_date, is_contra, trans_id, group_number
