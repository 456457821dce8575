"""One contract over every registered detector."""

from __future__ import annotations

import numpy as np
import pytest
import skops.io

from include.errors import SettingsError
from include.models.base import Detector, MatrixError, NotFittedError
from include.models.detectors import DETECTORS, detector_class

SEED = 7


@pytest.fixture(scope="module")
def ordinary() -> np.ndarray:
    return np.random.default_rng(SEED).normal(size=(600, 5))


@pytest.fixture(params=sorted(DETECTORS), scope="module")
def kind(request) -> type[Detector]:
    return detector_class(request.param)


@pytest.fixture(scope="module")
def fitted(kind, ordinary) -> Detector:
    return kind(seed=SEED).fit(ordinary)


def test_the_seed_decides_every_bit(kind, ordinary, fitted):
    again = kind(seed=SEED).fit(ordinary).score(ordinary)
    assert again.tobytes() == fitted.score(ordinary).tobytes()


def test_a_planted_outlier_ranks_on_top(ordinary, fitted):
    rows = np.vstack([ordinary, np.full(5, 12.0)])
    assert fitted.score(rows).argmax() == len(ordinary)


def test_scores_are_finite_and_one_per_row(ordinary, fitted):
    scores = fitted.score(ordinary * 1e3)
    assert scores.shape == (len(ordinary),)
    assert np.isfinite(scores).all()


def test_a_row_is_scored_alone_as_in_company(ordinary, fitted):
    chunks = np.concatenate([fitted.score(chunk) for chunk in np.array_split(ordinary, 7)])
    assert chunks.tobytes() == fitted.score(ordinary).tobytes()
    assert fitted.score(ordinary[::-1])[::-1].tobytes() == chunks.tobytes()


def test_no_rows_no_scores(fitted):
    assert fitted.score(np.empty((0, 5))).shape == (0,)


def test_save_and_load_keeps_every_bit(kind, ordinary, fitted):
    stored = skops.io.dumps(fitted.learned())
    learned = skops.io.loads(stored, trusted=sorted(kind.trusted_types))
    restored = kind.restore(fitted.parameters(), learned)
    assert restored.score(ordinary).tobytes() == fitted.score(ordinary).tobytes()
    assert restored.parameters() == fitted.parameters()


def test_unfitted_says_so(kind, ordinary):
    with pytest.raises(NotFittedError, match="fit"):
        kind(seed=SEED).score(ordinary)


@pytest.mark.parametrize("bad", [np.full((3, 5), np.nan), np.full((3, 5), np.inf), np.zeros(5), np.zeros((0, 5))])
def test_what_cannot_be_learned_from_is_refused(kind, bad):
    with pytest.raises(MatrixError):
        kind(seed=SEED).fit(bad)


def test_other_columns_are_refused(fitted):
    with pytest.raises(MatrixError, match="5 columns"):
        fitted.score(np.zeros((2, 4)))


def test_an_unknown_detector_names_the_known():
    with pytest.raises(SettingsError, match="isolation_forest"):
        detector_class("crystal_ball")
