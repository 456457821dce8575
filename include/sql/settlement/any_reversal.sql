-- Grain: one row, or none where nothing takes a posting back.
-- Inputs: postings, lookback.
-- Time: the night and its look-back.
select reverses from postings
where reverses is not null
union
select reverses from lookback
where reverses is not null
limit 1
