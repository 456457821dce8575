"""The same night started twice at once, damaged after publication, or fed with hostile text."""

from __future__ import annotations

import multiprocessing
from datetime import date
from pathlib import Path

import pytest

from include.errors import IntegrityError, SourceError
from include.lake import Lake, RunStamp
from include.night import verify
from tests.night.conftest import play

pytestmark = pytest.mark.usefixtures("ready_model")

LAST = date(1994, 1, 30)


def _play(source: Path, lake: Path, attempt: str) -> None:
    play(LAST.isoformat(), source, lake, attempt)


def test_the_same_night_started_twice_at_once_is_published_once(pkdd: Path, tmp_path: Path) -> None:
    fork = multiprocessing.get_context("spawn")
    racers = [fork.Process(target=_play, args=(pkdd, tmp_path, name)) for name in ("one", "other")]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(timeout=300)
    assert 0 in [racer.exitcode for racer in racers]
    ids = Lake.open(f"file:{tmp_path}").read("fin_transaction", LAST, LAST)["trans_id"].to_pylist()
    assert len(ids) == len(set(ids)) > 0
    assert verify(f"file:{tmp_path}", LAST)["nights"] == 1


def test_verify_sees_a_published_table_that_was_changed(pkdd: Path, tmp_path: Path) -> None:
    play(LAST.isoformat(), pkdd, tmp_path)
    lake = Lake.open(f"file:{tmp_path}")
    row = lake.published(LAST)
    assert row is not None
    scores = lake.read("anomaly_scores", LAST, LAST).drop_columns(["run_key"])
    lake.replace("anomaly_scores", LAST, scores.slice(1), RunStamp(row["run_key"], "tampered", LAST))
    with pytest.raises(IntegrityError, match="output_hash"):
        verify(f"file:{tmp_path}", LAST)


def test_hostile_text_reaches_no_finding_and_no_page(bank: Path, tmp_path: Path) -> None:
    hostile = ["<script>alert(1)</script>", "=cmd()|'/c calc'!A1", "'); drop table fin_transaction; --"]
    with (bank / "trans.asc").open("a", newline="") as file:
        for number, text in enumerate(hostile):
            file.write(f'99000{number};1787;940130;"VYDAJ";"PREVOD NA UCET";987654.00;1.00;"";"{text}";123\r\n')
    play(LAST.isoformat(), bank, tmp_path)
    lake = Lake.open(f"file:{tmp_path}")
    for name in ("alerts", "settlement_breaks", "anomaly_scores"):
        shown = str(lake.read(name, LAST, LAST).to_pylist())
        assert "<script" not in shown
        assert "=cmd" not in shown
    pages = [path.read_text() for path in tmp_path.rglob("*") if path.suffix in {".html", ".csv"}]
    assert pages
    assert not any("<script>alert(1)" in page or "=cmd()" in page or "drop table" in page for page in pages)


def test_a_missing_relation_stops_the_night_before_anything_is_published(bank: Path, tmp_path: Path) -> None:
    (bank / "client.asc").unlink()
    with pytest.raises(SourceError, match=r"fin_client \(client\.asc\).*Add the missing files"):
        play(LAST.isoformat(), bank, tmp_path)
    lake = Lake.open(f"file:{tmp_path}")
    assert lake.published(LAST) is None
    assert lake.read("fin_transaction").num_rows == 0
