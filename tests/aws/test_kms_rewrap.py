"""A lake is wrapped anew from the local key to KMS and back, whole after every interruption."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from include.__main__ import main
from include.aws.clients import client
from include.errors import IntegrityError, KeyRefusedError, LakeConflictError, SettingsError
from include.lake import Lake
from include.lake.night_lock import one_night_at_a_time, one_upkeep_at_a_time
from include.maintenance import rewrap as module
from include.maintenance.rewrap import keys_for, rewrap
from include.masking.keys import NameKeys, NameKeyStore
from include.night.verify import Verifier
from include.quality.sealed_quarantine import unseal_quarantine
from include.registry.erasures import ErasureLog
from include.registry.models import ModelRegistry
from include.registry.sealed_records import SealedRecords
from include.reviews.drop import drop_reviews, inbox_of, kept_files, put_away, read_inbox, read_kept, taken_of
from include.security import anchors
from include.security.anchors import Anchors
from include.security.envelope import Envelope
from include.security.kms import forget
from include.settings import Settings, get_settings
from tests.privacy import lakes
from tests.privacy.conftest import Shelf

VERSION = "ensemble-0123456789abcdef"
CARD, DECISION = b"a model's card", b"a decision"
NIGHT = lakes.NIGHTS[0]
REVIEW = {
    "trans_id": 1,
    "decision": "dismissed",
    "reason": "known",
    "who": "analyst",
    "decided_at": datetime(1994, 1, 5, tzinfo=UTC),
    "known_at": datetime(1994, 1, 5, tzinfo=UTC),
    "account_id": None,
    "check_code": None,
}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """A lake under the local key that holds something of everything that is sealed."""
    shelf = Shelf(tmp_path_factory.mktemp("rewrap") / "work")
    shelf.folder.mkdir()
    lakes.build_small(shelf.folder)
    settings, uri = lakes.settings_of(shelf.folder), lakes.uri_of(shelf.folder)
    (shelf.folder / "lake" / "models" / VERSION).mkdir(parents=True)
    ModelRegistry.open(uri, settings).keep(VERSION, "card", CARD)
    ModelRegistry.open(uri, settings).keep(VERSION, "updates", CARD)
    ErasureLog().write(uri, settings)
    _decide(uri, settings)
    _put_review_away(uri, settings)
    shelf.keep("built")
    return shelf


def _decide(uri: str, settings: Settings) -> None:
    path = UPath(uri) / "models" / "decisions" / "0.answer.sealed"
    path.parent.mkdir(parents=True)
    SealedRecords.open(uri, settings).write_counted(path, DECISION, {"purpose": "answer"}, "decisions/0.answer")


def _put_review_away(uri: str, settings: Settings) -> None:
    """As versions did that did not name the lake in what they sealed."""
    drop_reviews(inbox_of(uri), [REVIEW])
    (file,), _ = read_inbox(inbox_of(uri))
    assert put_away([(str(file.path), str(file.kept_as))], Envelope.open(settings)) == []


@pytest.fixture
def folder(shelf: Shelf) -> Path:
    return shelf.show("built", to_change=True)


@pytest.fixture
def local(folder: Path) -> Settings:
    return lakes.settings_of(folder)


@pytest.fixture
def kms(local: Settings, kms_key: str) -> Settings:
    forget()
    return local.model_copy(update={"kms_key": kms_key})


def _content(settings: Settings) -> dict[str, Any]:
    """Everything that a lake keeps sealed, in the clear, and what its nights say."""
    uri, lake = settings.lake_uri, Lake.open(settings.lake_uri, settings)
    registry, records = ModelRegistry.open(uri, settings), SealedRecords.open(uri, settings)
    envelope = Envelope.open(settings, lake.identity)
    decision = UPath(uri) / "models" / "decisions" / "0.answer.sealed"
    rows = lake.manifest().to_pylist()
    assert [fault for row in rows for fault in Verifier.open(uri, settings).faults_of(row)] == []
    return {
        "names": NameKeyStore.open(uri, settings).find(),
        "models": [registry.kept(VERSION, part) for part in ("card", "updates")],
        "erasures": ErasureLog.read(uri, settings),
        "decision": records.read_counted(decision, {"purpose": "answer"}, "decisions/0.answer"),
        "reviews": [read_kept(path, envelope) for path in kept_files(taken_of(inbox_of(uri)))],
        "counters": Anchors.open(settings).counters(lake.identity),
        "hashes": [row["output_hash"] for row in rows],
        "quarantine": unseal_quarantine(lake.read("quarantine", NIGHT, NIGHT), NIGHT, envelope).to_pylist(),
    }


def test_a_lake_goes_to_kms_and_back_with_the_same_content(local: Settings, kms: Settings) -> None:
    before = _content(local)
    assert isinstance(before["names"], NameKeys)
    assert len(before["quarantine"]) == 2
    told = rewrap(kms.lake_uri, kms, "kms")
    assert told == {"anchors": 2, "files": 6, "quarantine_files": 1, "unchanged": 0, "unopened": []}
    kept = local.key_file.rename(local.key_file.with_name("put aside"))
    forget()
    assert _content(kms) == before
    assert not local.key_file.exists()
    kept.rename(local.key_file)
    told = rewrap(kms.lake_uri, kms, "local")
    assert told == {"anchors": 2, "files": 6, "quarantine_files": 1, "unchanged": 0, "unopened": []}
    client("kms").schedule_key_deletion(KeyId=kms.kms_key, PendingWindowInDays=7)
    assert _content(local) == before


def test_every_context_names_the_lake_afterwards(kms: Settings) -> None:
    rewrap(kms.lake_uri, kms, "kms")
    envelope, lake = Envelope.open(kms), Lake.open(kms.lake_uri, kms)
    paths = [
        *UPath(kms.lake_uri).rglob("*.sealed"),
        *kms.key_file.parent.glob("*.anchor"),
        *kms.key_file.parent.glob("*.place"),
    ]
    assert len(paths) == 8
    for path in paths:
        _, header = envelope._message(path.read_bytes(), {})
        assert header.encryption_context["lake"] == lake.identity
        assert header.encryption_context.keys() & {"purpose", "table"}, path


def test_the_old_key_opens_nothing_any_more(local: Settings, kms: Settings) -> None:
    rewrap(kms.lake_uri, kms, "kms")
    for opened in (NameKeyStore, ModelRegistry, SealedRecords):
        with pytest.raises(IntegrityError):
            opened.open(local.lake_uri, local)


@contextmanager
def _in_a_thread(work: Callable[[], object]) -> Iterator[BaseException | None]:
    """What another thread raises, which a lock of this one keeps out."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(work).exception()


