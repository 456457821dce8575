"""What investigators read: the value, the account's own usual, how far apart, and nothing raw."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from include.explaining.words import SENTENCES, finding
from include.explaining.words.wording import money, times, wording
from include.features import build_features, state_from_history
from include.features.catalog import MODEL_FEATURES
from include.identifiers import unmarked
from include.relations import CATEGORIES, OPERATIONS
from tests.features.real_bank import made

DAY = date(1994, 1, 31)
PAST = [{"trans_date": DAY - timedelta(days=30 * n), "amount": Decimal("2900.00")} for n in (1, 2, 3)]
TO_STRANGER = {"operation": "ROB", "trans_type": "D", "other_bank_id": "QR", "other_account_id": 123}
CARD = {"operation": "CCW"}
PRODUCTS = {
    "fin_account": pa.table(
        {"account_id": [1, 5], "district_id": [1, 1], "create_date": [date(1993, 9, 1)] * 2, "frequency": ["M", "M"]}
    ),
    "fin_client": pa.table({"client_id": [7], "district_id": [1], "birth_date": [date(1950, 5, 1)]}),
    "fin_disposition": pa.table({"disp_id": [3], "client_id": [7], "account_id": [1], "disp_type": ["O"]}),
    "fin_card": pa.table({"card_id": [1], "disp_id": [3], "issued_date": [date(1996, 5, 1)]}),
    "fin_loan": pa.table({"loan_id": [1], "account_id": [5], "granted_date": [date(1993, 1, 1)]}),
}


def row(posting, past=PAST, more=(), statics=None):
    """The row of `posting`, the last of its night, after an account's past."""
    earlier = made(*past) if past else made({}).slice(0, 0)
    night = made(*({"trans_date": DAY, **other, "trans_id": 100 + n} for n, other in enumerate((*more, posting))))
    return build_features(night, earlier, statics or {}, state_from_history(earlier)).to_pylist()[-1]


def days_ago(*days, **posting):
    return [{"trans_date": DAY - timedelta(days=number), **posting} for number in days]


def test_every_model_feature_has_its_sentence():
    assert set(SENTENCES) == {feature.name for feature in MODEL_FEATURES}


