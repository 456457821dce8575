"""A rotation gives everybody a new pseudonym, wherever it is interrupted, and readers see one version at any time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from filelock import Timeout

from include.errors import IntegrityError, LakeConflictError, MissingStateError
from include.lake import TABLES, Lake, RunStamp, Table
from include.lake import lake as lake_module
from include.lake.data_files import data_files
from include.lake.retired import RETIRED
from include.maintenance.retention import remove_rows
from include.marts import MART_TABLES, MASKED_MARTS
from include.masking.keys import NameKeyStore
from include.masking.tables import MASKED_TABLES
from include.night import rotation as rotation_module
from include.night import verify
from include.night.masking import LakeNames, masked_twin, write_masked
from include.night.rotation import Rotation, rotate_pseudonyms
from include.security import file_lock
from include.settings import Settings, get_settings
from tests.privacy.lakes import NIGHTS, publish_night, settings_of, uri_of

MASKED = {**{table.name: table for table in MASKED_TABLES.values()}, **{t.name: t for t in MASKED_MARTS.values()}}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rotation")
    publish_night(Lake.open(uri_of(folder), settings_of(folder)), NIGHTS[0], settings_of(folder))
    return folder


@pytest.fixture
def folder(built: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A lake of one night, in whatever version the test before has left it."""
    monkeypatch.setenv("ADS_KEY_FILE", str(settings_of(built).key_file))
    get_settings.cache_clear()
    yield built
    monkeypatch.undo()
    get_settings.cache_clear()


def names(folder: Path, table: str, column: str) -> list[str]:
    return sorted(Lake.open(uri_of(folder), settings_of(folder)).read(table)[column].to_pylist())


def test_every_pseudonym_is_new_and_nothing_is_left_of_the_old(folder: Path) -> None:
    before = names(folder, "fin_transaction_masked", "account_id")
    findings = names(folder, "alerts_masked", "finding_id")
    told = rotate_pseudonyms(uri_of(folder), settings_of(folder))
    after = names(folder, "fin_transaction_masked", "account_id")
    assert told["nights"] == 1
    assert len(after) == len(before)
    assert set(after).isdisjoint(before)
    assert set(after) <= set(names(folder, "fin_account_masked", "account_id"))
    assert names(folder, "alerts_masked", "finding_id") == findings
    lake = Lake.open(uri_of(folder), settings_of(folder))
    for name in MASKED:
        assert set(lake.catalog.load(name).scan().to_arrow()["key_version"].to_pylist()) <= {told["version"]}
    keys = NameKeyStore.open(uri_of(folder), settings_of(folder)).find()
    assert keys is not None
    assert set(keys.versions) == {told["version"]}


class KilledError(Exception):
    """The end of the process."""


LONG = pytest.mark.long
"""A rotation of one night takes some 40 commits: 19 of its tables, 7 relations, one switch, 26 removals of old rows."""


@pytest.mark.parametrize("writes", [pytest.param(n, marks=LONG) for n in (1, 9, 18, 26, 30, 44)] + [22])
def test_a_rotation_killed_anywhere_leaves_one_version_and_is_completed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    with pytest.raises(KilledError), monkeypatch.context() as patched:
        patched.setattr(lake_module, "guarded_commit", killed_after(writes, lake_module.guarded_commit))
        rotate_pseudonyms(uri_of(folder), settings_of(folder))
    assert verify(uri_of(folder))["nights"] == 1
    rotate_pseudonyms(uri_of(folder), settings_of(folder))
    assert verify(uri_of(folder))["nights"] == 1


def killed_after(writes: int, commit: Callable[..., None]) -> Callable[..., None]:
    left = iter(range(writes))

    def write(*args: Any) -> None:
        if next(left, None) is None:
            raise KilledError
        commit(*args)

    return write


def test_a_night_that_was_masked_before_a_rotation_began_is_masked_again(folder: Path) -> None:
    lake = Lake.open(uri_of(folder), settings_of(folder))
    stale = LakeNames.of(lake, uri_of(folder), settings_of(folder))
    keys = stale.masks().keys
    with stale.unchanged_since(keys):
        pass
    Rotation.open(uri_of(folder), settings_of(folder)).begin()
    with pytest.raises(LakeConflictError, match="mask it again"), stale.unchanged_since(keys):
        pass


