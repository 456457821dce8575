"""Sentences: every feature has a name for people, shares are those of the level that shows most, texts are inert."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from include.features.catalog import MODEL_FEATURES, REASON_CODES
from include.monitoring import notice_sentences
from include.monitoring.notice_sentences import SPOKEN, Comparison, also, missing_sentence, rarity_sentence
from include.monitoring.notices import notices
from include.monitoring.performance import REASONS
from include.monitoring.profiles import SCORE
from include.monitoring.signals import Signal

NIGHT = date(1994, 1, 20)
COMPARED = Comparison("amount_z", date(1993, 12, 30), NIGHT, "from 1 October 1993 to 20 December 1993", False)


def test_every_feature_and_reason_has_a_name_for_people() -> None:
    assert set(SPOKEN) == {SCORE, *(feature.name for feature in MODEL_FEATURES)}
    assert set(REASONS) == set(REASON_CODES)


def test_a_rarity_is_told_at_the_level_at_which_it_shows_most() -> None:
    text = rarity_sentence(COMPARED, np.array([0.9, 0.06, 0.01, 0.02, 0.01]), np.array([0.9, 0.06, 0.03, 0.01, 0.0]))
    assert text == (
        "Since about 30 December 1993 amounts against what the account usually has of the kind stand out more often: "
        "1 % of the last month's postings reach what 1 in 1,000 reached in training, compared with less than 0.1 % "
        "from 1 October 1993 to 20 December 1993."
    )


def test_what_is_missing_sends_to_the_source_and_what_is_back_does_not() -> None:
    gone = missing_sentence(COMPARED, np.array([0.3, 0.7]), np.array([0.0, 1.0]))
    back = missing_sentence(COMPARED, np.array([0.0, 1.0]), np.array([0.3, 0.7]))
    assert "cannot be worked out for 30 % of the last month's postings, compared with less than 0.1 %" in gone
    assert ("See first whether the source" in gone, "See first whether the source" in back) == (True, False)


def test_many_that_changed_together_are_counted() -> None:
    assert also([]) == ""
    assert also(["gap", "early"]).endswith(": pauses between postings of one kind; payments that are repeated early.")
    assert also(["gap", "early", "travel", "silence", "distance"]).endswith("; and 2 more.")


def test_texts_are_inert(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(notice_sentences.SPOKEN, "gap", "<script>")
    signal = Signal("feature_drift", "gap", "timing", 1.0, 0.1, 0.0, True, NIGHT, "=cmd() <b>", True)
    companion = Signal("feature_drift", "gap", "amount", 0.5, 0.1, 0.0, True, NIGHT, "", True, "missing")
    lasting = {signal.name: 3, companion.name: 3}
    (text,) = notices(NIGHT, [signal, companion], lasting, [])["text"].to_pylist()
    assert text == "'=cmd() &lt;b&gt;"
