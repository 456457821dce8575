"""What the sequence model's sentences say: what was expected, and the transactions to compare with."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from include.explaining.sequence_reading import read_sequences
from include.explaining.words import NO_READING, Earlier, SequenceReading, finding
from include.features.catalog import SURPRISES
from include.features.sequences import KINDS, NO_POSTING, STEP, WINDOW
from include.identifiers import unmarked
from include.models.sequence_reader import Expectation

DAY = date(1994, 1, 19)
CASH = Earlier(123, date(1993, 12, 28), "out:WIC:-", 2034.0)
PENSION = Earlier(124, date(1994, 1, 10), "in:COB:PE", 4910.0)
HOUSEHOLD = {
    "settlement_date": DAY,
    "kind": "out:ROB:HH",
    "amount": Decimal("3400.00"),
    "trans_type": "D",
    "other_account": 77,
    "season_amount": 0.0,
    "window": [0.0] * (WINDOW * STEP) + [1.0, 12.7, 0.0, 1.0, 19.0, 12.0],
}
EXPECTED = Expectation(
    gap_days=4,
    kind=KINDS.index("out:WIC:-") + 1,
    kind_probability=0.712,
    seen_kind_probability=0.0041,
    counterparty=1,
    amount_cents=118_000.0,
    low_cents=90_000.0,
    high_cents=140_000.0,
)
READING = SequenceReading(EXPECTED, dict.fromkeys(SURPRISES, float(np.log(40))), (CASH, PENSION), PENSION)
COMPARED = (
    "compare with the cash withdrawal of about 2,000 on 28 December 1993 (transaction 123) and the pension payment of "
    "about 4,900 on 10 January (transaction 124)."
)


@pytest.mark.parametrize(
    ("feature", "text"),
    [
        (
            "sequence_kind",
            "Transferred 3,400.00 for the household on 19 January, where a cash withdrawal was expected (71 %) and a "
            f"household payment hardly (0.4 %); {COMPARED}",
        ),
        (
            "sequence_gap",
            "Transferred 3,400.00 for the household 9 days after the pension payment of about 4,900 on 10 January "
            "(transaction 124), where 4 days was likeliest and so unlikely a date comes 1 time in 40; compare with "
            "the cash withdrawal of about 2,000 on 28 December 1993 (transaction 123).",
        ),
        (
            "sequence_counterparty",
            "Transferred 3,400.00 for the household to account 77 on 19 January, an account it had not dealt with "
            f"lately, where an account it had dealt with lately was expected (1 in 40); {COMPARED}",
        ),
        (
            "sequence_amount",
            "Transferred 3,400.00 for the household on 19 January, where about 1,200 was expected and so much "
            f"1 time in 80, and this is 2.9 times as much; {COMPARED}",
        ),
    ],
)
def test_the_expected_and_the_postings_to_compare_with_are_named(feature, text):
    said = finding(feature, HOUSEHOLD, READING)
    assert unmarked(said.text) == text
    assert said.stands


@pytest.mark.parametrize("feature", SURPRISES)
def test_without_earlier_postings_it_says_so(feature):
    for reading in (NO_READING, SequenceReading(replace(EXPECTED, gap_days=None), {}, (), None)):
        said = finding(feature, HOUSEHOLD, reading)
        assert unmarked(said.text).endswith("the account has no earlier postings to compare with.")
        assert not said.stands


@pytest.mark.parametrize("feature", SURPRISES)
def test_what_comes_once_in_five_times_is_no_reason(feature):
    likely = replace(EXPECTED, seen_kind_probability=0.2)
    usual = dict.fromkeys(SURPRISES, np.log(5) - 1)
    said = finding(feature, HOUSEHOLD, replace(READING, expected=likely, surprises=usual))
    assert not said.stands


@pytest.fixture(scope="module")
def read(features, model):
    """Rows of some postings of the real bank with what the model's reader says of them."""
    rows = features.slice(features.num_rows - 40, 40).to_pylist()
    return rows, read_sequences(model.sequence, rows, [dict.fromkeys(SURPRISES, 3.0)] * len(rows))


def test_what_is_read_is_the_accounts_own(read, history):
    dated = dict(zip(history["trans_id"].to_pylist(), history["trans_date"].to_pylist(), strict=True))
    amounts = dict(zip(history["trans_id"].to_pylist(), history["amount"].to_pylist(), strict=True))
    for row, reading in zip(*read, strict=True):
        held = [number for number in row["window_trans"] if number != NO_POSTING]
        assert bool(reading.compare) == bool(held)
        for earlier in reading.compare:
            assert earlier.trans_id in held
            assert earlier.day == dated[earlier.trans_id]
            assert earlier.amount == pytest.approx(float(amounts[earlier.trans_id]), rel=1e-5)


def test_postings_of_people_go_before_those_of_the_bank(read):
    for row, reading in zip(*read, strict=True):
        kinds = [
            KINDS[round(row["window"][place * STEP]) - 1] for place in range(WINDOW) if row["window"][place * STEP]
        ]
        if any(not kind.endswith((":IC", ":IO", ":ST")) for kind in kinds):
            assert not any(earlier.kind.endswith((":IC", ":IO", ":ST")) for earlier in reading.compare)


def test_a_row_is_read_alone_as_in_company(read, model):
    rows, readings = read
    assert read_sequences(model.sequence, rows[7:8], [dict.fromkeys(SURPRISES, 3.0)]) == readings[7:8]


def test_what_everybody_pays_more_of_that_night_is_expected_to_be_more():
    plain = finding("sequence_amount", HOUSEHOLD, READING)
    christmas = finding("sequence_amount", {**HOUSEHOLD, "season_amount": float(np.log(2))}, READING)
    figures = [float(said.typical.removeprefix("about ").replace(",", "")) for said in (plain, christmas)]
    assert figures[1] == pytest.approx(2 * figures[0], rel=0.1)