@LONG
def test_a_night_published_while_others_are_rewritten_has_both_versions(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, settings = Rotation._rewrite_lacking, settings_of(folder)

    def overtaken(self: Rotation, keys: Any) -> int:
        found = original(self, keys)
        monkeypatch.setattr(Rotation, "_rewrite_lacking", original)
        publish_night(Lake.open(uri_of(folder), settings), NIGHTS[1], settings)
        return found

    monkeypatch.setattr(Rotation, "_rewrite_lacking", overtaken)
    rotate_pseudonyms(uri_of(folder), settings)
    assert verify(uri_of(folder))["nights"] == len(NIGHTS)


def test_nights_that_are_published_again_and_again_end_the_rotation_with_a_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched, pytest.raises(LakeConflictError, match="readers still see the old ones"):
        patched.setattr(Rotation, "_lacking", lambda self, version: self.lake.manifest().to_pylist()[:1])
        patched.setattr(Rotation, "_rewrite_lacking", lambda self, keys: 0)
        rotate_pseudonyms(uri_of(folder), settings_of(folder))


@pytest.fixture
def rotation(folder: Path) -> Rotation:
    """A rotation that was begun."""
    found = Rotation.open(uri_of(folder), settings_of(folder))
    found.begin()
    return found


def rewritten(rotation: Rotation, monkeypatch: pytest.MonkeyPatch, *tables: Table) -> dict[str, int]:
    """The rows that some of a night's masked tables have under the coming key once the night is rewritten."""
    keys, row = rotation.store.find(), rotation.lake.published(NIGHTS[0])
    assert keys is not None
    assert keys.coming is not None
    assert row is not None
    monkeypatch.setattr(rotation_module, "followed_tables", lambda: iter(tables))
    rotation._rewrite(row, keys, keys.coming)
    return {
        table.name: rotation.lake.rows_of_version(masked_twin(table), NIGHTS[0], row["run_key"], keys.coming)
        for table in tables
    }


def test_what_retention_removed_from_a_masked_table_alone_does_not_come_back(
    rotation: Rotation, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, removed = rotation.lake, MASKED["quarantine_masked"]
    row = lake.published(NIGHTS[0]) or {}
    told = {"settlement_date": NIGHTS[0], "table_name": removed.name, "row_count": lake.count(removed.name, NIGHTS[0])}
    record = pa.Table.from_pylist([told], RETIRED.schema).drop_columns(["run_key"])
    lake.replace(RETIRED, NIGHTS[0], record, RunStamp(row["run_key"], "test", NIGHTS[0]))
    remove_rows(lake.catalog, removed.name, data_files(lake.catalog.load(removed.name)))
    found = rewritten(rotation, monkeypatch, TABLES["quarantine"], TABLES["alerts"])
    assert found["quarantine"] == 0
    assert found["alerts"] > 0


def test_while_findings_are_rewritten_no_night_brings_them_up_to_date(
    rotation: Rotation, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = []

    def spying(lake: Lake, stamp: RunStamp, table: Table, *rest: Any) -> None:
        try:
            with file_lock.held(folder / "lake" / "keys" / ".names.lock", seconds=0):
                pass
        except Timeout:
            locked.append(table.name)
        write_masked(lake, stamp, table, *rest)

    monkeypatch.setattr(rotation_module, "write_masked", spying)
    assert all(rewritten(rotation, monkeypatch, TABLES["alerts"], MART_TABLES["mart_findings"]).values())
    assert locked == ["mart_findings"]


def test_a_lake_without_masked_tables_has_no_key_to_replace(tmp_path: Path) -> None:
    settings = Settings(key_file=tmp_path / "key", lake_uri=f"file:{tmp_path / 'lake'}")
    with pytest.raises(MissingStateError, match="no masked tables yet"):
        rotate_pseudonyms(settings.lake_uri, settings)


def test_without_the_keys_nothing_is_published(folder: Path) -> None:
    sealed = folder / "lake" / "keys" / "names.sealed"
    content = sealed.read_bytes()
    sealed.unlink()
    try:
        lake = Lake.open(uri_of(folder), settings_of(folder))
        with pytest.raises(IntegrityError, match=r"names\.sealed.*restore") as told:
            LakeNames.of(lake, uri_of(folder), settings_of(folder)).masks()
        assert "Nothing was published" in str(told.value)
        with pytest.raises(IntegrityError, match=r"names\.sealed"):
            verify(uri_of(folder))
    finally:
        sealed.write_bytes(content)
