-- Grain: one card withdrawal of the night on an account without a card.
-- Inputs: net_postings, fin_disposition, fin_card.
-- Time: cards issued by the night.
select
    net_postings.trans_id,
    net_postings.account_id,
    (
        select min(fin_card.issued_date)
        from fin_card
        inner join fin_disposition
            on fin_card.disp_id = fin_disposition.disp_id
        where fin_disposition.account_id = net_postings.account_id
    ) as first_issued_date -- after the night, or null without any card
from net_postings
where
    net_postings.operation = 'CCW'
    and not exists (
        select 1
        from fin_card
        inner join fin_disposition
            on fin_card.disp_id = fin_disposition.disp_id
        where
            fin_disposition.account_id = net_postings.account_id
            and fin_card.issued_date <= net_postings.trans_date
    )
order by net_postings.trans_id
