"""Several detectors as one: rarities are weighed, and who has no say changes nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.models.ensemble import Member, blend
from tests.registry.conftest import RAW_ROWS, small_model

ROW = np.array([1.0, 3.0])


def test_the_blend_is_the_weighted_mean():
    assert blend({"a": ROW, "b": ROW * 3}, {"a": 1, "b": 1}).tolist() == [2, 6]
    assert blend({"a": ROW, "b": ROW * 3}, {"a": 2, "b": 1}) == pytest.approx([5 / 3, 5])


def test_who_has_no_say_need_not_be_asked():
    assert blend({"a": ROW}, {"a": 2, "b": 0}).tolist() == ROW.tolist()


@settings(max_examples=50, deadline=None)
@given(st.floats(0.1, 10), st.floats(0.1, 10), st.floats(0.01, 100))
def test_only_the_proportion_of_weights_counts(first, second, times):
    known = {"a": ROW, "b": ROW[::-1]}
    one = blend(known, {"a": first, "b": second})
    assert blend(known, {"a": first * times, "b": second * times}) == pytest.approx(one)


def test_a_member_without_weight_looks_on_and_changes_no_score():
    model = small_model(1)
    watched = model.members[0].detector
    silent = [Member(m.detector, m.calibration, m.weight if m.weight else 0.0) for m in model.members]
    without = replace(model, members=tuple(m for m in silent if m.weight > 0))
    assert len(without.members) < len(model.members)
    assert without.score(RAW_ROWS).tobytes() == model.score(RAW_ROWS).tobytes()
    assert watched.name in model.detector_scores(RAW_ROWS)
    assert without.version != model.version  # what is published beside the score is part of what the model is


def test_published_scores_are_shares_that_rise_with_the_blend():
    model = small_model(1)
    scores, rarity = model.score(RAW_ROWS), model.rarity(RAW_ROWS)
    assert ((scores >= 0) & (scores < 1)).all()
    order = np.argsort(rarity)
    assert (np.diff(scores[order]) >= 0).all()
    for own in model.detector_scores(RAW_ROWS).values():
        assert ((own >= 0) & (own < 1)).all()
