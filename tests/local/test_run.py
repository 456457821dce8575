"""What `make run` decides before anything is started."""

from __future__ import annotations

import os
import socket
import subprocess
from contextlib import nullcontext
from pathlib import Path

import pytest

from include.errors import SettingsError
from include.settings import PROJECT_ROOT
from include.sources import open_source
from local import demonstration, headless, run
from local.airflow_api import Run
from local.airflow_home import airflow_environment
from local.airflow_process import USERS, LocalAirflow
from local.ports import choose_port
from local.postgres import LocalPostgres


@pytest.fixture
def taken():
    """A port that another program listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_a_taken_port_is_refused_with_the_way_out(taken):
    with pytest.raises(SettingsError, match=f"port {taken} is taken .* PORT="):
        choose_port(str(taken), 8080)


def test_without_a_wish_the_next_free_port_is_found(taken):
    assert choose_port("", taken) > taken


@pytest.mark.parametrize("wish", ["eighty", "80", "70000", "-1"])
def test_what_is_no_port_is_refused(wish):
    with pytest.raises(SettingsError, match="is not a port"):
        choose_port(wish, 8080)


def test_a_second_make_run_of_a_checkout_is_refused(tmp_path):
    with (
        run._only_one(tmp_path / "run.lock"),
        pytest.raises(SettingsError, match="another make run"),
        run._only_one(tmp_path / "run.lock"),
    ):
        pass
    with run._only_one(tmp_path / "run.lock"):
        pass


def test_passwords_are_drawn_once_and_private(tmp_path):
    airflow = LocalAirflow(tmp_path, "sqlite://", 1)
    drawn = airflow.passwords
    assert drawn.keys() == USERS.keys()
    assert len(set(drawn.values())) == len(USERS)
    assert LocalAirflow(tmp_path, "sqlite://", 1).passwords == drawn
    assert (tmp_path / "simple_auth_manager_passwords.json.generated").stat().st_mode & 0o777 == 0o600


def test_the_callers_settings_reach_the_tasks(tmp_path):
    inherited = {"ADS_SEED": "7", "PATH": "/bin", "PYTHONPATH": "/elsewhere"}
    environment = airflow_environment(inherited, tmp_path, "sqlite://")
    assert environment["ADS_SEED"] == "7"
    assert environment["PATH"].endswith(":/bin")
    assert environment["PYTHONPATH"].endswith(":/elsewhere")
    assert environment["AIRFLOW__CORE__LOAD_EXAMPLES"] == "false"


def test_the_made_up_bank_is_read_with_its_rounding_whoever_asks(monkeypatch):
    served = LocalPostgres(Path("/data"), Path("/socket"), None)
    monkeypatch.setattr(demonstration, "exists", lambda: True)
    monkeypatch.setattr(LocalPostgres, "start", lambda folder: nullcontext(served))
    with headless._source("") as source_uri:
        assert open_source(source_uri).rounding_cents == 10


def test_a_note_reads_as_plain_text():
    run = Run("r", None, "failed", r"**Night 1994-01-31: not published.** `validate` a \*b\* c · [Data Docs](/x)")
    assert run.summary == "Night 1994-01-31: not published. `validate` a *b* c"
    assert Run("r", None, "failed", "").summary == "r: failed"


def test_settings_for_peoples_own_commands_can_be_sourced(tmp_path):
    airflow = LocalAirflow(tmp_path, "postgresql://a@/b?host=/c&d=e f", 1)
    airflow._keep({"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": airflow.database_uri, "HOME": "/root"})
    script = f"unset HOME; source {airflow.settings_file}; echo $AIRFLOW__DATABASE__SQL_ALCHEMY_CONN $HOME"
    said = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.strip() == airflow.database_uri
    assert airflow.settings_file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("target", ["run", "night"])
def test_an_address_stands_in_no_argument_that_other_users_see(target):
    words = [
        "make",
        "-n",
        "-o",
        "setup",
        target,
        "DATE=2024-01-31",
        "SOURCE=mysql://u:hunter2@h/b",
        "LAKE=s3://hunter2",
    ]
    said = subprocess.run(words, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True).stdout
    assert "local" in said
    assert "hunter2" not in said


def test_make_hands_addresses_on_as_they_are_written(tmp_path):
    rule = "include Makefile\nnight:\n\t@printenv ADS_SOURCE_URI ADS_LAKE_URI\n"
    words = ["make", "-s", "-f", "-", "-o", "setup", "night", "SOURCE=mysql://u:p,a$ss#x@h/b?rounding=0.1&charset=utf8"]
    environment = {"PATH": os.environ["PATH"], "ADS_LAKE_URI": "file:/lake $1"}
    said = subprocess.run(words, input=rule, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True)
    assert said.stdout.splitlines() == ["mysql://u:p,a$ss#x@h/b?rounding=0.1&charset=utf8", "file:/lake $1"]