@pytest.mark.parametrize(
    ("feature", "posting", "sentence"),
    [
        (
            "amount_z",
            {"amount": Decimal("42000.00")},
            "Withdrew 42,000.00 in cash; this account's cash withdrawals are usually about 2,900.00, and this is "
            "14 times as much.",
        ),
        (
            "amount_to_largest",
            {"amount": Decimal("5800.00")},
            "Withdrew 5,800.00 in cash; this account's largest cash withdrawal so far was 2,900.00, and this is "
            "2.0 times as much.",
        ),
        (
            "amount_to_high",
            {"amount": Decimal("5800.00")},
            "Withdrew 5,800.00 in cash; nine in ten of this account's cash withdrawals of the last 90 days stayed "
            "within 2,900.00, and this is 2.0 times as much.",
        ),
        (
            "amount_to_payments",
            {"amount": Decimal("5800.00"), **CARD},
            "Withdrew 5,800.00 by card; the largest payment of any kind this account usually makes is 2,900.00, and "
            "this is 2.0 times as much.",
        ),
        (
            "balance_share",
            {"amount": Decimal("900.00"), "balance": Decimal("100.00")},
            "Withdrew 900.00 in cash, 90 % of the 1,000.00 on the account; its payments usually take 76 %.",
        ),
        (
            "balance_low",
            {"balance": Decimal("90.00")},
            "Withdrew 100.00 in cash, which left 90.00 on the account; its lowest balance of the last 90 days was "
            "900.00, and this is 10 % of that.",
        ),
        (
            "overdrawn",
            {"balance": Decimal("-50.00")},
            "Withdrew 100.00 in cash, which left the account at -50.00; before it stood at 50.00.",
        ),
        (
            "new_kind",
            CARD,
            "Withdrew 100.00 by card: the first card withdrawal this account ever made, after 3 transactions of "
            "other kinds in the last 90 days; no other account ever made one.",
        ),
        (
            "gap",
            {},
            "Withdrew 100.00 in cash 30 days after the last cash withdrawal; usually 30 days lie between them.",
        ),
        (
            "day_spend",
            {"amount": Decimal("29000.00")},
            "Paid out 29,000.00 in one day; on a day with payments this account usually pays 2,900.00, and this is "
            "10 times as much.",
        ),
        (
            "day_limit",
            {"amount": Decimal("8700.00")},
            "Paid out 8,700.00 in one day; the most this account paid in one day lately was 2,900.00, and this is "
            "3.0 times as much.",
        ),
        (
            "month_limit",
            {"amount": Decimal("8700.00")},
            "Paid out 8,700.00 within thirty days; the most this account paid within thirty days lately was "
            "2,900.00, and this is 3.0 times as much.",
        ),
        (
            "day_count",
            {},
            "1 transaction in one day; on a day with any this account usually makes 1, and this is about as many.",
        ),
        (
            "unknown_counterparty",
            TO_STRANGER,
            "Transferred 100.00 to account 123, new to this account and known to no other.",
        ),
        (
            "stranger_share",
            TO_STRANGER | {"amount": Decimal("9800.00"), "balance": Decimal("200.00")},
            "Transferred 9,800.00 to account 123, new to this account and known to no other; that is 98 % of the "
            "balance of 10,000.00, its payments usually take 76 %.",
        ),
        (
            "stranger_amount",
            TO_STRANGER | {"amount": Decimal("29000.00")},
            "Transferred 29,000.00 to account 123, new to this account and known to no other; on a day with payments "
            "this account usually pays 2,900.00, and this is 10 times as much.",
        ),
        (
            "new_counterparty",
            TO_STRANGER,
            "Transferred 100.00 to account 123, new to this account and known to no other; in the 90 days before it "
            "had made no transfer.",
        ),
    ],
)
def test_sentences(feature, posting, sentence):
    assert unmarked(finding(feature, row(posting)).text) == sentence


def test_a_counterparty_another_account_knows():
    past = [*PAST, {"trans_date": DAY - timedelta(days=9), "account_id": 5, **TO_STRANGER}]
    said = finding("unknown_counterparty", row(TO_STRANGER, past))
    assert unmarked(said.text).endswith("account 123, new to this account and known to 1 other.")
    assert said.stands


def test_too_few_of_a_kind_are_held_against_accounts_like_it():
    past = [*days_ago(20, amount=Decimal("9000.00")), *days_ago(5, 15, 25, amount=Decimal("500.00"), account_id=5)]
    described = row({"amount": Decimal("8000.00")}, past, statics=PRODUCTS)
    said = finding("amount_z", described)
    assert unmarked(said.text).startswith(
        "Withdrew 8,000.00 in cash; accounts like it (an owner between 25 and 60, monthly statements, less than half "
        "a year at the bank) usually make cash withdrawals of about "
    )
    assert said.typical == money(described["peer_amount"])


def test_a_card_that_is_not_there_yet():
    """The card is issued two years later, which nobody knew on the day."""
    described = row(CARD, statics=PRODUCTS)
    assert finding("unowned", described).text == "Withdrew 100.00 by card, though no card is known for this account."
    assert finding("unowned", described).stands
    cash = finding("unowned", row({}, statics=PRODUCTS))
    assert not cash.stands


def test_many_of_a_kind_in_a_day():
    said = finding("kind_count", row({}, more=[{}, {}, {}]))
    assert unmarked(said.text).startswith(
        "4 cash withdrawals in one day; this account never made more than 1 in a day lately"
    )
    assert said.stands
    assert not finding("kind_count", row({})).stands


def test_sooner_than_ever():
    past = days_ago(3, 33, 63, operation="ROB", trans_type="D", category="HH")
    posting = {"operation": "ROB", "trans_type": "D", "category": "HH"}
    said = finding("early", row(posting, past))
    assert unmarked(said.text).startswith(
        "Transferred 100.00 for the household 3 days after the last household payment; lately this account never made "
        "two within 29 days, and of the bank's gaps between such household payments 1 in "
    )
    assert said.stands


