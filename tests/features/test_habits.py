"""What is unusual for an account, sign by sign: neighbours who live as ever, and one who does not."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from include.features import HABIT_DAYS, build_features, reach_days, state_from_history
from tests.features.real_bank import made

DAY = date(1994, 1, 31)
NEIGHBOURS = range(101, 121)
TRANSFER = {"trans_type": "D", "operation": "ROB", "other_bank_id": "AB"}


def days_ago(*numbers: int) -> list[date]:
    return [DAY - timedelta(days=number) for number in numbers]


def weekly(account: int = 1, since: int = 190, **values: object) -> list[dict[str, object]]:
    """A withdrawal of 100.00 every seventh day, the latest a week ago."""
    return [{"trans_date": day, "account_id": account, **values} for day in days_ago(*range(7, since, 7))]


def neighbours(**values: object) -> list[dict[str, object]]:
    """Twenty accounts that withdraw every seventh day, the described one included: no season anywhere."""
    past = [row for account in NEIGHBOURS for row in weekly(account, **values)]
    return past + [{"trans_date": DAY, "account_id": account, **values} for account in NEIGHBOURS]


def rows(*night: dict[str, object], past: list[dict[str, object]], **statics: pa.Table) -> list[dict[str, object]]:
    """Feature rows of account 1 on the day, in the order given; the neighbours are left out."""
    told = [{"trans_date": DAY, **row} for row in night] + [row for row in past if row["trans_date"] == DAY]
    earlier = [row for row in past if row["trans_date"] < DAY]
    history = made(*told, *earlier)
    tonight, before = history.slice(0, len(told)), history.slice(len(told))
    found = build_features(tonight, before, statics, state_from_history(before)).to_pylist()
    return [row for row in found if row["trans_id"] <= len(night)]


def row(past: list[dict[str, object]], **posting: object) -> dict[str, object]:
    return rows(posting, past=past)[0]


# ---------------------------------------------------------------- counts and sums


def test_a_month_is_summed_and_held_against_the_months_before():
    found = row([*weekly(), *neighbours()])
    assert (found["month_postings"], found["month_paid"]) == (5, Decimal("500.00"))  # 7, 14, 21, 28 days ago, today
    assert found["usual_month_postings"] == pytest.approx(30 * 8 / 61, abs=1e-6)  # 35 to 84 days ago, of 90 - 29 days
    assert found["most_month_paid"] == Decimal("500.00")
    assert found["month_limit"] == 0


def test_a_spree_of_a_month_shows_in_the_month_when_no_day_does():
    spree = [{"trans_date": day} for day in days_ago(*range(1, 29, 2))]
    found = row([*weekly(), *spree, *neighbours()])
    calm = row([*weekly(), *neighbours()])
    assert found["month_limit"] > 0.5 > calm["month_limit"]
    assert found["month_spend"] > 0.5 > calm["month_spend"]
    assert found["month_count"] > calm["month_count"] + 1
    assert found["day_limit"] == found["day_spend"] == 0


@pytest.mark.parametrize(("window", "season"), [("day", 0.01), ("week", 0.01), ("month", 0.1)])
def test_a_limit_is_the_most_paid_so_far_weighed_by_the_evidence(window, season):
    found = row([*weekly(), *neighbours(amount=Decimal("100000.00"))], amount=Decimal("1000.00"))
    most, paid = found[f"most_{window}_paid"], found[f"{window}_paid"]
    weight = 12 / (12 + 5)  # days that paid within the habit, and five of doubt
    assert paid > most
    assert found[f"{window}_limit"] == pytest.approx(weight * np.log(float(paid / most)), abs=season)


def test_what_is_usual_ends_the_day_before():
    found = row([*weekly(), *neighbours()], amount=Decimal("150.00"))
    assert found["most_day_paid"] == found["largest_payment"] == found["largest_amount"] == Decimal("100.00")
    assert (found["usual_day_paid"], found["usual_amount"]) == (100, 100)
    assert (found["habit_postings"], found["kind_postings"], found["kind_most"]) == (12, 12, 1)


def test_an_unusual_day_is_left_out_of_what_is_usual_afterwards():
    wild = {"trans_date": days_ago(20)[0], "amount": Decimal("5000.00")}
    rich = neighbours(amount=Decimal("100000.00"))
    found, calm = (row([*weekly(), *more, *rich], amount=Decimal("3000.00")) for more in ([wild], []))
    assert found["most_day_paid"] == calm["most_day_paid"] == Decimal("100.00")
    assert found["largest_payment"] == Decimal("100.00")
    assert found["usual_amount"] == pytest.approx(100, abs=0.01)
    assert found["day_limit"] == pytest.approx(calm["day_limit"], abs=0.01)
    assert found["amount_to_largest"] == 0  # it had so much once, and that is told


def test_a_day_twice_as_dear_as_any_is_still_usual():
    dear = {"trans_date": days_ago(20)[0], "amount": Decimal("200.00")}
    assert row([*weekly(), dear, *neighbours()])["most_day_paid"] == Decimal("200.00")


def test_the_oldest_days_of_a_habit_are_judged_by_those_before_it():
    """What only the half of the look-back before the habit can tell."""
    start = HABIT_DAYS - 1
    wild = {"trans_date": days_ago(start)[0], "amount": Decimal("5000.00")}
    past = [*weekly(since=reach_days(HABIT_DAYS)), wild]
    assert row([*past, *neighbours()])["most_day_paid"] == Decimal("100.00")
    young = [entry for entry in past if entry["trans_date"] >= DAY - timedelta(days=start)]
    assert row([*young, *neighbours()])["most_day_paid"] == Decimal("5000.00")


# ---------------------------------------------------------------- seasons


def test_a_season_of_the_bank_is_nobodys_finding():
    tenfold = [{"trans_date": DAY, "account_id": account, "amount": Decimal("1000.00")} for account in NEIGHBOURS]
    alone = row([*weekly(), *neighbours()], amount=Decimal("1000.00"))
    together = row([*weekly(), *neighbours(), *tenfold], amount=Decimal("1000.00"))
    assert alone["day_spend"] > 1.5
    assert together["day_spend"] < 0.25 * alone["day_spend"]
    assert together["day_limit"] < 0.25 * alone["day_limit"]


def test_a_season_of_one_kind_excuses_that_kind_only():
    rent = {**TRANSFER, "category": "HH", "other_account_id": 5}
    past = [*weekly(), *weekly(amount=Decimal("100.00"), **rent), *neighbours(), *neighbours(**rent)]
    season = [{"trans_date": DAY, "account_id": account, **rent, "other_account_id": 6} for account in NEIGHBOURS] * 3
    night = [{"amount": Decimal("900.00")}, {"amount": Decimal("900.00"), **rent}]
    cash, paid = rows(*night, past=[*past, *season])
    assert paid["day_count"] <= cash["day_count"]
    assert paid["day_spend"] <= cash["day_spend"]


# ---------------------------------------------------------------- kinds, counterparties, siblings


def test_a_new_kind_is_the_rarer_the_fewer_take_it_up():
    takers = [{"trans_date": days_ago(30)[0], "account_id": account, "operation": "CCW"} for account in NEIGHBOURS]
    rare, common = (
        row([*weekly(), *neighbours(), *takers[:number]], operation="CCW") for number in (0, len(NEIGHBOURS) // 2)
    )
    evidence = 12 / (12 + 5)
    assert rare["kind_users"] == 0
    assert rare["new_kind"] == pytest.approx(-np.log(0.5 / 22) * evidence, abs=1e-6)  # of 21 accounts none
    assert common["kind_users"] == 10
    assert common["new_kind"] == pytest.approx(-np.log(10.5 / 22) * evidence, abs=1e-6)


def test_what_was_taken_up_long_ago_says_nothing_of_how_many_take_it_up_now():
    old = [{"trans_date": days_ago(150)[0], "account_id": account, "operation": "CCW"} for account in NEIGHBOURS[:10]]
    found = row([*weekly(), *neighbours(), *old], operation="CCW")
    assert found["kind_users"] == 10
    assert found["new_kind"] == pytest.approx(-np.log(0.5 / 12) * 12 / 17, abs=1e-6)  # none of the 11 that had not


def test_a_counterparty_is_the_less_unknown_the_more_know_it():
    known = [{"trans_date": days_ago(9)[0], "account_id": a, **TRANSFER, "other_account_id": 7} for a in (101, 102)]
    past = [*weekly(), *neighbours()]
    found = [row([*past, *known[:number]], **TRANSFER, other_account_id=7) for number in (0, 1, 2)]
    assert [one["unknown_counterparty"] for one in found] == [1, 0.5, pytest.approx(1 / 3, abs=1e-6)]
    assert [one["known_by"] for one in found] == [0, 1, 2]


def test_who_meets_new_ones_all_the_time_meets_another():
    steady = weekly(**TRANSFER, other_account_id=7)
    sociable = [{**entry, "other_account_id": number} for number, entry in enumerate(steady, start=1000)]
    new = {**TRANSFER, "other_account_id": 9}
    habits = [row([*past, *neighbours()], **new) for past in (steady, sociable)]
    assert [found["habit_meetings"] for found in habits] == [0, 12]
    assert [found["new_counterparty"] for found in habits] == [
        pytest.approx(np.log(13 / 0.5), abs=1e-6),
        pytest.approx(np.log(13 / 12.5), abs=1e-6),
    ]


def test_how_much_a_stranger_gets():
    past = [*weekly(), *neighbours()]
    found = row(past, **TRANSFER, other_account_id=9, amount=Decimal("800.00"), balance=Decimal("200.00"))
    assert found["stranger_share"] == pytest.approx(0.8)
    assert found["stranger_amount"] == pytest.approx(np.log(8), abs=1e-6)
    known = row(
        [*past, {"trans_date": days_ago(20)[0], **TRANSFER, "other_account_id": 9}], **TRANSFER, other_account_id=9
    )
    assert (known["stranger_share"], known["stranger_amount"], known["new_counterparty"]) == (0, 0, 0)


OWNED = {
    "fin_account": pa.table({"account_id": [1, 2, 3], "district_id": [1] * 3, "create_date": [date(1990, 1, 1)] * 3}),
    "fin_client": pa.table({"client_id": [7, 8], "birth_date": [date(1960, 1, 1)] * 2, "district_id": [1, 1]}),
    "fin_disposition": pa.table(
        {"disp_id": [1, 2, 3], "client_id": [7, 7, 8], "account_id": [1, 2, 3], "disp_type": ["O", "O", "O"]}
    ),
}


def test_siblings_are_the_owners_other_accounts_and_not_its_own():
    other = weekly(2, amount=Decimal("1000.00"))
    stranger = weekly(3, amount=Decimal("9000.00"))
    (found,) = rows({"amount": Decimal("5000.00")}, past=[*weekly(), *other, *stranger, *neighbours()], **OWNED)
    assert found["sibling_amount"] == pytest.approx(1000, abs=0.01)
    assert found["amount_to_siblings"] > 1
    (alone,) = rows({"amount": Decimal("5000.00")}, past=[*weekly(), *stranger, *neighbours()], **OWNED)
    assert (alone["sibling_amount"], alone["amount_to_siblings"]) == (None, None)


def products(card: date | None, loan: date | None) -> dict[str, pa.Table]:
    """Disposition 3, of account 3, has a card and a loan; account 1 what is given."""
    cards = {"disp_id": [3, 1], "issued_date": pa.array([date(1990, 1, 1), card], pa.date32())}
    loans = {"account_id": [3, 1], "granted_date": pa.array([date(1990, 1, 1), loan], pa.date32())}
    return {**OWNED, "fin_card": pa.table(cards), "fin_loan": pa.table(loans)}


@pytest.mark.parametrize(("since", "unowned"), [(None, 1), (DAY, 0), (DAY + timedelta(days=1), 1)])
def test_a_product_that_nobody_has_from_that_day_is_unowned(since, unowned):
    card, loan, cash = rows(
        {"operation": "CCW"},
        {**TRANSFER, "category": "LO"},
        {},
        past=[*weekly(), *neighbours()],
        **products(since, since),
    )
    assert (card["unowned"], loan["unowned"], cash["unowned"]) == (unowned, unowned, 0)


def test_without_cards_and_loans_nobody_lacks_one():
    assert rows({"operation": "CCW"}, past=weekly(), **OWNED)[0]["unowned"] is None


# ---------------------------------------------------------------- rhythm and balance


def test_early_is_a_payment_to_the_same_payee_sooner_than_ever():
    rent = {**TRANSFER, "category": "HH", "other_account_id": 5}
    months = [{"trans_date": day, **rent} for day in days_ago(2, 33, 63)]
    others = [
        {"trans_date": day, "account_id": account, **rent} for account in NEIGHBOURS for day in days_ago(0, 31, 61, 91)
    ]
    past = [*weekly(), *months, *others]
    assert row(past, **rent)["early"] > 3
    assert row(past, **rent)["shortest_gap"] == 2
    assert row(past, **{**rent, "other_account_id": 6})["early"] == 0
    assert row([*weekly(), *months[1:], *others], **rent)["early"] == 0


def test_what_everybody_repeats_so_soon_is_hardly_early():
    cash = [{"trans_date": day, "account_id": a} for a in NEIGHBOURS for day in days_ago(*range(0, 60, 2))]
    steady = weekly()
    soon = {"trans_date": days_ago(2)[0]}
    assert row([*steady, soon, *cash])["early"] < 0.1
    assert row([*steady, soon, *neighbours()])["early"] > 3


RENT = {**TRANSFER, "category": "HH", "other_account_id": 5}
DEPOSIT = {"trans_type": "C", "operation": "CIC"}


def alternating(account: int = 1) -> list[dict[str, object]]:
    """A deposit every sixth day and the rent two days later, again and again."""
    since = range(4, 180, 6)
    paid = [{"trans_date": day, "account_id": account, **RENT} for day in days_ago(*since)]
    return paid + [
        {"trans_date": day - timedelta(days=2), "account_id": account, **DEPOSIT} for day in days_ago(*since)
    ]


def test_an_order_never_used_is_strange():
    past = [*alternating(), *(entry for account in NEIGHBOURS for entry in alternating(account))]
    used = row([*past, {"trans_date": days_ago(2)[0], **DEPOSIT}], **RENT)
    never = row([*past, {"trans_date": days_ago(2)[0], **RENT}], **RENT)
    assert used["strange_order"] < 0.1
    assert never["strange_order"] > 3
    assert (never["former_kind"], never["followed"]) == ("out:ROB:HH", 0)
    assert (never["days_between"], never["followable"]) == (2, 14)


def test_an_order_others_use_is_less_strange_while_the_own_habit_is_thin():
    crowd = [entry for account in NEIGHBOURS for entry in alternating(account)]
    deposit = {"trans_date": days_ago(2)[0], **DEPOSIT}
    first = {"trans_date": days_ago(30)[0], **RENT}
    assert row([first, deposit, *crowd], **RENT)["strange_order"] < 0.1
    assert row([first, {**deposit, **RENT}, *crowd], **RENT)["strange_order"] > 2


def test_a_week_of_strange_orders_is_stranger_than_one_of_them():
    past = [*alternating(), *(entry for account in NEIGHBOURS for entry in alternating(account))]
    past = [entry for entry in past if entry["account_id"] != 1 or entry["trans_date"] < days_ago(6)[0]]
    once = [{"trans_date": days_ago(1)[0], **RENT}]
    often = [{"trans_date": day, **RENT} for day in days_ago(5, 4, 3, 2, 1)]
    single, many = row([*past, *once], **RENT), row([*past, *often], **RENT)
    assert many["strange_week"] > 2 * single["strange_week"] > 0
    assert len(many["week_strange_trans"]) > len(single["week_strange_trans"])
    assert many["usual_week_strange_days"] == pytest.approx(0, abs=0.5)


def test_silence_is_broken_by_decisions_not_by_the_bank():
    interest = {"trans_date": days_ago(3)[0], "trans_type": "C", "operation": None, "category": "IC"}
    asleep = [entry for entry in weekly() if entry["trans_date"] < DAY - timedelta(days=60)]
    found = row([*asleep, interest, *neighbours()])
    assert found["silent_days"] == 63
    assert found["silence"] > 1
    assert row([*weekly(), interest, *neighbours()])["silence"] == 0


def test_a_silence_longer_than_the_look_back_is_remembered_by_the_state():
    old = made(*[{"trans_date": day} for day in days_ago(300, 310)])
    night = made({"trans_date": DAY})
    found = build_features(night, night.slice(0, 0), {}, state_from_history(old)).to_pylist()[0]
    assert found["silent_days"] == 300
    assert found["silence"] == pytest.approx(np.log(301 / 91), abs=1e-6)


def test_a_balance_lower_than_lately():
    past = [*weekly(balance=Decimal("5000.00")), *neighbours()]
    found = row(past, balance=Decimal("100.00"))
    assert found["lowest_balance"] == Decimal("5000.00")
    assert found["balance_low"] == pytest.approx(np.log(5100 / 200), abs=1e-6)
    assert row(past, balance=Decimal("6000.00"))["balance_low"] == 0
    assert row(past, balance=None)["balance_low"] is None


def test_one_account_makes_no_season_of_amounts():
    past = [*weekly(), *neighbours()]
    once = row(past, amount=Decimal("1000.00"))
    often = rows(*[{"amount": Decimal("1000.00")}] * 12, past=past)
    assert all(posting["amount_z"] >= once["amount_z"] for posting in often)


def test_blank_balances_of_others_are_no_low_ones():
    past = [*weekly(balance=Decimal("5000.00")), *neighbours(balance=Decimal("5000.00"))]
    blank = [{**entry, "balance": None} if entry["trans_date"] == DAY else entry for entry in past]
    lowest = row(past, balance=Decimal("100.00"))["balance_low"]
    assert row(blank, balance=Decimal("100.00"))["balance_low"] == pytest.approx(lowest, rel=0.1)


def test_balances_that_are_low_everywhere_tonight_are_nobodys_finding():
    poor = Decimal("100.00")
    past = [*weekly(balance=Decimal("5000.00")), *neighbours(balance=Decimal("5000.00"))]
    tonight = [{"trans_date": DAY, "account_id": account, "balance": poor} for account in NEIGHBOURS]
    alone, together = row(past, balance=poor), row([*past, *tonight], balance=poor)
    assert together["balance_low"] < 0.5 * alone["balance_low"]


def test_more_of_one_kind_on_a_day_than_anybody_has():
    busy = rows(*[{}] * 6, past=[*weekly(), *neighbours()])[0]
    assert (busy["kind_day_postings"], busy["kind_most"]) == (6, 1)
    assert busy["kind_count"] == pytest.approx(-np.log(0.5 / (21 * 5)), abs=1e-6)  # account-days of a month
    assert row([*weekly(), *neighbours()])["kind_count"] == 0


def test_an_amount_above_what_nine_days_in_ten_stay_within():
    mixed = [{**entry, "amount": Decimal(100 * (1 + number % 3))} for number, entry in enumerate(weekly())]
    found = row([*mixed, *neighbours()], amount=Decimal("600.00"))
    assert found["high_amount"] == Decimal("300.00")
    assert found["amount_to_high"] == pytest.approx(np.log(2), abs=1e-6)
    assert found["amount_excess"] == pytest.approx(300)
    assert found["amount_to_payments"] == pytest.approx(np.log(2), abs=1e-6)
    assert row([*mixed, *neighbours()], amount=Decimal("200.00"))["amount_excess"] == 0
