"""Evidence packs: whole or not there, and never written over once a promotion may rest on them."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from include.selection import compare, compare_task, evidence_store, prepare, promote, selections
from include.settings import get_settings
from tests.registry.moving import copy_lake
from tests.selection.conftest import BEFORE, try_here

SUMMARY = "selection.json"


def pack_of(lake: str, selection: str) -> Path:
    return Path(evidence_store.folder_of(lake, selection).removeprefix("file:"))


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def lake(tmp_path) -> str:
    return f"file:{tmp_path}"


def written(lake: str, selection: str) -> str:
    summary = evidence_store.summary_file({"selection": selection, "made_at": selection})
    evidence_store.write_pack(lake, selection, {**summary, "evidence.md": b"# Selection\n"})
    return selection


def test_a_selection_killed_while_it_writes_is_not_listed_and_can_be_written_again(lake, monkeypatch):
    real = Path.replace

    def killed(draft: Path, target: Path) -> Path:
        if target.name == SUMMARY:
            raise KeyboardInterrupt
        return real(draft, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        written(lake, "first")
    assert not (pack_of(lake, "first") / SUMMARY).exists()
    assert selections(lake) == []
    monkeypatch.undo()
    assert evidence_store.free_name(lake, "first") == "first"
    written(lake, "first")
    assert [found["selection"] for found in selections(lake)] == ["first"]


def test_a_torn_summary_hides_no_other_selection_and_is_none(lake):
    written(lake, "whole")
    torn = pack_of(lake, written(lake, "torn")) / SUMMARY
    torn.write_bytes(torn.read_bytes()[:-5])
    assert [found["selection"] for found in selections(lake)] == ["whole"]
    assert evidence_store.read_summary(lake, "torn") is None
    assert evidence_store.free_name(lake, "torn") == "torn"


@pytest.mark.parametrize("content", ["[]", "{}", '"x"', "3", "[" * 100_000, '{"made_at"'])
def test_a_summary_written_by_hand_hides_no_other_selection(lake, content):
    written(lake, "whole")
    (pack_of(lake, written(lake, "forged")) / SUMMARY).write_text(content)
    assert [found["selection"] for found in selections(lake)] == ["whole"]


def test_whoever_repeats_a_selection_gets_a_numbered_name(lake):
    for expected in ("first", "first--2", "first--3"):
        assert evidence_store.free_name(lake, "first") == expected
        written(lake, expected)


def test_where_nothing_was_compared_the_earlier_evidence_stays_too(selected, lake):
    found = []
    for _ in range(2):
        prepare(selected.source, lake, date(2022, 12, 1), "early")
        found.append(compare(lake, selected.source, "early"))
    assert [each["selection"] for each in found] == ["early", "early--2"]
    assert compare(lake, selected.source, "early") == found[1]
    assert {summary["selection"] for summary in selections(lake)} == {"early", "early--2"}


def test_prepared_again_it_leaves_the_evidence_there_is_and_no_trouble_with_mlflow_lengthens_the_verdict(
    selected, tmp_path, monkeypatch
):
    lake, incident = (
        copy_lake(selected.lake, tmp_path / "lake", get_settings()),
        "it is away " * 99,
    )
    real = compare_task.keep_model
    monkeypatch.setattr(
        compare_task, "keep_model", lambda *kept: real(*kept) + f"; its figures were not recorded: {incident}"
    )
    before = content_of(pack_of(lake, "first"))
    prepare(selected.source, lake, BEFORE, "first", folds=2, rounds=2)
    try_here(lake, "first", "rarity", "contrast")
    found = compare(lake, selected.source, "first")
    assert (found["selection"], found["evidence"]) == ("first--2", evidence_store.folder_of(lake, "first--2"))
    assert content_of(pack_of(lake, "first")) == before
    assert json.loads(content_of(pack_of(lake, "first--2"))[SUMMARY])["note"] == found["note"]
    assert found["note"] == f"its figures were not recorded: {incident}"
    assert found["verdict"] == selected.found["verdict"]
    told = promote(lake, found["challenger"], by="ada", why=f"{'x' * 500} ({found['verdict']})", champion=None)
    assert told == {"champion": found["challenger"], "before": None}
