"""A model comes back bit for bit, or not at all."""

from __future__ import annotations

import json
import pickle
import shutil
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import skops.io

from include.errors import IntegrityError, SettingsError
from include.registry import ModelRegistry
from include.registry import models as registry_module
from include.settings import Settings
from tests.registry.conftest import FEATURES, RAW_ROWS, small_model

PARTS = ("card", "weights", "tensors")


def folder(registry: ModelRegistry, version: str) -> Path:
    return Path(registry.folder.path) / version


def test_scores_after_loading_are_the_same_bit_for_bit(registry, model):
    loaded = registry.load(registry.save(model))
    assert loaded.values(FEATURES).tobytes() == model.values(FEATURES).tobytes()
    assert loaded.score(RAW_ROWS).tobytes() == model.score(RAW_ROWS).tobytes()
    own = model.detector_scores(RAW_ROWS)
    assert {name: scores.tobytes() for name, scores in loaded.detector_scores(RAW_ROWS).items()} == {
        name: scores.tobytes() for name, scores in own.items()
    }
    assert set(own) == {"isolation_forest", "local_outlier_factor", "contrast", "lstm"}
    assert loaded.version == model.version
    assert loaded.card() == model.card()
    assert loaded.typical_score == model.typical_score
    assert loaded.training == model.training


def test_a_model_older_than_a_months_rows_keeps_its_name(registry, model):
    older = replace(model, training=replace(model.training, month_rows=0))
    assert "month_rows" not in older.card()["training"]
    assert registry.load(registry.save(older)).training == older.training


def test_the_name_follows_from_the_content(model):
    assert replace(model).version == model.version
    assert small_model(2).version != model.version
    assert replace(model, threshold=0.5).version != model.version
    assert model.version.startswith("ensemble-")


def test_saving_twice_is_saving_once(registry, model):
    assert registry.save(model) == registry.save(model)
    assert registry.versions() == (model.version,)


def test_no_draft_is_left_behind(registry, model):
    version = registry.save(model)
    assert sorted(path.name for path in folder(registry, version).iterdir()) == [
        "card.json",
        "card.sealed",
        "tensors.sealed",
        "weights.sealed",
    ]


def test_the_card_is_for_people_only(registry, model):
    version = registry.save(model)
    card = folder(registry, version) / "card.json"
    assert json.loads(card.read_text())["training"]["budget"] == 0.02
    card.write_text(json.dumps({**json.loads(card.read_text()), "threshold": 0.99}))
    assert registry.load(version).threshold == model.threshold


@pytest.mark.parametrize("part", PARTS)
def test_a_changed_byte_is_refused(registry, model, part):
    version = registry.save(model)
    path = folder(registry, version) / f"{part}.sealed"
    whole = path.read_bytes()
    for position in np.linspace(0, len(whole) - 1, 15).astype(int):
        changed = bytearray(whole)
        changed[position] ^= 1
        path.write_bytes(bytes(changed))
        with pytest.raises(IntegrityError):
            registry.load(version)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("length", [0, 10, -1])
def test_a_torn_file_is_refused(registry, model, part, length):
    version = registry.save(model)
    path = folder(registry, version) / f"{part}.sealed"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(IntegrityError):
        registry.load(version)


def test_another_models_bytes_under_this_name_are_refused(registry, model, other_model):
    version, other = registry.save(model), registry.save(other_model)
    shutil.rmtree(folder(registry, version))
    shutil.copytree(folder(registry, other), folder(registry, version))
    with pytest.raises(IntegrityError):
        registry.load(version)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_moved_from_another_version_is_refused(registry, model, other_model, part):
    version, other = registry.save(model), registry.save(other_model)
    shutil.copy(folder(registry, other) / f"{part}.sealed", folder(registry, version) / f"{part}.sealed")
    with pytest.raises(IntegrityError):
        registry.load(version)


@pytest.mark.parametrize(("part", "other"), list(permutations(PARTS, 2)))
def test_parts_cannot_change_places(registry, model, part, other):
    version = registry.save(model)
    (folder(registry, version) / f"{part}.sealed").write_bytes(
        (folder(registry, version) / f"{other}.sealed").read_bytes()
    )
    with pytest.raises(IntegrityError):
        registry.load(version)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_gone_is_named(registry, model, part):
    version = registry.save(model)
    (folder(registry, version) / f"{part}.sealed").unlink()
    with pytest.raises(SettingsError, match=f"no {part} of model"):
        registry.load(version)


