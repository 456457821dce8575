"""The canary set drops an update that finds less or flags more, and cannot be changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from include.errors import IntegrityError
from include.learning.canary import CANARY, Canary, CanaryFigures, objections
from include.learning.learn import judged
from include.learning.refresh import REFRESH_BASELINE
from include.learning.sample import Sample
from include.registry import ModelRegistry

GOOD = CanaryFigures(recall=0.9, recall_by_kind={"burst": 0.9, "drain": 0.9}, false_alarms=0.015)
NIGHT = date(1994, 1, 2)


def saying(model, much):
    """The model with a refresh that holds everything for rarer by so much."""
    other = replace(model, calibration=replace(model.calibration, exponents=model.calibration.exponents + much))
    return model.refreshed(replace(other, training=replace(model.training, last_night=NIGHT)))


def test_a_refresh_that_changes_nothing_is_accepted(model, canary):
    update = judged(model, saying(model, 0.0), canary, 7)
    assert update.accepted
    assert update.version == saying(model, 0.0).version
    assert update.why.startswith("7 nights teach; ordinary rarities are moved by 0.00")


def test_a_refresh_that_lets_planted_rows_pass_is_dropped(model, canary):
    update = judged(model, saying(model, -5.0), canary, 1)
    assert not update.accepted
    assert update.version is None
    assert "recall" in update.why
    assert update.figures["recall"] < update.figures["base_recall"]


def test_a_refresh_that_flags_half_the_bank_is_dropped(model, canary):
    update = judged(model, saying(model, 5.0), canary, 1)
    assert not update.accepted
    assert "false alarms" in update.why


@pytest.mark.parametrize(
    ("updated", "failed"),
    [
        (GOOD, []),
        (replace(GOOD, recall=0.875, false_alarms=0.029), []),
        (replace(GOOD, recall=0.86), ["recall is 86.0%"]),
        (replace(GOOD, recall_by_kind={"burst": 0.75, "drain": 0.99}), ["recall of burst is 75.0%"]),
        (replace(GOOD, false_alarms=0.031), ["false alarms are 3.10%"]),
    ],
)
def test_every_figure_has_its_tolerance(updated, failed):
    found = objections(GOOD, updated, budget=0.02)
    assert [text.split(",")[0] for text in found] == failed


def test_kinds_of_a_few_rows_are_not_judged_alone(model, canary):
    few = replace(canary, kinds=("burst",) * 395 + ("drain",) * 5)
    assert set(few.figures(model).recall_by_kind) == {"burst"}


def test_it_comes_back_as_it_was(model, canary):
    again = Canary.from_bytes(canary.to_bytes(model.features), model.features)
    np.testing.assert_array_equal(again.ordinary, canary.ordinary)
    np.testing.assert_array_equal(again.planted, canary.planted)
    assert (again.kinds, again.strengths) == (canary.kinds, canary.strengths)
    np.testing.assert_array_equal(again.nights, canary.nights)


@pytest.mark.parametrize("part", [CANARY, REFRESH_BASELINE])
def test_a_changed_sample_is_refused(lake_uri, settings, model, part):
    path = Path(lake_uri.removeprefix("file:")) / "models" / model.version / f"{part}.sealed"
    changed = bytearray(path.read_bytes())
    changed[len(changed) // 2] ^= 1
    path.write_bytes(bytes(changed))
    with pytest.raises(IntegrityError):
        Sample.kept(ModelRegistry.open(lake_uri, settings), model, part)


def test_what_is_sealed_but_no_sample_is_refused(lake_uri, settings, model):
    registry = ModelRegistry.open(lake_uri, settings)
    registry.keep(model.version, CANARY, b"no table")
    with pytest.raises(IntegrityError, match="canary set"):
        Canary.kept(registry, model, CANARY)
