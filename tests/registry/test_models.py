"""A model comes back bit for bit, or not at all."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
import skops.io
from upath import UPath

from include.errors import IntegrityError, SettingsError
from include.registry import ModelRegistry
from include.registry import models as registry_module
from include.settings import Settings
from tests.registry.conftest import ROWS, small_model


def folder(registry: ModelRegistry, version: str) -> Path:
    return Path(registry.folder.path) / version


def test_scores_after_loading_are_the_same_bit_for_bit(registry, model):
    loaded = registry.load(registry.save(model))
    assert loaded.score(ROWS).tobytes() == model.score(ROWS).tobytes()
    assert loaded.version == model.version
    assert loaded.card() == model.card()
    assert loaded.typical_score == model.typical_score
    assert loaded.training == model.training


def test_the_name_follows_from_the_content(model):
    assert small_model(1).version == model.version
    assert small_model(2).version != model.version


def test_saving_twice_is_saving_once(registry, model):
    assert registry.save(model) == registry.save(model)
    assert registry.versions() == (model.version,)


def test_no_draft_is_left_behind(registry, model):
    version = registry.save(model)
    assert sorted(path.name for path in folder(registry, version).iterdir()) == [
        "card.json",
        "card.sealed",
        "weights.sealed",
    ]


def test_the_card_is_for_people_only(registry, model):
    version = registry.save(model)
    card = folder(registry, version) / "card.json"
    assert json.loads(card.read_text())["training"]["budget"] == 0.02
    card.write_text(json.dumps({**json.loads(card.read_text()), "threshold": 0.99}))
    assert registry.load(version).threshold == model.threshold


@pytest.mark.parametrize("part", ["card", "weights"])
def test_a_changed_byte_is_refused(registry, model, part):
    version = registry.save(model)
    path = folder(registry, version) / f"{part}.sealed"
    whole = path.read_bytes()
    for position in np.linspace(0, len(whole) - 1, 25).astype(int):
        changed = bytearray(whole)
        changed[position] ^= 1
        path.write_bytes(bytes(changed))
        with pytest.raises(IntegrityError):
            registry.load(version)


@pytest.mark.parametrize("length", [0, 10, -1])
def test_a_torn_file_is_refused(registry, model, length):
    version = registry.save(model)
    path = folder(registry, version) / "weights.sealed"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(IntegrityError):
        registry.load(version)


def test_another_models_bytes_under_this_name_are_refused(registry, model, other_model):
    version, other = registry.save(model), registry.save(other_model)
    shutil.rmtree(folder(registry, version))
    shutil.copytree(folder(registry, other), folder(registry, version))
    with pytest.raises(IntegrityError):
        registry.load(version)


def test_another_models_weights_with_this_card_are_refused(registry, model, other_model):
    version, other = registry.save(model), registry.save(other_model)
    shutil.copy(folder(registry, other) / "weights.sealed", folder(registry, version) / "weights.sealed")
    with pytest.raises(IntegrityError):
        registry.load(version)


def test_card_and_weights_cannot_change_places(registry, model):
    version = registry.save(model)
    card, weights = (folder(registry, version) / f"{part}.sealed" for part in ("card", "weights"))
    weights.write_bytes(card.read_bytes())
    with pytest.raises(IntegrityError):
        registry.load(version)


def sealed_instead(registry: ModelRegistry, version: str, content: bytes) -> None:
    """What somebody with the key, but not this code, could leave."""
    context = registry_module._context(version, "weights")
    (folder(registry, version) / "weights.sealed").write_bytes(registry.envelope.seal(content, context))


def test_a_pickle_is_refused_even_when_sealed(registry, model):
    version = registry.save(model)

    class Bomb:
        def __reduce__(self):
            return (pytest.exit, ("a pickle was loaded",))

    sealed_instead(registry, version, pickle.dumps(Bomb()))
    with pytest.raises(IntegrityError, match="nothing was loaded"):
        registry.load(version)


def test_types_off_the_pinned_list_are_refused_even_when_sealed(registry, model):
    version = registry.save(model)
    content = {"arrays": model.arrays(), "learned": {"path": Path("/etc")}}
    sealed_instead(registry, version, skops.io.dumps(content))
    with pytest.raises(IntegrityError, match="UntrustedTypes"):
        registry.load(version)


def test_learned_numbers_of_another_model_do_not_bear_the_name(registry, model):
    version = registry.save(model)
    arrays = {**model.arrays(), "typical": model.typical + 1}
    sealed_instead(registry, version, skops.io.dumps({"arrays": arrays, "learned": model.detector.learned()}))
    with pytest.raises(IntegrityError, match="holds the content of"):
        registry.load(version)


def test_another_key_opens_nothing(registry, model, tmp_path):
    version = registry.save(model)
    stranger = ModelRegistry.open(f"file:{tmp_path / 'lake'}", Settings(key_file=tmp_path / "other" / "key"))
    with pytest.raises(IntegrityError):
        stranger.load(version)


@pytest.mark.parametrize("version", ["../../etc/passwd", "champion", "", "isolation_forest-00"])
def test_what_is_no_version_is_refused(registry, version):
    with pytest.raises(SettingsError, match="no model version"):
        registry.load(version)


def test_an_absent_version_names_the_stored(registry, model):
    stored = registry.save(model)
    with pytest.raises(SettingsError, match=stored):
        registry.load("isolation_forest-0123456789abcdef")


def test_the_champion_is_whom_one_promotes(registry, model, other_model):
    assert registry.champion() is None
    for candidate in (model, other_model):
        registry.promote(registry.save(candidate))
        assert registry.champion() == candidate.version


def test_what_does_not_verify_is_not_promoted(registry, model, other_model):
    registry.promote(registry.save(model))
    broken = registry.save(other_model)
    (folder(registry, broken) / "weights.sealed").write_bytes(b"PK")
    with pytest.raises(IntegrityError):
        registry.promote(broken)
    assert registry.champion() == model.version


@pytest.mark.parametrize("content", ["", "[]", "{}", "null", '{"champion": "../x"}', '{"champion": 3}'])
def test_a_broken_pointer_is_refused(registry, model, content):
    registry.promote(registry.save(model))
    (Path(registry.folder.path) / "champion.json").write_text(content)
    with pytest.raises(IntegrityError, match="promote"):
        registry.champion()


def test_an_object_store_holds_models_too(registry, model):
    remote = ModelRegistry(UPath(f"memory://{uuid4().hex}") / "models", registry.envelope)
    remote.promote(remote.save(model))
    assert remote.versions() == (model.version,)
    assert remote.load(remote.champion()).score(ROWS).tobytes() == model.score(ROWS).tobytes()


def test_nothing_stored_yet(registry):
    assert registry.versions() == ()
