"""Rounds of planted nights: labelled rows, and nothing of what comes after."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from include.evaluation.bank_history import BankHistory
from include.evaluation.episodes import STRENGTHS
from include.evaluation.rounds import InjectedSample, assess, plant_round
from tests.evaluation.conftest import FIRST, LAST

KINDS = ("amount", "limit_day")


@pytest.fixture(scope="module")
def bank(real) -> BankHistory:
    return BankHistory(real.postings, real.statics, real.rounding_cents, 90)


@pytest.fixture(scope="module")
def planted_round(bank) -> InjectedSample:
    return plant_round(bank, FIRST, LAST, 3, KINDS)


def test_rows_are_the_nights_of_the_stretch(planted_round):
    nights = planted_round.features["settlement_date"]
    assert FIRST <= pc.min(nights).as_py() <= pc.max(nights).as_py() <= LAST
    assert planted_round.features.num_rows == len(planted_round.kinds) == len(planted_round.strengths)


def test_what_is_to_be_found_is_labelled_and_what_leads_to_it_left_out(planted_round):
    found = planted_round.is_planted
    assert set(planted_round.kinds[found]) == set(KINDS)
    assert set(planted_round.strengths[found]) == set(STRENGTHS)
    assert planted_round.positives.num_rows == found.sum() > 2 * len(STRENGTHS)
    limit = planted_round.positives.filter(pa.array(planted_round.kinds[found] == "limit_day"))
    assert pc.min(limit["day_limit"]).as_py() >= 0


def test_the_future_is_not_looked_at(bank, planted_round):
    past = bank.postings.filter(pc.less_equal(bank.postings["trans_date"], pa.scalar(LAST)))
    changed = BankHistory(past, bank.statics, bank.rounding_cents, bank.habit_days)
    again = plant_round(changed, FIRST, LAST, 3, KINDS)
    assert again.features.equals(planted_round.features)
    assert again.kinds.tolist() == planted_round.kinds.tolist()


def test_figures_are_of_the_strengths_and_the_kind_asked_for(planted_round):
    scores = np.where(planted_round.kinds == "amount", 1.0, 0.0)
    everything = assess(scores, planted_round, STRENGTHS, 0.02)
    assert everything.planted == planted_round.is_planted.sum()
    assert assess(scores, planted_round, STRENGTHS, 0.02, "amount").recall == 1
    assert assess(scores, planted_round, ("faint",), 0.02, "limit_day").recall == 0
    faint = assess(scores, planted_round, ("faint",), 0.02)
    assert faint.planted == (planted_round.strengths == "faint").sum()
