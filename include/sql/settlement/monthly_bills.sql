-- Grain: one account and kind of monthly bill (statement fee or interest).
-- Inputs: bills (the state before), payable, fin_account, grace.
-- Time: the postings given, after those the state has seen. `grace` has, for
-- every day with postings, the last due date whose grace was over on its eve.
-- A bill is regular that comes at most half a month before its due date and no
-- later than grace allows; another one, or a changed statement frequency,
-- begins a new row of months. What takes a bill back, or is taken back on its
-- own day, is none.
with booked as (
    select distinct
        payable.account_id,
        payable.category,
        payable.trans_date as paid_on,
        1 as months,
        fin_account.frequency
    from payable
    left join fin_account on payable.account_id = fin_account.account_id
    where
        payable.is_new
        and bill_kind(payable.category, payable.trans_type) is not null
),

paid as (
    select
        account_id,
        category,
        paid_on,
        months,
        frequency
    from booked
    union all
    select
        account_id,
        category,
        paid_on,
        months_in_row as months,
        frequency
    from bills
),

-- due a month later; what came within the last five days of a month is due on
-- the next month's last: banks that book on banking days vary that much
dated as (
    select
        *,
        paid_on > last_day(paid_on) - 5 as is_month_end,
        last_day(last_day(paid_on) + 1) as next_month_end,
        case
            when is_month_end then next_month_end
            else
                least(
                    next_month_end,
                    last_day(paid_on) + cast(day(paid_on) as integer)
                )
        end as due
    from paid
),

followed as (
    select
        dated.*,
        grace.passed,
        lag(dated.due) over earlier as due_before,
        lag(dated.frequency) over earlier as frequency_before
    from dated
    left join grace on dated.paid_on = grace.day
    window earlier as (
        partition by dated.account_id, dated.category
        order by dated.paid_on
    )
),

rows_of_months as (
    select
        *,
        count(*) filter (
            due_before is null
            or paid_on < due_before - $early_days
            or due_before <= passed
            or frequency is distinct from frequency_before
        ) over (
            partition by account_id, category
            order by paid_on
        ) as row_number
    from followed
),

final as (
    select
        account_id,
        category,
        max(paid_on) as paid_on,
        cast(sum(months) as bigint) as months_in_row,
        arg_max(frequency, paid_on) as frequency,
        max(due) as due
    from rows_of_months
    group by account_id, category, row_number
    qualify
        row_number() over (
            partition by account_id, category
            order by max(paid_on) desc
        ) = 1
)

select
    account_id,
    category, -- ST statement fee, IC interest credited
    paid_on, -- the newest
    months_in_row, -- months in a row that had one, up to the newest
    frequency, -- the account's statement frequency then
    -- when the next one is; as far as the calendar goes
    least(due, date '9999-12-31') as due
from final
order by account_id, category