class _KilledError(BaseException):
    """Ends a re-wrapping where no error is expected, as a signal would."""


def _killing(patch: pytest.MonkeyPatch, at: int, *, after: bool) -> list[int]:
    """End the re-wrapping at one of its effects, before it or after it; the list has an entry for each."""
    effects: list[int] = []

    def deadly(effect: Callable[..., Any]) -> Callable[..., Any]:
        def killed(*given: Any, **named: Any) -> Any:
            effects.append(1)
            if len(effects) == at and not after:
                raise _KilledError
            found = effect(*given, **named)
            if len(effects) == at:
                raise _KilledError
            return found

        return killed

    for room, name in ((module, "write_whole"), (module, "rewrite_rows"), (anchors, "write_whole")):
        patch.setattr(room, name, deadly(getattr(room, name)))
    return effects


@pytest.mark.parametrize(("to", "after"), [("kms", False), pytest.param("local", True, marks=pytest.mark.long)])
def test_one_that_is_killed_leaves_everything_open_and_another_completes_it(
    shelf: Shelf, kms_key: str, to: str, after: bool
) -> None:
    local = lakes.settings_of(shelf.folder)
    kms = local.model_copy(update={"kms_key": kms_key})
    shelf.show("built", to_change=True)
    before = _content(local)
    if to == "local":
        rewrap(kms.lake_uri, kms, "kms")
    for at in range(1, 10):
        with pytest.MonkeyPatch.context() as patch, pytest.raises(_KilledError):
            _killing(patch, 2 if at > 1 and not after else 1, after=after)
            rewrap(kms.lake_uri, kms, to)
        if at in (1, 5, 9):
            assert _content(keys_for(kms, to)) == before
    told = rewrap(kms.lake_uri, kms, to)
    assert told["unchanged"] + told["files"] == 6
    assert told["unchanged"] >= 5
    assert _content(kms if to == "kms" else local) == before


