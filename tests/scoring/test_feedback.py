"""Reviews in scores and reasons: they still add up, and without any nothing changes."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.explaining.reasons import MAX_REASONS
from include.models.calibration import rarity_of
from include.scoring import score_night
from include.scoring.review_adjustment import DISMISSALS_SCHEMA, RISES_SCHEMA, Feedback, Said, moved
from tests.features.real_bank import between

SENTENCE = "Two of the last three payments with account 77 at bank AB were confirmed as fraud, known on 2 March."
DISMISSED = "A finding like it on this account was looked into and dismissed on 2 March; until 30 April it weighs less."


@pytest.fixture(scope="module")
def week(features):
    return between(features, date(1994, 1, 1), date(1994, 1, 8), "settlement_date")


@pytest.fixture(scope="module")
def plain(week, outcome):
    return score_night(week, outcome.model)


def _rising(trans_ids, shift: float, code: str = "counterparty") -> Feedback:
    said = {"code": code, "feature": f"{code}_cases", "value": "2 confirmed", "typical": "none confirmed"}
    rows = [{"trans_id": t, "shift": shift, "text": SENTENCE, **said} for t in trans_ids]
    return Feedback(pa.Table.from_pylist(rows, schema=RISES_SCHEMA), DISMISSALS_SCHEMA.empty_table())


def _dismissing(row: dict) -> Feedback:
    known = {
        "account_id": row["account_id"],
        "code": row["reasons"][0]["code"],
        "rarity": float(rarity_of(np.array([row["score"]]))[0]),
        "who": "somebody",
        "text": DISMISSED,
    }
    return Feedback(RISES_SCHEMA.empty_table(), pa.Table.from_pylist([known], schema=DISMISSALS_SCHEMA))


def _check_adds_up(row: dict) -> None:
    reasons = row["reasons"]
    assert sum(r["contribution"] for r in reasons) == pytest.approx(row["score"] - row["typical_score"], abs=1e-6)
    codes = [r["code"] for r in reasons]
    assert len(set(codes)) == len(codes)
    assert "other" not in codes[:-1]
    named = [r["contribution"] for r in reasons if r["code"] != "other"]
    assert len(named) <= MAX_REASONS
    assert named == sorted(named, reverse=True)
    assert all(r["text"] for r in reasons)


def test_without_reviews_not_a_byte_changes(week, outcome, plain):
    assert score_night(week, outcome.model, feedback=Feedback.none()).equals(plain)
    elsewhere = _rising([-1], 2.0)
    assert score_night(week, outcome.model, feedback=elsewhere).equals(plain)


@pytest.mark.parametrize(("shift", "code"), [(1.2, "counterparty"), (0.7, "location"), (0.4, "other")])
def test_reasons_add_up_where_cases_were_confirmed(week, outcome, plain, shift, code):
    known = set(plain.filter(plain["is_flagged"])["trans_id"].to_pylist()[:15])
    scores = score_night(week, outcome.model, feedback=_rising(sorted(known), shift, code)).to_pylist()
    for row, before in zip(scores, plain.to_pylist(), strict=True):
        if row["trans_id"] not in known:
            assert row["score"] == before["score"]
            continue
        assert row["score"] > before["score"]
        assert row["typical_score"] == before["typical_score"]
        if row["is_flagged"]:
            _check_adds_up(row)
            assert SENTENCE in next(r["text"] for r in row["reasons"] if r["code"] == code)
    assert sum(row["is_flagged"] for row in scores if row["trans_id"] in known) > 5


def test_a_confirmed_payee_brings_up_what_was_below_the_threshold(week, outcome, plain):
    below = plain.filter(pc.invert(plain["is_flagged"])).sort_by([("score", "descending")])["trans_id"][0].as_py()
    rows = score_night(week, outcome.model, feedback=_rising([below], 2.5)).to_pylist()
    (row,) = [row for row in rows if row["trans_id"] == below]
    assert row["is_flagged"]
    assert any(SENTENCE in r["text"] for r in row["reasons"] if r["code"] == "counterparty")
    _check_adds_up(row)


def test_a_dismissed_finding_weighs_less_and_says_so(week, outcome, plain):
    """The weakest finding is not flagged again; the strongest still is, with the sentence among its reasons."""
    flagged = plain.filter(plain["is_flagged"]).sort_by([("score", "ascending")]).to_pylist()
    weakest, strongest = flagged[0], flagged[-1]
    for before, is_flagged in ((weakest, False), (strongest, True)):
        rows = score_night(week, outcome.model, feedback=_dismissing(before)).to_pylist()
        (row,) = [row for row in rows if row["trans_id"] == before["trans_id"]]
        fallen = rarity_of(np.array([before["score"]])) - rarity_of(np.array([row["score"]]))
        assert fallen == pytest.approx(0.5)
        assert row["is_flagged"] == is_flagged
        if is_flagged:
            _check_adds_up(row)
            assert row["reasons"][-1]["text"].startswith(DISMISSED)


@given(st.lists(st.tuples(st.floats(0, 0.99), st.floats(-2, 2)), min_size=1, max_size=20))
def test_a_shift_moves_the_rarity_by_itself_and_never_below_none(pairs):
    scores, shifts = (np.array(column) for column in zip(*pairs, strict=True))
    said = {n: [Said("other", "", "", "", shift, "")] for n, shift in enumerate(shifts.tolist()) if shift}
    found = moved(scores, said)
    np.testing.assert_allclose(rarity_of(found), np.maximum(rarity_of(scores) + shifts, 0), atol=1e-9)
    assert (found[shifts == 0] == scores[shifts == 0]).all()
