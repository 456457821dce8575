"""The canary set drops an update that finds less or flags more, and cannot be changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from include.errors import IntegrityError
from include.learning.canary import CANARY, REFERENCE, Canary, CanaryFigures, kept_canary, objections
from include.learning.learn import judged
from include.registry import ModelRegistry

GOOD = CanaryFigures(recall=0.9, recall_by_kind={"burst": 0.9, "drain": 0.9}, false_alarms=0.015)
NIGHT = date(1994, 1, 2)


def test_an_update_that_changes_nothing_is_accepted(model, canary, reference):
    update = judged(model, model.moved({}, NIGHT), canary, with_nights(reference))
    assert update.accepted
    assert update.version == model.moved({}, NIGHT).version


def test_an_update_that_lets_planted_rows_pass_is_dropped(model, canary, reference):
    blind = model.moved({"score": np.full(65, -1.0)}, NIGHT)
    update = judged(model, blind, canary, with_nights(reference))
    assert not update.accepted
    assert update.version is None
    assert "recall" in update.why
    assert update.figures["recall"] < update.figures["base_recall"]


def test_an_update_that_flags_half_the_bank_is_dropped(model, canary, reference):
    loud = model.moved({"score": np.full(65, 1.0)}, NIGHT)
    update = judged(model, loud, canary, with_nights(reference))
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


@pytest.mark.parametrize("part", [CANARY, REFERENCE])
def test_a_changed_canary_set_is_refused(lake_uri, settings, model, part):
    path = Path(lake_uri.removeprefix("file:")) / "models" / model.version / f"{part}.sealed"
    changed = bytearray(path.read_bytes())
    changed[len(changed) // 2] ^= 1
    path.write_bytes(bytes(changed))
    with pytest.raises(IntegrityError):
        kept_canary(ModelRegistry.open(lake_uri, settings), model)


def test_what_is_sealed_but_no_canary_set_is_refused(lake_uri, settings, model):
    registry = ModelRegistry.open(lake_uri, settings)
    registry.keep(model.version, CANARY, b"no table")
    with pytest.raises(IntegrityError, match="canary set"):
        kept_canary(registry, model)


def with_nights(profile):
    return profile.append_column("settlement_date", [[NIGHT] * profile.num_rows])
