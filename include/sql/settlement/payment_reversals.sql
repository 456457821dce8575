-- Grain: one reversal of a payment on a later day.
-- Inputs: postings, lookback, payments (of orders or of loans: due_id,
-- trans_date, trans_id).
-- Time: the postings and the look-back given, of it the $reach_days before a
-- reversal, so that a night sees what a whole history sees.
with links as (
    select
        trans_date,
        trans_id,
        reverses,
        amount > 0 and category is null as is_doubtful,
        true as is_new
    from postings
    where reverses is not null
    union all
    select
        trans_date,
        trans_id,
        reverses,
        amount > 0 and category is null as is_doubtful,
        false as is_new
    from lookback
    where reverses is not null
),

reversals as (
    select
        links.trans_date,
        payments.due_id,
        links.trans_id,
        payments.trans_date as paid_on,
        payments.trans_id as payment_id,
        links.is_new,
        links.is_doubtful
    from links
    inner join payments on links.reverses = payments.trans_id
),

-- reversals beside which another payment of about the same day stands
replaced as (
    select distinct reversals.trans_id
    from reversals
    inner join payments as other
        on
            reversals.due_id = other.due_id
            and reversals.payment_id <> other.trans_id
            and reversals.trans_date >= other.trans_date
            and reversals.trans_date - other.trans_date <= $reach_days
            and abs(reversals.paid_on - other.trans_date) <= $same_days
    anti join links as further
        on
            other.trans_id = further.reverses
            and reversals.trans_date >= further.trans_date
)

select
    reversals.trans_date,
    reversals.due_id, -- the order or loan
    reversals.trans_id,
    reversals.paid_on,
    reversals.payment_id, -- the posting taken back
    replaced.trans_id is not null as is_paid_otherwise,
    reversals.is_new, -- of the night or history, not of the look-back
    reversals.is_doubtful -- the other way without a purpose: maybe a payment
from reversals
left join replaced on reversals.trans_id = replaced.trans_id
order by reversals.trans_date, reversals.due_id, reversals.trans_id
