-- Grain: one posting of an account's last posting days.
-- Inputs: postings.
-- Time: per account, from its last day on that has a single posting or lacks
-- a balance. The first ends on that posting's balance, the second on an
-- unknown one, whatever came before, so nothing earlier can bear on the
-- account's closing balance. Accounts without such a day come whole.
with days as (
    select
        account_id,
        trans_date,
        count(*) as posting_count,
        count(balance) as known_count
    from postings
    group by account_id, trans_date
),

anchors as (
    select
        account_id,
        max(trans_date) filter (
            posting_count = 1 or known_count < posting_count
        ) as anchor_date
    from days
    group by account_id
)

select
    postings.trans_date,
    postings.account_id,
    postings.trans_id,
    cast(
        case when postings.trans_type = 'C' then 1 else -1 end
        * postings.amount * 100 as bigint
    ) as amount_cents, -- signed: what the posting does to the balance
    cast(postings.balance * 100 as bigint) as balance_cents -- or null
from postings
inner join anchors on postings.account_id = anchors.account_id
where
    anchors.anchor_date is null
    or postings.trans_date >= anchors.anchor_date
order by postings.trans_date, postings.account_id, postings.trans_id