def sealed_instead(registry: ModelRegistry, version: str, part: str, content: bytes) -> None:
    """What somebody with the key, but not this code, could leave."""
    context = registry_module._context(version, part)
    (folder(registry, version) / f"{part}.sealed").write_bytes(
        registry.records.envelope.seal(content, {**context, "lake": registry.records.lake})
    )


class Bomb:
    """Loaded by pickle, it ends the whole test run."""

    def __reduce__(self):
        return (pytest.exit, ("a pickle was loaded",))


@pytest.mark.parametrize("part", ["weights", "tensors"])
def test_a_pickle_is_refused_even_when_sealed(registry, model, part):
    version = registry.save(model)
    sealed_instead(registry, version, part, pickle.dumps(Bomb()))
    with pytest.raises(IntegrityError, match="nothing was loaded"):
        registry.load(version)


def test_a_card_that_is_none_is_refused_even_when_sealed(registry, model):
    version = registry.save(model)
    for content in (pickle.dumps(Bomb()), b"[]", b"{}", b'{"members": [{}]}'):
        sealed_instead(registry, version, "card", content)
        with pytest.raises(IntegrityError):
            registry.load(version)


def test_a_card_may_name_registered_detectors_only(registry, model):
    version = registry.save(model)
    sealed_instead(registry, version, "card", b'{"members": [{"detector": "os.system"}]}')
    with pytest.raises(SettingsError, match="there is no detector"):
        registry.load(version)


def test_types_off_the_pinned_list_are_refused_even_when_sealed(registry, model):
    version = registry.save(model)
    content = {"arrays": model.arrays(), "learned": {"path": Path("/etc")}}
    sealed_instead(registry, version, "weights", skops.io.dumps(content))
    with pytest.raises(IntegrityError, match="UntrustedTypes"):
        registry.load(version)


def learned_of(model) -> dict:
    return {m.name: m.detector.learned() for m in model.members if m.detector is not model.sequence}


def test_learned_numbers_of_another_model_do_not_bear_the_name(registry, model):
    version = registry.save(model)
    arrays = {**model.arrays(), "medians": model.preparation.medians + 1}
    sealed_instead(registry, version, "weights", skops.io.dumps({"arrays": arrays, "learned": learned_of(model)}))
    with pytest.raises(IntegrityError, match="holds the content of"):
        registry.load(version)


@pytest.mark.parametrize("missing", ["learned", "arrays"])
def test_weights_without_what_the_card_names_are_refused(registry, model, missing):
    version = registry.save(model)
    content = {"arrays": model.arrays(), "learned": learned_of(model), missing: {}}
    sealed_instead(registry, version, "weights", skops.io.dumps(content))
    with pytest.raises(IntegrityError):
        registry.load(version)


def test_tensors_without_what_a_reader_needs_are_refused(registry, model):
    version = registry.save(model)
    sealed_instead(registry, version, "tensors", safetensors.numpy.save({"means": np.zeros(3, np.float32)}))
    with pytest.raises(IntegrityError):
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


_BACK = json.dumps({"version": "rarity-00000000000000bb", "is_rollback": True})
BROKEN_POINTERS = [
    *("", "[]", "{}", "null", '{"champion": "../x"}', '{"champion": 3}', '{"champion": "a-00", "history": {}}'),
    f'{{"champion": "rarity-00000000000000bb", "history": [{_BACK}]}}',
    f'{{"champion": {"[" * 100_000}',
]
SEALED_POINTER, PLAIN_POINTER = "champion.sealed", "champion.json"


def pointer(registry: ModelRegistry, name: str = SEALED_POINTER) -> Path:
    return Path(registry.folder.path) / name


