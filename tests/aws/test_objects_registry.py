"""Models, champions, logs and reviews of a lake in S3: what holds in a folder holds there, in races too."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, date, datetime
from itertools import pairwise

import pytest

from include.errors import IntegrityError, LockLostError, ObjectConflictError, SettingsError
from include.lake import Lake
from include.lake.commit import metadata_commit
from include.lake.night_lock import one_night_at_a_time, one_upkeep_at_a_time
from include.maintenance import storage
from include.masking.keys import NameKeyStore
from include.paths import names_in
from include.registry import ModelRegistry
from include.registry.models import UPDATES, ChampionRecord
from include.reviews import drop
from include.reviews.drop import drop_reviews, files_in, inbox_of, put_away, read_inbox, read_kept, taken_of
from include.reviews.gathering import gather
from include.security import locks, object_lock
from include.security.envelope import Envelope
from include.selection.decisions import Decisions
from include.selection.evidence_store import selections, summary_file, write_pack
from include.settings import Settings, get_settings
from include.whole_file import read_whole, write_whole
from tests.aws.conftest import make_bucket
from tests.lake.nights import night_number, publish_night, seen, stamp_of, whole, write_night
from tests.registry.conftest import RAW_ROWS, small_model

NOON = datetime(2024, 3, 3, 12, tzinfo=UTC)
SEEDS = range(1, 5)


@pytest.fixture(scope="module")
def settings(aws_module, tmp_path_factory) -> Iterator[Settings]:
    """A lake in S3 whose catalog is a SQLite file."""
    place = tmp_path_factory.mktemp("place")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADS_KEY_FILE", str(place / "keys" / "lake.key"))
        patch.setenv("ADS_CATALOG_URI", f"sqlite:///{place / 'catalog.db'}?timeout=60")
        get_settings.cache_clear()
        yield get_settings()
    get_settings.cache_clear()


@pytest.fixture(scope="module")
def lake_uri(settings) -> str:
    uri = f"s3://{make_bucket('registry')}/lake"
    registry = ModelRegistry.open(uri, settings)
    for seed in SEEDS:
        registry.save(small_model(seed))
    return uri


@pytest.fixture
def registry(lake_uri, settings):
    """The registry, with no champion yet."""
    opened = ModelRegistry.open(lake_uri, settings)
    opened.folder.fs.rm(f"{opened.folder.path}/champion.json")
    opened.folder.fs.rm(f"{opened.folder.path}/champion.sealed")
    anchors = opened.records.anchors
    anchors.anchor_file(opened.records.lake).unlink(missing_ok=True)
    opened.records.know([])
    return opened


OLD, NEW = (small_model(seed).version for seed in (1, 2))


def test_models_come_back_and_champions_go_back(registry):
    assert registry.versions() == tuple(sorted(small_model(seed).version for seed in SEEDS))
    registry.promote(OLD, by="one", why="first")
    registry.promote(NEW, by="two", why="better", champion=OLD)
    assert registry.load(registry.champion()).score(RAW_ROWS).tobytes() == small_model(2).score(RAW_ROWS).tobytes()
    assert registry.roll_back(by="one", why="worse") == OLD
    assert [(reign.version, reign.by) for reign in registry.history()] == [(OLD, "one"), (NEW, "two"), (OLD, "one")]
    registry.keep(OLD, UPDATES, b"[]")
    registry.keep(OLD, UPDATES, b"[1]")
    assert registry.kept(OLD, UPDATES) == b"[1]"
    assert registry.kept(OLD, "nothing") is None
    assert [name for name in names_in(registry.folder) if name.endswith(".lock")] == []


def test_an_older_pointer_that_is_put_back_is_refused(registry):
    registry.promote(OLD)
    pointer = registry.folder / "champion.sealed"
    older = pointer.read_bytes()
    registry.promote(NEW)
    write_whole(pointer, older)
    with pytest.raises(IntegrityError, match="older file lies there"):
        registry.champion()
    pointer.unlink()
    with pytest.raises(IntegrityError, match="is gone"):
        registry.champion()


def promoted(lake_uri, seed):
    """Who became champion where there was none, or why not."""
    registry = ModelRegistry.open(lake_uri, get_settings())
    try:
        registry.promote(small_model(seed).version, by=str(seed), why="a race", champion=None)
    except (SettingsError, ObjectConflictError) as error:
        return error
    return str(seed)


def test_of_those_who_promote_at_once_one_wins(registry, lake_uri):
    with ThreadPoolExecutor(len(SEEDS)) as pool:
        found = list(pool.map(lambda seed: promoted(lake_uri, seed), SEEDS))
    (winner,) = (each for each in found if isinstance(each, str))
    assert [reign.by for reign in registry.history()] == [winner]
    assert all("by now the champion is" in str(each) for each in found if each is not winner)


def test_without_the_lock_the_write_itself_lets_one_win(registry, lake_uri, monkeypatch):
    monkeypatch.setattr(locks, "held", lambda *_, **__: nullcontext())
    with ThreadPoolExecutor(len(SEEDS)) as pool:
        found = list(pool.map(lambda seed: promoted(lake_uri, seed), SEEDS))
    (winner,) = (each for each in found if isinstance(each, str))
    assert [reign.by for reign in registry.history()] == [winner]


def test_a_pointer_written_since_it_was_read_is_not_written_over(registry, lake_uri, settings):
    other = ModelRegistry.open(lake_uri, settings)
    records = registry._records_of_champions()
    other.promote(OLD)
    with pytest.raises(ObjectConflictError):
        registry._write_champion_records((*records, ChampionRecord(NEW)))
    assert registry.champion() == OLD


_PROMOTING = """
    import sys
    from include.registry import ModelRegistry
    from include.settings import get_settings
    registry = ModelRegistry.open(sys.argv[1], get_settings())
    for turn in range(3):
        for version in sys.argv[2:]:
            registry.promote(version, by=f"{sys.argv[2]}", why="a race")
