"""Whole nights under a KMS key: their hash, what they leave on disk, and what a refused key leaves of them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from include.__main__ import main
from include.aws.clients import client
from include.errors import KeyRefusedError, KeyUnavailableError
from include.lake import Lake
from include.lake.work_folder import WORK
from include.masking.keys import NameKeyStore
from include.night import NightRequest, run_night, verify
from include.quality.sealed_quarantine import unseal_quarantine
from include.security.envelope import Envelope, _decoded, _parts
from include.security.kms import forget
from include.security.private import keep_new_files_private
from include.settings import Settings, get_settings
from local.stand_ins import StandIns
from tests.sources.small_banks import TRANSACTION_NAMES, TRANSACTIONS, csv_text, write_canonical

NIGHT = "2013-01-02"
CANARY = "KANAREK7305196284"
"""Beginning of a text in a record that is not let in, and of one in a record that is."""
REFUSED = f"{CANARY}-REFUSED"
WRONG = ["9", "1", NIGHT, REFUSED, "685.40", "D", "WIC", "ST", "", ""]
PAID = ["5", "1", NIGHT, "10.00", "675.40", "D", "ROB", "HH", "YZ", f"{CANARY}-PAID"]


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank of a few postings, two of which bear the canary."""
    rows = csv_text(TRANSACTION_NAMES, [*TRANSACTIONS, WRONG, PAID])
    return write_canonical(tmp_path_factory.mktemp("bank") / "bank", rows)


