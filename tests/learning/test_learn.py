"""Nights that teach the champion: again the same, taken back, and never from what was taken back."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from include.errors import IntegrityError, MissingStateError, SettingsError
from include.lake import Lake
from include.learning import learn, model_of, rollback_learning, updates
from include.learning.canary import CANARY
from include.learning.learn import gathered_rows
from include.learning.refresh import REFRESH_BASELINE
from include.learning.updates import UpdateLog
from include.models.model import MOST_MOVED
from include.registry import ModelRegistry
from tests.learning.conftest import FIRST
from tests.registry.conftest import FEATURES, RAW_ROWS, small_model


@pytest.fixture(autouse=True)
def nightly(monkeypatch):
    """Every night is due for a refresh, unless a test says otherwise."""
    monkeypatch.setattr("include.learning.refresh.REFRESH_NIGHTS", 1)


MORE = RAW_ROWS.copy()
MORE[:, 0] *= 1.2
"""Nights on which amounts are somewhat higher."""


def test_a_night_teaches_and_the_next_ones_use_it(lake_uri, settings, model, publish):
    update = learn(lake_uri, publish(0, MORE))
    registry = ModelRegistry.open(lake_uri, settings)
    assert update["accepted"], update["why"]
    assert update["base"] == model.version
    assert model_of(registry, model, FIRST).version == model.version
    taught = model_of(registry, model, FIRST + timedelta(days=1))
    assert taught.version == update["version"]
    assert taught.training.last_night == FIRST
    assert 0 < update["figures"]["moved"] < update["figures"]["largest_move"] <= MOST_MOVED + 1e-9
    assert updates(lake_uri) == [update]


@pytest.mark.parametrize("nights", [1, 3])
def test_nights_between_refreshes_are_kept_for_the_next_one(lake_uri, publish, monkeypatch, nights):
    monkeypatch.setattr("include.learning.refresh.REFRESH_NIGHTS", nights + 1)
    told = [learn(lake_uri, publish(number, MORE)) for number in range(nights + 1)]
    due = FIRST + timedelta(days=nights)
    for update in told[:-1]:
        assert (update["accepted"], update["version"], update["figures"]) == (False, None, {})
        assert update["why"] == f"400 of its postings are kept for the refresh of {due}"
    assert told[-1]["accepted"]
    assert told[-1]["figures"]["nights"] == nights + 1


def test_a_refresh_that_was_dropped_is_not_tried_again_before_it_is_due(lake_uri, publish, monkeypatch):
    monkeypatch.setattr("include.learning.refresh.REFRESH_NIGHTS", 2)
    monkeypatch.setattr("include.learning.canary.MOST_ALARMS_MORE", -1.0)
    told = [learn(lake_uri, publish(number, MORE)) for number in range(3)]
    assert [bool(update["figures"]) for update in told] == [False, True, False]


def test_a_refreshed_model_is_restored_bit_for_bit(lake_uri, settings, model, publish):
    version = learn(lake_uri, publish(0, MORE))["version"]
    registry = ModelRegistry.open(lake_uri, settings)
    loaded = registry.load(version)
    assert registry.versions() == (model.version,)
    assert registry.load(registry.save(loaded)).score(RAW_ROWS).tobytes() == loaded.score(RAW_ROWS).tobytes()
    assert loaded.values(FEATURES).tobytes() == model.values(FEATURES).tobytes()
    assert loaded.score(RAW_ROWS).tolist() != model.score(RAW_ROWS).tolist()


def test_learning_a_night_again_gives_the_same_version(lake_uri, publish):
    nights = [publish(number, MORE) for number in range(3)]
    first = [learn(lake_uri, night) for night in nights]
    assert [learn(lake_uri, night) for night in nights] == first
    assert updates(lake_uri) == first[::-1]
    assert len({update["version"] for update in first}) == 3


def test_what_was_taken_back_is_not_used_and_teaches_no_more(lake_uri, settings, model, publish):
    nights = [publish(number, MORE) for number in range(4)]
    first = [learn(lake_uri, night) for night in nights[:3]]
    told = rollback_learning(lake_uri, night=nights[1], by="an analyst", why="a flood of odd transfers")
    assert told == {
        "base": model.version,
        "rolled_back": [str(nights[1]), str(nights[2])],
        "in_force": first[0]["version"],
    }
    assert [update["rolled_back_by"] for update in updates(lake_uri)] == ["an analyst", "an analyst", ""]
    assert learn(lake_uri, nights[2])["rolled_back_why"] == "a flood of odd transfers"
    registry = ModelRegistry.open(lake_uri, settings)
    untaught = UpdateLog.read(registry, model.version).nights_taken_back()
    rows = gathered_rows(Lake.open(lake_uri), model, nights[3], untaught, 365)
    assert set(rows["settlement_date"].to_pylist()) == {nights[0], nights[3]}
    assert learn(lake_uri, nights[3])["figures"]["nights"] == 2


def test_a_rollback_waits_for_whoever_learns_and_is_not_undone_by_him(lake_uri, settings, model, publish, monkeypatch):
    night = publish(0, MORE)
    learn(lake_uri, night)
    registry, asked = ModelRegistry.open(lake_uri, settings), threading.Event()

    def taken_back() -> None:
        asked.set()
        rollback_learning(lake_uri, night=night, by="an analyst", why="odd")

    other = threading.Thread(target=taken_back)
    write = UpdateLog.write

    def written_late(log: UpdateLog, registry: ModelRegistry) -> None:
        if not asked.is_set():
            other.start()
            asked.wait(10)
            other.join(0.2)
        write(log, registry)

    monkeypatch.setattr(UpdateLog, "write", written_late)
    learn(lake_uri, publish(1, MORE))
    other.join(10)
    assert [update["rolled_back_by"] for update in updates(lake_uri)] == ["an analyst", "an analyst"]
    assert model_of(registry, model, date.max).version == model.version


def test_with_a_refresh_goes_every_night_it_was_the_first_to_learn_from(lake_uri, model, publish, monkeypatch):
    monkeypatch.setattr("include.learning.refresh.REFRESH_NIGHTS", 2)
    nights = [publish(number, MORE) for number in range(5)]
    first = [learn(lake_uri, night) for night in nights]
    assert [update["fate"] for update in first] == ["kept for the next refresh", "accepted"] * 2 + [first[0]["fate"]]
    told = rollback_learning(lake_uri, night=nights[3], by="an analyst", why="odd")
    assert told["rolled_back"] == [str(night) for night in nights[2:]]
    assert told["in_force"] == first[1]["version"]
    assert rollback_learning(lake_uri, night=nights[1], by="an analyst", why="odd")["in_force"] == model.version


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"by": " ", "why": "odd"}, "names who decided it and why"),
        ({"by": "an analyst", "why": ""}, "names who decided it and why"),
        ({"by": "an analyst", "why": "odd", "night": date(1999, 1, 1)}, "has no update of the night 1999-01-01"),
    ],
)
def test_a_rollback_needs_a_name_a_reason_and_a_night_that_taught(lake_uri, publish, named, message):
    learn(lake_uri, publish(0, MORE))
    with pytest.raises(SettingsError, match=message):
        rollback_learning(lake_uri, **{"night": FIRST, **named})


def test_a_dropped_update_is_logged_and_not_used(lake_uri, settings, model, publish, monkeypatch):
    monkeypatch.setattr("include.learning.canary.MOST_ALARMS_MORE", -1.0)
    update = learn(lake_uri, publish(0, MORE))
    assert not update["accepted"]
    assert "false alarms" in update["why"]
    registry = ModelRegistry.open(lake_uri, settings)
    assert model_of(registry, model, date.max).version == model.version
    assert updates(lake_uri) == [update]


def test_a_changed_log_is_refused(lake_uri, model, publish):
    night = publish(0, MORE)
    learn(lake_uri, night)
    path = Path(lake_uri.removeprefix("file:")) / "models" / model.version / "updates.sealed"
    changed = bytearray(path.read_bytes())
    changed[-20] ^= 1
    path.write_bytes(bytes(changed))
    for act in (updates, lambda uri: learn(uri, night)):
        with pytest.raises(IntegrityError):
            act(lake_uri)


def test_a_changed_update_is_refused(lake_uri, settings, publish):
    version = learn(lake_uri, publish(0, MORE))["version"]
    path = Path(lake_uri.removeprefix("file:")) / "models" / version / "refresh.sealed"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IntegrityError):
        ModelRegistry.open(lake_uri, settings).load(version)


def test_a_night_that_is_not_published_teaches_nothing(lake_uri):
    with pytest.raises(MissingStateError, match="1994-01-02 is not published"):
        learn(lake_uri, FIRST)


def test_a_night_the_champion_was_trained_on_teaches_nothing(lake_uri, publish):
    update = learn(lake_uri, publish(-1, MORE))
    assert not update["accepted"]
    assert "knows the night already" in update["why"]


def test_a_champion_without_a_canary_set_learns_nothing(lake_uri, model, publish):
    (Path(lake_uri.removeprefix("file:")) / "models" / model.version / "canary.sealed").unlink()
    update = learn(lake_uri, publish(0, MORE))
    assert not update["accepted"]
    assert "without a canary set" in update["why"]


def test_a_night_another_model_scored_teaches_nothing(lake_uri, settings, publish, other_model):
    registry = ModelRegistry.open(lake_uri, settings)
    registry.promote(registry.save(other_model))
    for part in (CANARY, REFRESH_BASELINE):
        registry.keep(other_model.version, part, registry.kept(small_model(1).version, part))
    update = learn(lake_uri, publish(0, MORE))
    assert (update["accepted"], update["base"]) == (False, other_model.version)
    assert update["why"].startswith("nothing of 1994-01-02 teaches")


def test_without_a_champion_nothing_learns(lake_uri, settings, publish):
    night = publish(0, MORE)
    for pointer in ("champion.sealed", "champion.json"):
        (Path(lake_uri.removeprefix("file:")) / "models" / pointer).unlink()
    # Nothing beside the key says either that the lake had a champion.
    for anchor in settings.key_file.parent.glob("*.anchor"):
        anchor.unlink()
    assert learn(lake_uri, night)["why"] == "there is no champion that could learn"
    assert updates(lake_uri) == []
    with pytest.raises(MissingStateError, match="there is no champion"):
        rollback_learning(lake_uri, night=night, by="an analyst", why="odd")


def test_an_older_log_takes_no_rollback_of_learning_back(lake_uri, publish, model):
    nights = [publish(number, MORE) for number in range(8)]
    for night in nights:
        learn(lake_uri, night)
    log = Path(lake_uri.removeprefix("file:")) / "models" / model.version / "updates.sealed"
    before = log.read_bytes()
    rollback_learning(lake_uri, night=nights[-1], by="an analyst", why="poisoned")
    log.write_bytes(before)
    for look in (lambda: updates(lake_uri), lambda: learn(lake_uri, nights[-1])):
        with pytest.raises(IntegrityError, match="cannot be trusted"):
            look()


def test_rows_of_another_model_do_not_teach(lake_uri, model, publish):
    other = replace(model, threshold=0.5)
    assert gathered_rows(Lake.open(lake_uri), other, publish(0, MORE), set(), 365).num_rows == 0
