-- Grain: none; three macros, for postings, orders and whatever else names the
-- other side of a payment.
-- Inputs: the account as a number where it is one, its text, and its bank.
-- What they mean is stated in include/counterparties.py.

-- Upper case, without any blank.
create or replace temporary macro compact_text(words) as
upper(regexp_replace(words, '[\s\p{Z}]', '', 'g'));

-- The account without its bank part; digits without leading zeros.
create or replace temporary macro account_text(compact) as
regexp_replace(
    regexp_replace(
        regexp_replace(compact, '/[^/]+$', ''), '^0*(\d+)-0*(\d+)$', '\1-\2'
    ),
    '^(?:0-)?0*(\d+)$',
    '\1'
);

-- The bank that the account's own text names, else the one given beside it.
create or replace temporary macro account_bank(compact, bank) as
if(
    regexp_extract(compact, '/([^/]+)$', 1) in ('', compact_text(bank)),
    bank,
    regexp_extract(compact, '/([^/]+)$', 1)
);

-- "bank/account", the account 0 where there is none; null without either.
create or replace temporary macro bank_and_account(bank, account) as
if(
    coalesce(trim(bank), '') = '' and coalesce(account, '') in ('', '0'),
    null,
    concat(
        coalesce(trim(bank), ''), '/', coalesce(nullif(account, ''), '0')
    )
);

create or replace temporary macro counterparty_key(number, words, bank) as
case
    when number is not null or words is null
        then bank_and_account(bank, cast(number as varchar))
    else
        bank_and_account(
            account_bank(compact_text(words), bank),
            account_text(compact_text(words))
        )
end;
