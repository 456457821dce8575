"""The command: without `--erase` it touches nothing, with it it erases and says so as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from include.__main__ import main
from include.settings import Settings
from tests.privacy.lakes import ACCOUNT, CLIENT, traces, tree, uri_of

Small = tuple[Path, Settings]


def _ask(lake: Path, *options: str) -> int:
    return main(["privacy", "--lake", uri_of(lake), "--client", str(CLIENT), *options])


@pytest.mark.parametrize("form", [(), ("--dry-run",)])
def test_the_dry_run_is_the_default(small: Small, form: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    lake, _ = small
    before = tree(lake)
    assert _ask(lake, *form) == 0
    told = capsys.readouterr().out
    assert json.loads(told)["is_erased"] is False
    assert str(ACCOUNT) not in told
    assert tree(lake) == before


def test_it_erases_where_it_is_asked_to(small: Small, capsys: pytest.CaptureFixture[str]) -> None:
    lake, _ = small
    assert _ask(lake, "--erase", "--today", "2003-12-31") == 1
    assert "RetentionError: nothing was erased" in capsys.readouterr().err
    assert _ask(lake, "--erase") == 0
    assert json.loads(capsys.readouterr().out)["is_erased"] is True
    assert traces(lake) == []


def test_to_erase_and_to_touch_nothing_is_no_request(small: Small, capsys: pytest.CaptureFixture[str]) -> None:
    assert _ask(small[0], "--erase", "--dry-run") == 1
    assert "SettingsError: got --erase and --dry-run" in capsys.readouterr().err
