"""Who is champion is believed of the newest pointer of this lake alone, whatever somebody without the key writes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from include.errors import IntegrityError, SettingsError
from include.registry import ModelRegistry
from include.registry import models as registry_module
from include.registry.models import UPDATES
from include.security.anchors import Anchors
from include.security.envelope import Envelope
from include.settings import Settings
from tests.registry.conftest import RAW_ROWS

POINTER, COPY = "champion.sealed", "champion.json"


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def opened(lake: Path, settings: Settings) -> Callable[[], ModelRegistry]:
    """Opens the registry as the next process does."""
    return lambda: ModelRegistry.open(f"file:{lake}", settings)


@pytest.fixture
def promoted(opened, model, other_model) -> ModelRegistry:
    """A registry in which the second model followed the first."""
    registry = opened()
    for candidate in (model, other_model):
        registry.promote(registry.save(candidate), by="ada", why="found more")
    return registry


def pointer_of(lake: Path) -> Path:
    return lake / "models" / POINTER


def test_a_hand_written_copy_takes_no_removed_pointers_place(promoted, lake, opened, model):
    pointer_of(lake).unlink()
    (lake / "models" / COPY).write_text(json.dumps({"champion": model.version}))
    for registry in (promoted, opened()):
        with pytest.raises(IntegrityError, match=r"champion\.sealed is gone.*Restore.*include promote"):
            registry.champion()
    with pytest.raises(IntegrityError):
        opened().promote(model.version, by="mallory", why="it was found", champion=None)
    assert not pointer_of(lake).exists()


@pytest.mark.parametrize("asked", ["champion", "history", "approved", "roll_back"])
def test_an_older_pointer_undoes_no_rollback(promoted, lake, opened, model, asked):
    before = pointer_of(lake).read_bytes()
    promoted.roll_back(by="the head of fraud", why="too many alerts")
    pointer_of(lake).write_bytes(before)
    with pytest.raises(IntegrityError, match="is version 2, and the newest is version 3: an older file lies there"):
        getattr(opened(), asked)()


def test_a_pointer_and_models_of_another_lake_open_nothing_here(promoted, tmp_path, lake, settings, model):
    other = ModelRegistry.open(f"file:{tmp_path / 'other'}", settings)
    (other.folder / "x").parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(lake / "models", Path(other.folder.path), dirs_exist_ok=True)
    with pytest.raises(IntegrityError, match="who is champion cannot be trusted"):
        other.champion()
    with pytest.raises(IntegrityError):
        other.load(model.version)
    with pytest.raises(IntegrityError):
        other.kept(model.version, "card")


def test_a_whole_lake_in_anothers_place_is_refused(promoted, tmp_path, lake, settings):
    other = tmp_path / "other"
    ModelRegistry.open(f"file:{other}", settings)
    shutil.rmtree(other)
    shutil.copytree(lake, other)
    with pytest.raises(IntegrityError, match="files of another lake were put in its place"):
        ModelRegistry.open(f"file:{other}", settings)


def test_a_lake_whose_identity_was_wiped_out_still_had_a_champion(promoted, lake, opened):
    for gone in (pointer_of(lake), lake / "lake.id", lake / "catalog.db"):
        gone.unlink()
    with pytest.raises(IntegrityError, match="is gone"):
        opened().champion()


def test_another_identity_written_by_hand_is_refused(promoted, lake, opened):
    (lake / "lake.id").write_text("0" * 32)
    with pytest.raises(IntegrityError, match="another lake"):
        opened()


@pytest.mark.parametrize("content", ["", "no identity", "0" * 10_000, "\xff"])
def test_a_damaged_identity_says_what_to_do(promoted, lake, opened, content):
    (lake / "lake.id").write_text(content)
    with pytest.raises(IntegrityError, match="restore it, or remove it"):
        opened()
    (lake / "lake.id").unlink()
    assert opened().champion() == promoted.champion()


@pytest.mark.parametrize("gone", [["models", "lake.id", "catalog.db"], []])
def test_a_lake_that_was_emptied_begins_anew_only_on_purpose(promoted, lake, opened, settings, gone):
    (lake / "alerts").mkdir()
    for path in [lake / name for name in gone] or [lake]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for _ in range(2):
        with pytest.raises(IntegrityError, match=r"nothing of it is there now.*on purpose, remove .*place"):
            opened()
    for place in settings.key_file.parent.glob("*.place"):
        place.unlink()
    assert opened().champion() is None


def test_another_lakes_catalog_is_not_taken_for_this_ones(promoted, tmp_path, lake, settings, opened):
    other = ModelRegistry.open(f"file:{tmp_path / 'other'}", settings)
    (lake / "lake.id").unlink()
    shutil.copy(tmp_path / "other" / "catalog.db", lake / "catalog.db")
    for _ in range(2):
        with pytest.raises(IntegrityError, match=f"now says {other.records.lake}"):
            opened()


def test_a_moved_lake_keeps_its_champion(promoted, lake, settings):
    history = promoted.history()
    lake.rename(lake.with_name("moved"))
    assert ModelRegistry.open(f"file:{lake.with_name('moved')}", settings).history() == history


def test_a_process_that_ends_before_it_remembers_the_counter_loses_nothing(promoted, opened, model, monkeypatch):
    def end(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Anchors, "advance", end)
        with pytest.raises(KeyboardInterrupt):
            promoted.roll_back(by="ada", why="too many alerts")
    assert opened().champion() == model.version
    anchors = promoted.records.anchors
    assert anchors.counter(promoted.records.lake, "champion") == 3


def test_the_deliberate_command_mends_a_pointer_that_is_gone_and_what_was_there_stays_refused(
    promoted, lake, opened, model
):
    old = pointer_of(lake).read_bytes()
    pointer_of(lake).unlink()
    opened().promote(model.version, by="ada", why="the pointer was removed")
    assert [reign.by for reign in opened().history()] == ["ada"]
    pointer_of(lake).write_bytes(old)
    with pytest.raises(IntegrityError, match="older file"):
        opened().champion()


@pytest.mark.parametrize("what", ["folder", "pipe", "device"])
@pytest.mark.parametrize("part", ["card", "weights", UPDATES])
def test_what_is_no_file_in_a_parts_place_is_said(promoted, lake, model, part, what):
    if part == UPDATES:
        promoted.keep(model.version, UPDATES, b"[]")
    path = lake / "models" / model.version / f"{part}.sealed"
    path.unlink()
    {"folder": Path.mkdir, "pipe": os.mkfifo, "device": lambda p: p.symlink_to("/dev/zero")}[what](path)
    with pytest.raises(IntegrityError, match="no regular file"):
        promoted.kept(model.version, part)


def test_a_log_of_what_was_learned_is_newest_or_refused(promoted, lake, opened, model):
    path = lake / "models" / model.version / f"{UPDATES}.sealed"
    assert promoted.kept(model.version, UPDATES) is None
    promoted.keep(model.version, UPDATES, b"[1]")
    older = path.read_bytes()
    promoted.keep(model.version, UPDATES, b"[2]")
    assert opened().kept(model.version, UPDATES) == b"[2]"
    path.write_bytes(older)
    with pytest.raises(IntegrityError, match=r"what .* learned cannot be trusted.*older file"):
        opened().kept(model.version, UPDATES)
    path.unlink()
    with pytest.raises(IntegrityError, match="is gone"):
        opened().kept(model.version, UPDATES)


def test_a_counter_never_goes_back(settings):
    anchors = Anchors.open(settings)
    for count in (3, 2):
        anchors.advance("0" * 32, {"champion": count, f"only with {count}": count})
    assert anchors.counters("0" * 32) == {"champion": 3, "only with 3": 3, "only with 2": 2}


def test_a_history_of_before_runs_and_answers_were_named_is_gone_back_in(promoted, opened, model, other_model):
    reigns = [{"version": each.version, "since": "", "by": "ada", "why": ""} for each in (model, other_model)]
    content = json.dumps({"champion": other_model.version, "history": reigns}).encode()
    promoted.records.write_counted(promoted.folder / POINTER, content, {"purpose": "champion"}, "champion")
    assert opened().roll_back(by="ada", why="too many alerts", run="champion_rollback/1") == model.version
    assert [reign.run for reign in opened().history()] == ["champion_rollback/1", "", ""]


@pytest.fixture
def as_before(lake, settings, opened, model, other_model) -> ModelRegistry:
    """A lake as it was sealed before files named their lake: two models, a champion, a log of updates."""
    registry = opened()
    for candidate in (model, other_model):
        registry.promote(registry.save(candidate), by="ada", why="found more")
    registry.keep(model.version, UPDATES, b"[]")
    plain = Envelope.open(settings)
    for path in registry.folder.glob("*/*.sealed"):
        version, part = path.parent.name, path.name.removesuffix(".sealed")
        context = registry_module._context(version, part)
        path.write_bytes(plain.seal(registry.kept(version, part) or b"", context))
    told = (lake / "models" / COPY).read_bytes()
    pointer_of(lake).write_bytes(plain.seal(told, {"purpose": "champion"}))
    for file in (lake / "lake.id", lake / "catalog.db", *settings.key_file.parent.glob("*.anchor")):
        file.unlink()
    for file in settings.key_file.parent.glob("*.place"):
        file.unlink()
    return registry


def test_a_lake_of_before_is_taken_over_once(as_before, opened, lake, model, other_model):
    registry = opened()
    assert [reign.version for reign in registry.history()] == [other_model.version, model.version]
    assert registry.load(model.version).score(RAW_ROWS).tobytes() == model.score(RAW_ROWS).tobytes()
    assert registry.kept(model.version, UPDATES) == b"[]"
    assert registry.versions() == tuple(sorted((model.version, other_model.version)))


def test_the_old_form_opens_nothing_from_then_on(as_before, opened, lake, model):
    kept = {path: path.read_bytes() for path in (lake / "models").rglob("*.sealed")}
    opened().champion()
    for path, content in kept.items():
        path.write_bytes(content)
    registry = opened()
    with pytest.raises(IntegrityError, match="cannot be trusted"):
        registry.champion()
    with pytest.raises(IntegrityError):
        registry.load(model.version)
    with pytest.raises(IntegrityError):
        registry.kept(model.version, UPDATES)


def test_a_lake_of_before_that_lost_its_pointer_makes_no_champion_of_the_copy(as_before, opened, lake):
    pointer_of(lake).unlink()
    with pytest.raises(IntegrityError, match="for people and no evidence"):
        opened().champion()


def test_a_takeover_that_was_ended_is_taken_up_again(as_before, opened, monkeypatch, other_model):
    with monkeypatch.context() as patch:
        patch.setattr(Anchors, "advance", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            opened()
    assert opened().champion() == other_model.version


def test_what_is_kept_beside_the_key_is_private_and_does_not_open_when_altered(promoted, settings, opened):
    files = [path for path in settings.key_file.parent.iterdir() if path.suffix in (".anchor", ".place")]
    assert len(files) == 2
    for path in files:
        assert path.stat().st_mode & 0o777 == 0o600
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(IntegrityError, match="restore it from the backup"):
            opened().champion()
        path.write_bytes(whole)
    assert opened().champion()


def test_a_key_folder_that_takes_nothing_says_so(settings, monkeypatch, opened):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    Envelope.open(settings)  # the key itself was made before the disk was full
    monkeypatch.setattr("include.whole_file.tempfile", SimpleNamespace(mkstemp=full))
    with pytest.raises(SettingsError, match=r"cannot be read or written: No space left.*ADS_KEY_FILE"):
        opened()
