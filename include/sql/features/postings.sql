-- Grain: one posting.
-- Inputs: transactions (fin_transaction's columns and what a posting reverses;
-- night and look-back).
-- Time: everything up to and including $last_night.
-- Amounts become whole cents and logarithms whole millionths, so that sums
-- over them do not depend on the order or the number of threads. Postings are
-- numbered by what they hold, whatever their order; rows alike in everything
-- may change places, which nothing can tell. An amount
-- below one cent counts as one cent in the logarithm. Account number 0 stands
-- for "no counterparty"; include/counterparties.py says when two are the same.
-- A posting that takes another one back is the bank's own, of a kind without
-- codes, so that it is nobody's habit; a negative amount that takes nothing
-- back moves the money the other way.
with taken_back as (
    select
        reverses as reversed_id,
        trans_date as reversed_on
    from transactions
    where reverses is not null
),

typed as (
    select
        trans_id,
        account_id,
        trans_date,
        trans_type,
        operation,
        category,
        reverses is not null as is_reversal,
        (trans_type = 'C') <> (amount < 0) as is_credit,
        reverses is not null or coalesce(category in $bank_booked, false)
            as is_bank_booked,
        cast(abs(amount) * 100 as bigint) as amount_cents,
        cast(balance * 100 as bigint) as balance_cents,
        nullif(
            coalesce(cast(other_account_id as varchar), counterparty), '0'
        ) as other_account,
        if(
            reverses is not null,
            null,
            counterparty_key(other_account_id, counterparty, other_bank_id)
        ) as counterparty,
        district_id as place_id,
        extract('hour' from trans_time)
        + extract('minute' from trans_time) / 60.0 as hour_of_day,
        cast(
            60 * extract('hour' from trans_time)
            + extract('minute' from trans_time) as bigint
        ) as minute_of_day,
        row_number() over (
            order by
                trans_date,
                trans_id,
                account_id,
                trans_type,
                operation,
                category,
                amount,
                trans_time,
                district_id,
                balance,
                other_bank_id,
                other_account_id,
                counterparty
        ) as posting_number
    from transactions
    where trans_date <= $last_night
),

final as (
    select
        typed.*,
        cast(trans_date - date '1970-01-01' as bigint) as day_number,
        concat_ws(
            ':',
            if(is_credit, 'in', 'out'),
            if(is_reversal, '-', coalesce(operation, '-')),
            if(is_reversal, '-', coalesce(category, '-'))
        ) as kind,
        cast(
            round(ln(greatest(amount_cents, 1)) * 1000000) as bigint
        ) as log_amount,
        if(
            is_credit
            or is_bank_booked
            or balance_cents is null
            or balance_cents + amount_cents <= 0,
            null,
            cast(
                round(
                    least(
                        amount_cents / (balance_cents + amount_cents),
                        $largest_balance_share
                    ) * 1000000
                ) as bigint
            )
        ) as share_of_balance,
        case
            when is_bank_booked then null
            when operation = 'CCW' then 'card'
            when operation in ('CIC', 'WIC') then 'desk'
            when operation = 'ROB' then 'sent'
            when operation = 'COB' then 'received'
            else 'other'
        end as scene,
        is_reversal or reversed_id is not null as is_void
    from typed
    left join taken_back
        on
            typed.trans_id = taken_back.reversed_id
            and typed.trans_date = taken_back.reversed_on
)

select
    posting_number, -- unique; names the posting to other queries of this run
    trans_id,
    account_id,
    trans_date,
    day_number, -- days since 1970-01-01, what windows are counted in
    trans_type,
    operation,
    category,
    is_credit,
    is_bank_booked, -- interest, fees, reversals, which no client decides
    is_reversal, -- takes another posting back
    is_void, -- the same, or taken back on its own day
    kind, -- kind of operation: direction, operation and category
    amount_cents,
    balance_cents, -- after the posting; null when the source has none
    log_amount, -- natural logarithm of the cents, in millionths
    share_of_balance, -- a payment's, of the balance before, in millionths
    other_account, -- account of the other side, as the source writes it
    counterparty, -- bank and account of the other side; null without one
    place_id, -- district where it happened; null when unknown
    hour_of_day, -- 0 to 24; null when unknown
    minute_of_day, -- 0 to 1439; null when unknown
    scene -- card, desk, sent, received, other; null: the bank by itself
from final
