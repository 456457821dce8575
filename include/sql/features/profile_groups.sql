-- Grain: one account on one day it has postings.
-- Inputs: postings, account_profiles.
-- Time: what is known of the account on that day.
-- Few and coarse bands, so that a bank of a thousand accounts fills them:
-- youth, working age and pension; half a year and younger.
with days as (
    select distinct
        account_id,
        trans_date
    from postings
),

salaries as (
    select median(average_salary) as middle_salary
    from account_profiles
),

final as (
    select
        days.account_id,
        days.trans_date,
        concat_ws(
            '+',
            case
                when profile.birth_date is null then 'any age'
                when date_sub('year', profile.birth_date, days.trans_date) < 25
                    then 'young'
                when date_sub('year', profile.birth_date, days.trans_date) < 60
                    then 'grown'
                else 'old'
            end,
            coalesce(profile.frequency, 'any type'),
            if(profile.card_since <= days.trans_date, 'card', null),
            if(profile.loan_since <= days.trans_date, 'loan', null),
            if(
                days.trans_date - profile.opened < $young_days, 'new', null
            ),
            if(
                profile.average_salary > salaries.middle_salary, 'rich', null
            )
        ) as peer_group
    from days
    cross join salaries
    left join account_profiles as profile
        on
            days.account_id = profile.account_id
            and days.trans_date >= profile.opened
)

select
    account_id,
    trans_date,
    peer_group -- "grown+M+card": accounts one may compare it with
from final
