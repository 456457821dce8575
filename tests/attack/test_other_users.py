"""Another user of the machine finds nothing of a bank to read, also where an earlier version left it open."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from include.errors import SettingsError
from include.lake import Lake
from include.registry.tracking_store import TrackingStore
from include.security.keys import local_key
from include.security.private import make_private
from include.settings import PROJECT_ROOT, Settings
from local import run
from local.airflow_process import LocalAirflow
from tests.sources.small_banks import TRANSACTION_NAMES, TRANSACTIONS, csv_text, write_canonical

NIGHT = date(2013, 1, 2)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can look with another user's eyes")


@pytest.fixture(scope="module")
def shared() -> Iterator[Path]:
    """A folder that every user may walk into, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="attack-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def _stage(shared: Path, *arguments: str) -> None:
    """A command as people type it, with the mask of most systems."""
    key = {"ADS_KEY_FILE": str(shared / "keys" / "lake.key"), "ADS_TRAINING": "quick"}
    command = [sys.executable, "-m", "include", *arguments]
    subprocess.run(command, env=os.environ | key, cwd=PROJECT_ROOT, umask=0o022, check=True, capture_output=True)


@pytest.fixture(scope="module")
def lake(shared: Path) -> Path:
    bank = write_canonical(shared / "bank", csv_text(TRANSACTION_NAMES, TRANSACTIONS))
    _stage(shared, "night", "--date", str(NIGHT), "--source", f"file:{bank}", "--lake", f"file:{shared / 'lake'}")
    with TrackingStore.of(Settings(), f"file:{shared / 'lake'}").client() as client:
        client.create_experiment("bank-settlement")
    shutil.rmtree(bank)
    return shared / "lake"


def _readable(folder: Path, user: str) -> set[str]:
    """The files that a user finds and may read; `find` fails where it may not enter."""
    found = subprocess.run(
        ["find", str(folder), "-type", "f", "-readable"], user=user, group=user_group(user), extra_groups=[],
        capture_output=True, text=True, check=False, cwd="/",
    )  # fmt: skip
    return set(found.stdout.split("\n")) - {""}


def user_group(user: str) -> str | int:
    import grp
    import pwd

    return grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_gid


KINDS = ("alerts/", "/fin_client/", "/fin_transaction/", "catalog.db", "mlflow.db", "data_docs/", "lake.key")


@as_root
def test_another_user_reads_nothing_of_a_night(shared, lake):
    assert all(any(kind in path for path in _readable(shared, "root")) for kind in KINDS)
    assert _readable(shared, "nobody") == set()


@as_root
def test_nothing_of_a_lake_that_an_earlier_version_left_open(shared, lake):
    for path in [lake, *lake.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert len(_readable(lake, "nobody")) > 20
    Lake.open(f"file:{lake}")
    assert _readable(lake, "nobody") == set()
    # From the root down: not the root alone is closed.
    assert [path for path in lake.rglob("*") if path.stat().st_mode & 0o077] == []


@as_root
def test_nothing_of_what_a_stage_writes_into_a_folder_of_ones_own(shared):
    days = ("--first", "2024-01-01", "--last", "2024-01-20")
    (shared / "there").mkdir()  # a folder that is there stays as it is, what is written into it is private
    _stage(shared, "generate", "--out", str(shared / "there"), "--accounts", "3", *days)
    assert len(_readable(shared / "there", "root")) == 8
    assert _readable(shared, "nobody") == set()


@as_root
@pytest.mark.parametrize("mode", [0o777, 0o755, 0o700])
def test_a_lake_in_a_folder_of_somebody_else_is_refused(shared, mode):
    folder = shared / f"theirs-{mode:o}"
    folder.mkdir()
    folder.chmod(mode)
    code = (
        "import sys; from pathlib import Path; from include.security.private import make_private\n"
        "import os; os.setgroups([]); os.setegid(65534); os.seteuid(65534)\n"
        "make_private(Path(sys.argv[1]))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False, cwd=PROJECT_ROOT
    )
    assert "belongs to another user (number 0)" in told.stderr
    assert "chown it to this user" in told.stderr


@pytest.mark.parametrize("mode", [0o1777, 0o1755])
def test_a_folder_meant_for_all_is_no_lake(tmp_path, mode):
    tmp_path.chmod(mode)
    with pytest.raises(SettingsError, match="name a folder of its own in it"):
        make_private(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == mode


def test_what_a_link_in_a_lake_leads_to_stays_as_it_is(tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("x")
    outside.chmod(0o644)
    lake = tmp_path / "lake"
    lake.mkdir(mode=0o755)
    (lake / "link").symlink_to(outside)
    make_private(lake)
    assert stat.S_IMODE(lake.stat().st_mode) == 0o700
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644


@pytest.fixture
def key(tmp_path: Path) -> Path:
    local_key(tmp_path / "keys" / "lake.key")
    return tmp_path / "keys" / "lake.key"


@pytest.mark.parametrize("mode", [0o770, 0o720, 0o702, 0o777, 0o1777])
def test_a_key_in_a_folder_that_others_write_to_is_refused(key, mode):
    key.parent.chmod(mode)
    with pytest.raises(SettingsError, match=f"key's folder {key.parent} has mode {mode:04o}.*chmod 700"):
        local_key(key)


def test_nor_below_one_that_anybody_writes_to(key):
    key.parent.parent.chmod(0o777)
    with pytest.raises(SettingsError, match="above the key has mode 0777"):
        local_key(key)
    key.parent.parent.chmod(0o1777)
    assert len(local_key(key)) == 32


def test_a_link_to_a_key_is_refused(key):
    link = key.with_name("link.key")
    link.symlink_to(key)
    with pytest.raises(SettingsError, match="is a link"):
        local_key(link)
    link.unlink()
    link.symlink_to(key.with_name("nowhere"))
    with pytest.raises(SettingsError, match="is a link"):
        local_key(link)
    assert not key.with_name("nowhere").exists()


def test_what_only_looks_like_a_key_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.key", 0o600)
    with pytest.raises(SettingsError, match="no regular file"):
        local_key(tmp_path / "pipe.key")


@as_root
def test_a_key_of_another_user_is_refused(key):
    os.chown(key, 65534, 65534)
    with pytest.raises(SettingsError, match="belongs to another user"):
        local_key(key)


@as_root
def test_a_key_in_a_folder_of_another_user_is_refused(key):
    os.chown(key.parent, 65534, 65534)
    with pytest.raises(SettingsError, match="who may put another key there"):
        local_key(key)


def test_a_log_of_make_run_holds_no_password(tmp_path):
    airflow = LocalAirflow(tmp_path, "sqlite://", 1)
    place = SimpleNamespace(source_uri="file:/bank", lake_uri="file:/lake")
    shown, logged = (run._where_everything_is(airflow, place, [], is_private=is_private) for is_private in (1, 0))
    assert all(password in shown and password not in logged for password in airflow.passwords.values())
    assert str(airflow.passwords_file) in logged
    assert stat.S_IMODE(airflow.passwords_file.stat().st_mode) == 0o600


def test_passwords_that_were_open_are_closed(tmp_path):
    airflow = LocalAirflow(tmp_path, "sqlite://", 1)
    assert airflow.passwords
    airflow.passwords_file.chmod(0o644)
    assert airflow.passwords
    assert stat.S_IMODE(airflow.passwords_file.stat().st_mode) == 0o600