def test_a_key_that_is_refused_in_the_middle_leaves_a_lake_that_another_completes(
    kms: Settings, local: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _content(local)
    wrap = module.Rewrapping._wrap_quarantine

    def refused(self: module.Rewrapping) -> None:
        client("kms").disable_key(KeyId=kms.kms_key)
        forget()
        wrap(self.open(self.lake_uri, self.settings))

    with monkeypatch.context() as patch, pytest.raises(KeyRefusedError, match=kms.kms_key):
        patch.setattr(module.Rewrapping, "_wrap_quarantine", refused)
        rewrap(kms.lake_uri, kms, "kms")
    client("kms").enable_key(KeyId=kms.kms_key)
    assert rewrap(kms.lake_uri, kms, "kms")["quarantine_files"] == 1
    assert _content(kms) == before


def test_another_kms_key_takes_over(kms: Settings, local: Settings) -> None:
    before = _content(local)
    rewrap(kms.lake_uri, kms, "kms")
    newer = kms.model_copy(update={"kms_key": client("kms").create_key()["KeyMetadata"]["Arn"]})
    assert rewrap(newer.lake_uri, newer, "kms", former=kms.kms_key)["files"] == 6
    client("kms").disable_key(KeyId=kms.kms_key)
    forget()
    assert _content(newer) == before


def test_it_does_not_begin_beside_a_night_or_other_upkeep(kms: Settings) -> None:
    quiet = lambda _: None  # noqa: E731
    for lock in (
        one_night_at_a_time(kms.lake_uri, date(1994, 1, 4), quiet),
        one_upkeep_at_a_time(kms.lake_uri, "it", quiet),
    ):
        with lock, _in_a_thread(lambda: rewrap(kms.lake_uri, kms, "kms")) as error:
            assert isinstance(error, LakeConflictError)
            assert "did not begin and changed nothing" in str(error)


def test_what_opens_with_neither_key_stays_and_is_named(kms: Settings) -> None:
    broken = UPath(kms.lake_uri) / "models" / "champion.broken.sealed"
    broken.write_bytes(b"broken")
    assert rewrap(kms.lake_uri, kms, "kms")["unopened"] == [str(broken)]
    assert broken.read_bytes() == b"broken"


def test_another_lakes_file_does_not_become_this_ones(kms: Settings, local: Settings) -> None:
    card = UPath(kms.lake_uri) / "models" / VERSION / "card.sealed"
    context = {"purpose": "model", "model": "ensemble", "version": VERSION, "part": "card"}
    card.write_bytes(Envelope.open(local).seal(b"another lake's, from before files named theirs", context))
    rewrap(kms.lake_uri, kms, "kms")
    with pytest.raises(IntegrityError):
        ModelRegistry.open(kms.lake_uri, kms).kept(VERSION, "card")


@pytest.mark.parametrize(
    ("to", "former", "kms_key", "said"),
    [("kms", "", "", "ADS_KMS_KEY"), ("local", "", "", "--from"), ("local", "local", "", "--from")],
)
def test_keys_that_are_not_named_are_asked_for(to: str, former: str, kms_key: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        keys_for(Settings(kms_key=kms_key), to, former)


def test_the_command_says_how_much_was_wrapped(
    kms: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ADS_KMS_KEY", kms.kms_key)
    monkeypatch.setenv("ADS_KEY_FILE", str(kms.key_file))
    get_settings.cache_clear()
    try:
        assert main(["rewrap", "--lake", kms.lake_uri, "--to", "kms"]) == 0
    finally:
        get_settings.cache_clear()
    out, err = capsys.readouterr()
    assert '"files": 6' in out
    assert "re-wrapping of the quarantine" in err


def test_a_lake_in_an_object_store_is_wrapped_anew(bucket: str, kms_key: str, tmp_path: Path) -> None:
    uri, catalog = f"s3://{bucket}/lake", f"sqlite:///{tmp_path / 'catalog.db'}"
    local = Settings(lake_uri=uri, catalog_uri=catalog, key_file=tmp_path / "keys" / "lake.key")
    lakes.publish_small(Lake.open(uri, local), local)
    ModelRegistry.open(uri, local).keep(VERSION, "card", CARD)
    kms = local.model_copy(update={"kms_key": kms_key})
    told = rewrap(uri, kms, "kms")
    assert told == {"anchors": 2, "files": 2, "quarantine_files": 1, "unchanged": 0, "unopened": []}
    forget()
    lake = Lake.open(uri, kms)
    envelope = Envelope.open(kms, lake.identity)
    assert len(unseal_quarantine(lake.read("quarantine", NIGHT, NIGHT), NIGHT, envelope)) == 2
    assert ModelRegistry.open(uri, kms).kept(VERSION, "card") == CARD
    assert rewrap(uri, kms, "kms") == {**dict.fromkeys(told, 0), "unchanged": 2, "unopened": []}