"""


@pytest.mark.long
def test_eight_processes_lose_no_promotion(registry, lake_uri):
    versions = [small_model(seed).version for seed in SEEDS]
    program = textwrap.dedent(_PROMOTING)
    started = [
        subprocess.Popen([sys.executable, "-c", program, lake_uri, *versions[number % 4 :], *versions[: number % 4]])
        for number in range(8)
    ]
    assert [process.wait(600) for process in started] == [0] * 8
    history = registry.history()
    assert all(one.version != other.version for one, other in pairwise(history))
    # Promoting the champion again writes nothing; of 96 promotions few meet it.
    assert 50 < len(history) <= 96
    assert registry.records.anchors.counter(registry.records.lake, "champion") == len(history)


def test_of_those_who_make_the_keys_at_once_all_have_the_same(settings):
    uri = f"s3://{make_bucket('keys')}/lake"
    ModelRegistry.open(uri, settings.model_copy(update={"namespace": "keys"}))
    own = settings.model_copy(update={"namespace": "keys"})
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: NameKeyStore.open(uri, own).get(has_nights=False), range(4)))
    assert len({keys.finding for keys in made}) == 1


def test_what_a_run_decided_is_kept(lake_uri, settings):
    decisions = Decisions(lake_uri, "model_selection", "run")
    first = decisions.keep_found({"winner": OLD})
    assert decisions.found() == first
    second = decisions.keep_found({"winner": NEW})
    assert Decisions(lake_uri, "model_selection", "run").found() == second


def test_packs_of_evidence_are_listed(lake_uri):
    for name, at in (("first", "2024-01-01"), ("second", "2024-01-02")):
        write_pack(lake_uri, name, {"report.md": b"text", **summary_file({"made_at": at})})
    write_pack(lake_uri, "torn", {"report.md": b"text"})
    assert [found["made_at"] for found in selections(lake_uri)] == ["2024-01-02", "2024-01-01"]


def stopped_for_two_minutes(patch):
    """Let the clock that leases are counted by jump, as after a machine's sleep."""
    real = object_lock._clock
    patch.setattr(object_lock, "_clock", lambda: real() + 120)


def test_a_night_whose_lock_was_lost_is_not_published(lake_uri, settings, monkeypatch):
    lake, night = Lake.open(lake_uri, settings), night_number(0)
    with one_night_at_a_time(lake_uri, night, print):
        write_night(lake, stamp_of("a", night))
        with monkeypatch.context() as patch, pytest.raises(LockLostError, match="was lost"):
            stopped_for_two_minutes(patch)
            publish_night(lake, stamp_of("a", night))
        assert lake.published(night) is None
        publish_night(lake, stamp_of("a", night))
    assert seen(lake, night) == whole("a")


def test_an_upkeep_whose_lock_was_lost_removes_nothing(lake_uri, settings, monkeypatch):
    lake = Lake.open(lake_uri, settings)
    publish_night(lake, stamp_of("b", night_number(1)))
    table = lake.catalog.load("fin_transaction")
    there = storage.stored_files(table)
    with one_upkeep_at_a_time(lake_uri, "this test", print), monkeypatch.context() as patch:
        stopped_for_two_minutes(patch)
        with pytest.raises(LockLostError):
            storage.remove(table, there)
        with pytest.raises(LockLostError):
            metadata_commit(lake.catalog, "fin_transaction", lambda *_: pytest.fail("it was staged"))
    assert storage.stored_files(table) == there


def review(number):
    return {"trans_id": number, "decision": "unsure", "who": "x", "decided_at": NOON, "known_at": NOON}


@pytest.fixture
def inbox(lake_uri, request):
    return inbox_of(f"{lake_uri}-{request.node.name}")


def test_reviews_are_dropped_gathered_read_and_put_away_sealed(inbox, settings):
    assert read_inbox(inbox) == ([], [])
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: drop_reviews(inbox, [review(number)]), range(4)))
    gather(inbox, date(2024, 3, 3))
    (file,), notes = read_inbox(inbox)
    assert notes == []
    assert sorted(file.rows["trans_id"].to_pylist()) == [0, 1, 2, 3]
    envelope = Envelope.open(settings)
    data = file.path.read_bytes()
    assert put_away([(str(file.path), str(file.kept_as))], envelope) == []
    assert files_in(inbox) == []
    assert read_kept(file.kept_as, envelope) == data
    assert names_in(taken_of(inbox)) == [file.kept_as.name]


def test_a_file_that_is_written_anew_while_it_is_put_away_stays(inbox, settings, monkeypatch):
    drop_reviews(inbox, [review(1)])
    (file,), _ = read_inbox(inbox)
    real = drop.remove_whole

    def late(path, version):
        write_whole(file.path, b"written anew")
        real(path, version)

    monkeypatch.setattr(drop, "remove_whole", late)
    put_away([(str(file.path), str(file.kept_as))], Envelope.open(settings))
    assert read_whole(file.path).content == b"written anew"
