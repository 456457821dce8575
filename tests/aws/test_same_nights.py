"""The real bank's nights, a refresh, a selection and a rollback are the same on stand-ins for AWS as in a folder."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from include.__main__ import main
from include.lake import Lake
from include.learning import learn
from include.settings import get_settings
from local.aws_account import Account
from local.stand_ins import StandIns

FIRST = date(1994, 1, 24)
NIGHTS = 4


@pytest.fixture
def installation(monkeypatch, tmp_path):
    """Makes this process an installation with these settings beside those that every one here has."""

    def become(name: str, settings: dict[str, str]) -> None:
        always = {"ADS_KEY_FILE": str(tmp_path / name / "lake.key"), "ADS_TRAINING": "quick", "ADS_EXTRACTS": "on"}
        for variable, value in {**always, **settings}.items():
            monkeypatch.setenv(variable, value)
        get_settings.cache_clear()

    yield become
    get_settings.cache_clear()


def play() -> None:
    """Train; nights that the champion learns of, and unlearns; a selection; another champion, and back."""
    night = nights_from(FIRST)
    run("train", "--before", str(FIRST))
    for _ in range(NIGHTS):
        learn(get_settings().lake_uri, night())
    run("rollback", "--learning", "--night", str(FIRST + timedelta(days=2)), "--by", "tester")
    run("select", "--before", str(FIRST), "--promote", "--id", "selection")
    night()
    run("train", "--before", str(FIRST + timedelta(days=NIGHTS)))
    night()
    run("rollback", "--by", "tester")
    night()
    run("maintain")
    run("verify")


def nights_from(first: date) -> Callable[[], date]:
    """Plays the next night with each call, and returns its date."""
    dates = (first + timedelta(days=number) for number in range(31))

    def play_next() -> date:
        night = next(dates)
        run("night", "--date", str(night))
        return night

    return play_next


def run(*command: str) -> None:
    assert main([*command]) == 0, command


def published() -> list[dict[str, object]]:
    manifest = Lake.open(get_settings().lake_uri, get_settings()).manifest()
    return manifest.select(["settlement_date", "output_hash", "model_version"]).to_pylist()


@pytest.mark.long
def test_the_real_banks_nights_have_the_same_hashes(aws: StandIns, installation, pkdd, tmp_path):
    installation("embedded", {"ADS_SOURCE_URI": f"file:{pkdd}", "ADS_LAKE_URI": f"file:{tmp_path}/lake"})
    play()
    embedded = published()
    installation("aws", {**Account.set_up(pkdd).settings(), "ADS_STORE_URI": f"sqlite:///{tmp_path}/store.db"})
    play()
    assert published() == embedded
    assert len(embedded) == NIGHTS + 3
    # KMS seals everything: nobody made a local key.
    assert not get_settings().key_file.exists()
