-- Grain: none; one macro, for whatever asks whether a posting is a bill.
-- Inputs: purpose and type of a posting.
-- A statement fee is charged and interest is credited; what gives some of a
-- fee back, or takes interest back, bears the same purpose and is no bill.
create or replace temporary macro bill_kind(category, trans_type) as
case
    when category = 'ST' and trans_type <> 'C' then 'ST'
    when category = 'IC' and trans_type = 'C' then 'IC'
end;