def test_an_order_never_used():
    deposit = {"trans_type": "C", "operation": "CIC"}
    past = [*days_ago(*range(12, 90, 10)), *days_ago(*range(17, 90, 10), **deposit)]
    said = finding("strange_order", row({}, [*past, *days_ago(2)]))
    assert unmarked(said.text) == (
        "Withdrew 100.00 in cash 2 days after a cash withdrawal (transaction 17); a cash withdrawal came next after "
        "none of 7 of its own cash withdrawals of more than a week ago and after 1 of 8 of the bank's."
    )
    assert said.stands
    assert not finding("strange_order", row(deposit, [*past, *days_ago(2)])).stands
    insured = {"operation": "ROB", "trans_type": "D", "category": "IN"}
    first = finding("strange_order", row(insured, days_ago(2, **insured)))
    assert unmarked(first.text).endswith("; an insurance payment came next never as far as is known.")
    assert not first.stands


def test_a_week_in_an_order_never_used():
    deposit = {"trans_type": "C", "operation": "CIC"}
    past = [*days_ago(*range(12, 90, 10)), *days_ago(*range(17, 90, 10), **deposit)]
    said = finding("strange_week", row({}, [*past, *days_ago(1, 2, 3)]))
    assert unmarked(said.text) == (
        "Withdrew 100.00 in cash; on 2 days of the last seven something came in an order this account had not used "
        "lately (compare with transaction 19, transaction 18), usually on 0 days in a week."
    )
    assert said.stands


def test_after_a_silence():
    said = finding("silence", row({}, days_ago(80, 84, 88)))
    assert unmarked(said.text) == (
        "Withdrew 100.00 in cash after 80 days in which the account's people did nothing; usually something happens "
        "every 29.3 days."
    )
    assert said.stands


@pytest.mark.parametrize(
    "posting",
    [
        {},
        {"balance": None},
        {"account_id": 77},
        {"amount": Decimal("0.01"), "balance": Decimal("-5.00")},
        {"trans_type": "C", "operation": None, "category": "IC"},
        {"trans_time": time(3, 12), "district_id": 4},
        {"other_bank_id": "<script>alert(1)</script>", "operation": "ROB"},
        TO_STRANGER,
        CARD,
    ],
)
@pytest.mark.parametrize("past", [[], PAST], ids=["first", "known"])
@pytest.mark.parametrize("statics", [{}, PRODUCTS], ids=["plain", "profiled"])
def test_every_sentence_can_be_said_of_any_posting(posting, past, statics):
    described = row(posting, past or [{"trans_date": date(1990, 1, 1), "account_id": 5}], statics=statics)
    for feature in SENTENCES:
        said = finding(feature, described)
        assert said.value, feature
        assert said.typical, feature
        assert unmarked(said.text).endswith("."), feature
        assert "None" not in unmarked(said.text)
        assert "nan" not in unmarked(said.text)
        assert "script" not in unmarked(said.text)


def test_what_is_as_usual_is_no_reason():
    """The posting repeats the last month's to the cent and the day; but who pays once a month has no usual week."""
    described = row({"amount": Decimal("2900.00")})
    assert [feature for feature in SENTENCES if finding(feature, described).stands] == ["week_spend"]


def test_every_kind_of_operation_can_be_spoken_of():
    for direction in ("in", "out"):
        for operation in (*OPERATIONS, "-"):
            for category in (*CATEGORIES, "-"):
                spoken = wording(f"{direction}:{operation}:{category}")
                assert "1.00" in spoken.did.format("1.00")


@pytest.mark.parametrize(
    ("value", "usual", "words"),
    [(30, 2, "15 times as much"), (3, 2, "1.5 times as much"), (2, 2, "about as much"), (1, 2, "50 % of that")],
)
def test_distances_in_words(value, usual, words):
    assert times(value, usual) == words


def test_money_has_two_decimals_and_groups():
    assert money(Decimal("1234567.5")) == "1,234,567.50"
