"""One contract over every registered detector, and what each one promises beyond it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import safetensors.numpy
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st

from include.errors import SettingsError
from include.features.sequences import STEP, STEP_FIELDS, WINDOW
from include.models.base import Detector, Examples, MatrixError, NotFittedError
from include.models.contrast import Contrast
from include.models.detectors import DETECTORS, detector_class, reader_class
from include.models.local_outlier_factor import LocalOutlierFactor
from include.models.lstm import Lstm
from include.models.rarity import Rarity
from include.models.sequence_reader import SequenceReader

SEED = 7
COLUMNS = 5
# 16 cells: matrix products of fewer columns differ in the last bit with a row's place among others.
SMALL = {"lstm": {"hidden": 16, "epochs": 1}, "contrast": {"trees": 20}, "isolation_forest": {"trees": 50}}


def rarities(rows: int) -> np.ndarray:
    """Ordinary rows as detectors see them: one in ten is at 1 or more, one in a hundred at 2."""
    return -np.log10(np.random.default_rng(SEED).uniform(size=(rows, COLUMNS)))


def windows(rows: int) -> np.ndarray:
    """An account that withdraws about as much every third day, as often as there are rows."""
    random = np.random.default_rng(SEED)
    steps = np.zeros((rows, WINDOW + 1, STEP), dtype=np.float32)
    steps[:, :, STEP_FIELDS.index("kind")] = 60
    steps[:, :, STEP_FIELDS.index("log_amount")] = 9 + random.normal(0, 0.1, (rows, WINDOW + 1))
    steps[:, :, STEP_FIELDS.index("days_before")] = 3 * np.arange(WINDOW, -1, -1)
    steps[:, :, STEP_FIELDS.index("day_of_month")] = random.integers(1, 31, (rows, WINDOW + 1))
    return steps.reshape(rows, -1)


@dataclass(frozen=True)
class Case:
    """A detector with rows as it sees them, examples where it learns from some, and a row nobody ever saw."""

    kind: type[Detector]
    rows: np.ndarray
    examples: Examples | None
    outlier: np.ndarray

    def made(self, seed: int = SEED) -> Detector:
        return self.kind(seed, **SMALL.get(self.kind.name, {}))

    def fitted(self, seed: int = SEED) -> Detector:
        return self.made(seed).fit(self.rows, self.examples)


def case_of(name: str) -> Case:
    kind = detector_class(name)
    if issubclass(kind, SequenceReader):
        rows = windows(600)
        outlier = rows[:1].copy()
        outlier[0, -STEP + STEP_FIELDS.index("log_amount")] += 9
        return Case(kind, rows, None, outlier)
    examples = Examples(rarities(60) + 4, np.ones(60)) if kind.learns_from_examples else None
    return Case(kind, rarities(600), examples, np.full((1, COLUMNS), 12.0))


@pytest.fixture(params=sorted(DETECTORS), scope="module")
def case(request) -> Case:
    return case_of(request.param)


@pytest.fixture(scope="module")
def fitted(case) -> Detector:
    return case.fitted()


def test_the_seed_decides_every_bit(case, fitted):
    assert case.fitted().score(case.rows).tobytes() == fitted.score(case.rows).tobytes()


def test_an_outlier_ranks_on_top(case, fitted):
    assert fitted.score(np.vstack([case.rows, case.outlier])).argmax() == len(case.rows)


def test_scores_are_finite_and_one_per_row(case, fitted):
    scores = fitted.score(case.rows * 1e3)
    assert scores.shape == (len(case.rows),)
    assert np.isfinite(scores).all()


def test_a_row_is_scored_alone_as_in_company(case, fitted):
    chunks = np.concatenate([fitted.score(chunk) for chunk in np.array_split(case.rows, 7)])
    assert chunks.tobytes() == fitted.score(case.rows).tobytes()
    assert fitted.score(case.rows[::-1])[::-1].tobytes() == chunks.tobytes()


def test_no_rows_no_scores(case, fitted):
    assert fitted.score(case.rows[:0]).shape == (0,)


def test_save_and_load_keeps_every_bit(case, fitted):
    learned = fitted.learned()
    if issubclass(case.kind, SequenceReader):
        loaded = safetensors.numpy.load(safetensors.numpy.save(learned))
    else:
        loaded = skops.io.loads(skops.io.dumps(learned), trusted=sorted(case.kind.trusted_types))
    restored = case.kind.restore(fitted.parameters(), loaded)
    assert restored.score(case.rows).tobytes() == fitted.score(case.rows).tobytes()
    assert restored.parameters() == fitted.parameters()


def test_unfitted_says_so(case):
    with pytest.raises(NotFittedError, match="fit"):
        case.made().score(case.rows)


@pytest.mark.parametrize("bad", [np.nan, np.inf, None, 0])
def test_what_cannot_be_learned_from_is_refused(case, bad):
    rows = {None: case.rows[0], 0: case.rows[:0]}.get(bad, np.full_like(case.rows[:3], bad or 1))
    with pytest.raises(MatrixError):
        case.made().fit(rows, case.examples)


def test_other_columns_are_refused(case, fitted):
    with pytest.raises(MatrixError, match=f"{case.rows.shape[1]} columns"):
        fitted.score(case.rows[:, 1:])


def test_an_unknown_detector_names_the_known():
    with pytest.raises(SettingsError, match="isolation_forest"):
        detector_class("crystal_ball")


def test_a_model_has_one_reader_of_sequences(monkeypatch):
    class Other(Lstm):
        name = "other"

    monkeypatch.setitem(DETECTORS, "other", Other)
    assert reader_class(["rarity", "lstm"]) is Lstm
    assert reader_class(["rarity", "contrast"]) is None
    with pytest.raises(SettingsError, match="lstm, other"):
        reader_class(["lstm", "rarity", "other"])


# ---------------------------------------------------------------- planted contrast

CONTRAST = case_of("contrast")


@pytest.fixture(scope="module")
def contrast() -> Detector:
    """Signs in the first four columns, the fifth is free. Planted rows have much of one sign and little of the others,
    so that trees which may do as they like would count a second sign for innocence.
    """
    planted = rarities(60) / 20
    planted[:, 0] += 4
    return Contrast(SEED, free_columns=1, trees=40).fit(CONTRAST.rows, Examples(planted, np.ones(60)))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 12), min_size=COLUMNS, max_size=COLUMNS),
    st.integers(0, COLUMNS - 2),
    st.floats(0, 12),
)
def test_contrast_never_falls_when_a_sign_grows(contrast, row, sign, more):
    grown = list(row)
    grown[sign] += more
    lower, higher = contrast.score(np.array([row, grown]))
    assert higher >= lower


def test_contrast_takes_context_either_way(contrast):
    row = np.full((50, COLUMNS), 3.0)
    row[:, -1] = np.linspace(0, 12, 50)
    assert np.isfinite(contrast.score(row)).all()
    assert contrast.trees_.monotonic_cst == [1, 1, 1, 1, 0]


def test_contrast_without_examples_is_refused():
    for examples in (None, Examples(CONTRAST.rows[:0], np.empty(0))):
        with pytest.raises(MatrixError, match="plant some"):
            Contrast(SEED).fit(CONTRAST.rows, examples)
    with pytest.raises(MatrixError, match="columns"):
        Contrast(SEED).fit(CONTRAST.rows, Examples(CONTRAST.rows[:5, 1:], np.ones(5)))


def test_examples_that_count_nothing_teach_nothing():
    shown, hidden = np.zeros((40, COLUMNS)), np.zeros((40, COLUMNS))
    shown[:, 0] = hidden[:, 1] = 8
    examples = Examples(np.vstack([shown, hidden]), np.repeat([1.0, 0.0], 40))
    first, second = Contrast(SEED, trees=40).fit(CONTRAST.rows, examples).score(np.vstack([shown[:1], hidden[:1]]))
    assert first > second + 1


# ---------------------------------------------------------------- local outlier factor


def test_a_clump_of_copies_does_not_make_its_neighbours_outliers():
    clump = np.repeat(np.zeros((1, COLUMNS)), 5_000, axis=0)
    detector = LocalOutlierFactor(SEED).fit(np.vstack([clump, rarities(600)]))
    beside, far = detector.score(np.array([np.full(COLUMNS, 0.5), np.full(COLUMNS, 9.0)]))
    assert far > 2 * beside
    assert len(detector.factor_._fit_X) <= 601


def test_the_reference_is_bounded():
    assert len(LocalOutlierFactor(SEED, reference_rows=100).fit(rarities(2_000)).factor_._fit_X) == 100


def test_a_single_row_is_enough_to_fit():
    assert np.isfinite(Rarity(SEED).fit(rarities(1)).score(rarities(3))).all()
    assert Lstm(SEED, hidden=2, epochs=1).fit(windows(1)).score(windows(3)).shape == (3,)