@pytest.mark.parametrize("content", BROKEN_POINTERS)
def test_a_broken_pointer_is_refused(registry, model, content):
    registry.promote(registry.save(model))
    context = {"purpose": "champion", "lake": registry.records.lake, "counter": "1"}
    for broken in (content.encode(), registry.records.envelope.seal(content.encode(), context)):
        pointer(registry).write_bytes(broken)
        with pytest.raises(IntegrityError, match="promote"):
            registry.champion()


@pytest.mark.parametrize("content", [*BROKEN_POINTERS, '{"champion": "rarity-00000000000000bb"}'])
def test_the_copy_for_people_makes_no_champion(registry, model, content):
    registry.save(model)
    pointer(registry, PLAIN_POINTER).write_text(content)
    for asked in (registry.champion, registry.history, registry.approved, registry.roll_back):
        with pytest.raises(IntegrityError, match=r"champion\.sealed is gone.*include promote"):
            asked()


def test_the_plain_pointer_says_the_same_and_is_for_people_only(registry, model, other_model):
    champion, refused = registry.save(model), registry.save(other_model)
    registry.promote(champion, by="one", why="found more")
    told = json.loads(pointer(registry, PLAIN_POINTER).read_text())
    assert (told["champion"], told["history"][0]["by"], told["history"][0]["why"]) == (champion, "one", "found more")
    forged = {"champion": refused, "history": [{**told["history"][0], "version": refused, "by": "the head of fraud"}]}
    pointer(registry, PLAIN_POINTER).write_text(json.dumps(forged))
    assert registry.champion() == champion
    assert [(reign.version, reign.by) for reign in registry.history()] == [(champion, "one")]


def test_a_sealed_pointer_is_opened_with_its_own_key_only(registry, model, tmp_path):
    registry.promote(registry.save(model))
    stranger = ModelRegistry.open(f"file:{tmp_path / 'lake'}", Settings(key_file=tmp_path / "other" / "key"))
    with pytest.raises(IntegrityError, match="ADS_KEY_FILE"):
        stranger.champion()


def test_nothing_stored_yet(registry):
    assert registry.versions() == ()
    assert registry.history() == ()


def test_promoting_the_champion_again_changes_nothing(registry, model):
    version = registry.save(model)
    registry.promote(version, by="one", why="first")
    registry.promote(version, by="another", why="again")
    assert [(reign.version, reign.by) for reign in registry.history()] == [(version, "one")]


def test_a_broken_pointer_is_kept_beside_the_new_one(registry, model):
    version = registry.save(model)
    registry.promote(version)
    pointer(registry).write_text("torn")
    registry.promote(version)
    assert registry.champion() == version
    assert pointer(registry, "champion.broken.sealed").read_text() == "torn"


def test_only_whom_it_was_compared_with_is_deposed(registry, model, other_model):
    first, second = registry.save(model), registry.save(other_model)
    with pytest.raises(SettingsError, match=r"by now the champion is nobody.*run the selection again"):
        registry.promote(first, champion=second)
    assert registry.promote(first, champion=None) is None
    with pytest.raises(SettingsError, match=f"follow no champion, but by now the champion is {first}"):
        registry.promote(second, champion=None)
    assert registry.champion() == first
    assert registry.promote(second, champion=first) == first
    # Tried again after it was done, it is done.
    assert registry.promote(second, champion=first) == second
    assert len(registry.history()) == 2


def test_what_was_rolled_back_is_not_among_the_approved(registry, model, other_model):
    for candidate in (model, other_model):
        registry.promote(registry.save(candidate))
    assert registry.approved() == (model.version, other_model.version)
    registry.roll_back()
    assert registry.approved() == (model.version,)


def test_the_last_night_is_read_from_the_card_alone(registry, model):
    version = registry.save(model)
    (folder(registry, version) / "weights.sealed").write_bytes(b"PK")
    assert registry.last_night(version) == model.training.last_night
    sealed_instead(registry, version, "card", b"[]")
    with pytest.raises(IntegrityError, match="no last night"):
        registry.last_night(version)


def test_what_does_not_verify_is_not_gone_back_to(registry, model, other_model):
    for candidate in (model, other_model):
        registry.promote(registry.save(candidate))
    (folder(registry, model.version) / "weights.sealed").write_bytes(b"PK")
    with pytest.raises(IntegrityError):
        registry.roll_back()
    assert registry.champion() == other_model.version
