"""What investigators read: the value, the account's own usual, how far apart, and nothing raw."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal

import pytest

from include.features import build_features, state_from_history
from include.features.catalog import MODEL_FEATURES
from include.relations import CATEGORIES, OPERATIONS
from include.scoring.sentences import SENTENCES, finding, money, times, wording
from tests.features.real_bank import made

DAY = date(1994, 1, 31)
PAST = [{"trans_date": DAY - timedelta(days=30 * n), "amount": Decimal("2900.00")} for n in (1, 2, 3)]


def row(posting, past=PAST):
    earlier = made(*past)
    night = made({"trans_date": DAY, **posting})
    return build_features(night, earlier, {}, state_from_history(earlier)).to_pylist()[0]


def test_every_model_feature_has_its_sentence():
    assert set(SENTENCES) == {feature.name for feature in MODEL_FEATURES}


@pytest.mark.parametrize(
    ("feature", "posting", "sentence"),
    [
        (
            "amount_z",
            {"amount": Decimal("42000.00")},
            "Withdrew 42,000.00 in cash; this account's cash withdrawals are usually about 2,900.00 - "
            "14 times as much.",
        ),
        (
            "amount_to_largest",
            {"amount": Decimal("5800.00")},
            "Withdrew 5,800.00 in cash; this account's largest cash withdrawal so far was 2,900.00 - "
            "2.0 times as much.",
        ),
        (
            "balance_share",
            {"amount": Decimal("900.00"), "balance": Decimal("100.00")},
            "Withdrew 900.00 in cash, 90 % of the 1,000.00 on the account; its payments usually take 76 %.",
        ),
        (
            "overdrawn",
            {"balance": Decimal("-50.00")},
            "Withdrew 100.00 in cash, which left the account at -50.00; before it stood at 50.00.",
        ),
        (
            "new_kind",
            {"operation": "CCW"},
            "Withdrew 100.00 by card: the first card withdrawal this account ever made, after 3 transactions of "
            "other kinds in the last 90 days.",
        ),
        (
            "gap",
            {},
            "Withdrew 100.00 in cash 30 days after the last cash withdrawal; usually 30 days lie between them.",
        ),
        (
            "day_spend",
            {"amount": Decimal("29000.00")},
            "Paid out 29,000.00 on this day; on a day with payments this account usually pays 2,900.00 - "
            "10 times as much.",
        ),
        (
            "day_count",
            {},
            "1 transaction in one day; on a day with any this account usually makes 1 - about as many.",
        ),
    ],
)
def test_sentences(feature, posting, sentence):
    assert finding(feature, row(posting)).text == sentence


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
    ],
)
@pytest.mark.parametrize("past", [[], PAST], ids=["first", "known"])
def test_every_sentence_can_be_said_of_any_posting(posting, past):
    described = row(posting, past or [{"trans_date": date(1990, 1, 1), "account_id": 5}])
    for feature in SENTENCES:
        said = finding(feature, described)
        assert said.value, feature
        assert said.typical, feature
        assert said.text.endswith("."), feature
        assert "None" not in said.text
        assert "script" not in said.text


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