@pytest.fixture(scope="module")
def kms_settings(aws_module: StandIns, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The settings of a lake under a KMS key, which are the process's own while this module runs."""
    folder = tmp_path_factory.mktemp("kms")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADS_KMS_KEY", client("kms").create_key()["KeyMetadata"]["Arn"])
        patch.setenv("ADS_KEY_FILE", str(folder / "keys" / "lake.key"))
        patch.setenv("ADS_LAKE_URI", f"file:{folder / 'lake'}")
        patch.setenv("ADS_EXTRACTS", "on")
        forget()
        get_settings.cache_clear()
        yield get_settings()
    get_settings.cache_clear()


@pytest.fixture(scope="module")
def published(bank: Path, kms_settings: Settings) -> Settings:
    """The same, once a night is played there as people type it, with the mask of most systems."""
    with _mask_of_most_systems():
        assert main(["night", "--date", NIGHT, "--source", f"file:{bank}"]) == 0
    return kms_settings


@contextmanager
def _mask_of_most_systems() -> Iterator[None]:
    mask = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(mask)


@contextmanager
def _private_files() -> Iterator[None]:
    """As every process does that writes records."""
    with _mask_of_most_systems():
        keep_new_files_private()
        yield


def _request(bank: Path, settings: Settings) -> NightRequest:
    return replace(NightRequest.of(NIGHT, f"file:{bank}", settings.lake_uri), settings=settings)


def _holding(sign: str, folder: Path) -> list[str]:
    """The files below a folder that hold a text: in their bytes, and in what Parquet says once it is unpacked."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and _holds(sign, path))


def _holds(sign: str, path: Path) -> bool:
    if path.suffix == ".parquet" and sign in str(pq.ParquetFile(path).read().to_pylist()):
        return True
    return sign.encode() in path.read_bytes()


def test_every_file_of_a_night_is_its_owners_alone(published: Settings) -> None:
    folder = published.key_file.parent.parent
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in folder.rglob("*")}
    open_to_others = {str(path.relative_to(folder)): oct(mode) for path, mode in modes.items() if mode & 0o077}
    assert open_to_others == {}
    kinds = {path.suffix for path in modes if path.is_file()}
    assert kinds >= {".parquet", ".avro", ".sealed", ".anchor", ".place", ".csv", ".html", ".hyper", ".db"}
    assert not published.key_file.exists()


def test_what_was_not_let_in_lies_nowhere_in_the_clear(published: Settings) -> None:
    lake = Lake.open(published.lake_uri, published)
    sealed = lake.read("quarantine")
    opened = unseal_quarantine(sealed, sealed["night"][0].as_py(), Envelope.open(published, lake.identity))
    assert [REFUSED in raw for raw in opened["raw"].to_pylist()] == [True]
    folder = Path(published.lake_uri.removeprefix("file:"))
    # What was let in is in the tables, which belong on an encrypted volume; the search finds it there.
    assert any("/fin_transaction/" in place for place in _holding(CANARY, folder))
    assert _holding(REFUSED, folder) == []


def test_every_context_of_a_night_names_lake_and_kind(published: Settings) -> None:
    lake, envelope = Lake.open(published.lake_uri, published), Envelope.open(published)
    folder = published.key_file.parent.parent
    sealed = {
        path.name: path.read_bytes() for end in (".sealed", ".anchor", ".place") for path in folder.rglob(f"*{end}")
    }
    (text,) = lake.read("quarantine")["raw"].to_pylist()
    sealed["a text"] = _parts(_decoded(text))[0]
    assert sealed.keys() > {"names.sealed", "a text"}
    for name, message in sealed.items():
        context = dict(envelope._message(message, {})[1].encryption_context)
        assert context["lake"] == lake.identity, name
        assert {"purpose", "table"} & context.keys(), name


def test_the_night_is_the_same_as_under_the_local_key(published: Settings, bank: Path, tmp_path: Path) -> None:
    local = published.model_copy(
        update={
            "kms_key": "",
            "key_file": tmp_path / "k" / "key",
            "lake_uri": f"file:{tmp_path / 'lake'}",
            "extracts": False,
        }
    )
    told = run_night(_request(bank, local))
    (row,) = Lake.open(published.lake_uri, published).manifest().to_pylist()
    assert told["output_hash"] == row["output_hash"]
    assert verify(published.lake_uri)["nights"] == 1


def _traces(settings: Settings) -> list[str]:
    lake = Path(settings.lake_uri.removeprefix("file:"))
    return _holding(CANARY, lake) if lake.exists() else []


@pytest.fixture
def refusing(kms_settings: Settings, tmp_path: Path) -> Settings:
    """Settings of a lake that is not made yet, under a key of its own."""
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    where = {"kms_key": key, "lake_uri": f"file:{tmp_path / 'lake'}", "key_file": tmp_path / "k" / "key"}
    return kms_settings.model_copy(update={**where, "extracts": False})


def test_a_night_whose_key_is_refused_begins_nothing(refusing: Settings, bank: Path) -> None:
    client("kms").disable_key(KeyId=refusing.kms_key)
    said: list[str] = []
    with pytest.raises(KeyRefusedError, match=refusing.kms_key):
        run_night(_request(bank, refusing), said.append)
    assert said == []
    left = [path for path in Path(refusing.lake_uri.removeprefix("file:")).rglob("*") if path.is_file()]
    assert [path.name for path in left] == [".night.lock"]


def test_a_night_without_a_key_service_begins_nothing_and_may_be_tried_again(
    refusing: Settings, bank: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1")
        with pytest.raises(KeyUnavailableError):
            run_night(_request(bank, refusing))
    assert _traces(refusing) == []


def test_a_key_that_is_refused_in_the_middle_publishes_nothing_and_leaves_nothing_in_the_clear(
    refusing: Settings, published: Settings, bank: Path
) -> None:
    seen: list[str] = []
    modes: set[int] = set()

    def disable(sentence: str) -> None:
        if " score " in sentence and not seen:
            seen.extend(_traces(refusing))
            work = Path(refusing.lake_uri.removeprefix("file:"), WORK)
            modes.update(stat.S_IMODE(path.lstat().st_mode) for path in work.rglob("*"))
            client("kms").disable_key(KeyId=refusing.kms_key)

    with _private_files(), pytest.raises(KeyRefusedError, match=f"{refusing.kms_key}.*kms:GenerateDataKey"):
        run_night(_request(bank, refusing), disable)
    # While it ran, its work folder held the records, for its owner alone.
    assert seen
    assert modes == {0o600, 0o700}
    assert _traces(refusing) == []
    client("kms").enable_key(KeyId=refusing.kms_key)
    forget()
    lake = Lake.open(refusing.lake_uri, refusing)
    assert lake.manifest().num_rows == 0
    assert not any(lake.read(name).num_rows for name in lake.catalog.names())
    (row,) = Lake.open(published.lake_uri, published).manifest().to_pylist()
    assert run_night(_request(bank, refusing))["output_hash"] == row["output_hash"]


def test_the_keys_of_pseudonyms_open_in_another_process(published: Settings) -> None:
    forget()
    assert NameKeyStore.open(published.lake_uri, published).find() is not None
