"""The command line: stages people call by name, answers as JSON, failures as one sentence and exit status 1."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from include import learning
from include.__main__ import main
from include.lake import Lake
from include.settings import PROJECT_ROOT, Settings, get_settings
from tests.sources.small_banks import write_canonical


@pytest.fixture(autouse=True)
def own_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADS_KEY_FILE", str(tmp_path_factory.getbasetemp() / "command-line.key"))
        get_settings.cache_clear()
        yield
    get_settings.cache_clear()


def test_help_names_every_stage() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "include", "--help"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    ).stdout
    stages = ("generate", "night", "backtest", "train", "select", "promote", "rollback", "verify")
    stages += ("extract", "deploy-athena", "privacy", "maintain", "rotate-pseudonyms", "rewrap", "audit")
    assert all(stage in said for stage in stages)


def test_a_bank_is_made_a_night_played_and_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bank, lake = tmp_path / "bank", f"file:{tmp_path / 'lake'}"
    span = ["--first", "2024-01-01", "--last", "2024-01-31"]
    assert main(["generate", "--out", str(bank), "--accounts", "20", *span, "--seed", "3"]) == 0
    source = json.loads(capsys.readouterr().out)["source_uri"]
    assert main(["night", "--date", "2024-01-31", "--source", source, "--lake", lake]) == 0
    answer = capsys.readouterr()
    night = json.loads(answer.out)
    assert night["settlement_date"] == "2024-01-31"
    assert night["rows_in"] > 0
    assert "publish" in answer.err
    assert main(["verify", "--lake", lake]) == 0
    assert json.loads(capsys.readouterr().out)["verified"] == ["2024-01-31"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["night", "--date", "2024-02-30", "--source", "file:{bank}"], "write one that exists as YYYY-MM-DD"),
        (["night", "--date", "2013-01-02", "--source", ""], "no source given"),
        (["night", "--date", "2013-01-02", "--source", "file:{bank}/nowhere"], "there is nothing at"),
        (["rollback", "--by", "an analyst"], "there is no champion before"),
        (["rollback", "--by", "an analyst", "--learning"], "give --learning and --night YYYY-MM-DD alone"),
        (["rollback", "--by", "an analyst", "--night", "2024-01-31"], "give --learning and --night YYYY-MM-DD alone"),
        (["rollback", "--by", "an analyst", "--learning", "--night", "2024-01-31"], "nothing was learned"),
        (["promote", "--by", "an analyst", "--version", "contrast-0123456789abcdef"], "stored are: none"),
        (["train", "--before", "2013-01-03", "--source", "ftp://me:hunter2@bank"], "is no place for files"),
    ],
)
def test_a_failure_is_one_sentence_and_exit_status_one(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bank = write_canonical(tmp_path / "bank")
    filled = [argument.format(bank=bank) for argument in arguments]
    assert main([*filled, "--lake", f"file:{tmp_path / 'lake'}"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err
    assert "Traceback" not in said.err
    assert "hunter2" not in said.err


@pytest.mark.parametrize(
    "stage",
    [
        ["verify"],
        ["extract"],
        ["audit"],
        ["maintain"],
        ["rotate-pseudonyms"],
        ["rewrap", "--to", "kms"],
        ["privacy", "--client", "5"],
    ],
)
def test_a_stage_that_reads_a_lake_makes_none(
    stage: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*stage, "--lake", f"file:{tmp_path / 'lake'}"]) == 1
    assert "there is no lake at" in capsys.readouterr().err
    assert not (tmp_path / "lake").exists()


def test_a_stage_says_a_sentence_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = f"file:{tmp_path / 'lake'}"
    Lake.open(lake)
    assert main(["verify", "--lake", lake]) == 1
    assert "there is no night to verify" in capsys.readouterr().err
    assert main(["maintain", "--lake", lake]) == 0
    assert capsys.readouterr().err.count("data files of all tables") == 1


def test_what_was_learned_is_taken_back_by_whom_it_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Any] = []

    def take_back(lake_uri: str, **said: Any) -> dict[str, Any]:
        asked.append((lake_uri, said))
        return {}

    monkeypatch.setattr(learning, "rollback_learning", take_back)
    decided = ["--by", "an analyst", "--why", "poisoned", "--lake", "file:/lake"]
    assert main(["rollback", "--learning", "--night", "2024-01-31", *decided]) == 0
    assert capsys.readouterr().out == "{}\n"
    assert asked == [("file:/lake", {"night": date(2024, 1, 31), "by": "an analyst", "why": "poisoned"})]


def test_a_date_that_does_not_exist_is_refused_where_it_is_typed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["backtest", "--source", "x", "--start", "2024-13-01", "--end", "2024-12-31", "--out", "x"])
    assert ended.value.code == 2
    assert "'2024-13-01' is not a settlement date" in capsys.readouterr().err


def test_a_setting_that_is_not_allowed_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ADS_ALERT_BUDGET", "hunter2")
    get_settings.cache_clear()
    assert main(["verify"]) == 1
    said = capsys.readouterr().err
    assert "ADS_ALERT_BUDGET" in said
    assert "hunter2" not in said


def test_a_dry_run_prints_what_would_be_deployed_to_athena_as_a_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy-athena", "--dry-run"]) == 0
    said = capsys.readouterr().out
    workgroup, database, rest = said.split("\n\n", 2)
    assert workgroup.startswith("-- workgroup primary: left as it is")
    assert database == "create database if not exists ads;"
    assert rest.startswith("create or replace view published_fin_account as\n")
    assert "-- named query nights_not_closed\n" in said


def test_a_dry_run_of_a_users_asks_aws_nothing_and_prints_their_grants() -> None:
    role = "arn:aws:iam::123456789012:role/masked-readers"
    nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_EC2_METADATA_DISABLED": "true"}
    environment = {**os.environ, **nowhere, "ADS_ATHENA_MASKED_ROLE": role, "ADS_NAMESPACE": "bank"}
    command = [sys.executable, "-m", "include", "deploy-athena", "--dry-run"]
    done = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=True)
    assert "\n\ncreate database if not exists bank;\n" in done.stdout
    assert f"-- grant DESCRIBE and SELECT on published_alerts_masked to {role}\n" in done.stdout
    assert done.stderr == ""


def test_one_role_for_masked_and_full_readers_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for setting in ("ADS_ATHENA_MASKED_ROLE", "ADS_ATHENA_FULL_ROLE"):
        monkeypatch.setenv(setting, "arn:aws:iam::123456789012:role/readers")
    get_settings.cache_clear()
    assert main(["deploy-athena", "--dry-run"]) == 1
    assert "give ADS_ATHENA_MASKED_ROLE and ADS_ATHENA_FULL_ROLE a role each" in capsys.readouterr().err


def test_a_lake_in_the_working_folder_is_one_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings(lake_uri="file:lake", lakes={"trial": "file:trial"}).lakes == {"trial": f"file:{tmp_path}/trial"}
    assert Settings(lake_uri="file:lake").lake_uri == f"file:{tmp_path}/lake"
    assert main(["extract", "--lake", "file:lake"]) == 1
    assert f"there is no lake at file:{tmp_path}/lake" in capsys.readouterr().err
    Lake.open("file:lake")
    assert {path.name for path in tmp_path.iterdir()} == {"lake"}
