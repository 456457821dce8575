"""Rows are taken out for good, whoever else tidies the table meanwhile."""

from __future__ import annotations

from datetime import timedelta

from include.lake import erasing
from include.lake.data_files import data_files
from include.lake.erasing import expire_at_once
from include.maintenance.expiry import expire_snapshots
from tests.lake.nights import STATE, night_number, open_lake, rows_of, stamp_of
from tests.maintenance.lakes import moment

NIGHT = night_number(0)


def test_snapshots_that_somebody_else_has_just_expired_are_no_failure(tmp_path, monkeypatch):
    """Both expire the same ones, and the rows stay the same: no conflict that pyiceberg would find."""
    lake, original, expired = open_lake(tmp_path), erasing._stage_expiry, []
    for run in "abc":
        lake.replace(STATE, NIGHT, rows_of(STATE, NIGHT, run), stamp_of("a", NIGHT))

    def overtaken(table, transaction):
        original(table, transaction)
        other = open_lake(tmp_path).catalog
        expired.append(expire_snapshots(other, STATE.name, timedelta(0), moment(), is_dry=False))

    monkeypatch.setattr(erasing, "_stage_expiry", overtaken)
    assert expire_at_once(lake.catalog, STATE.name) > 0
    assert (len(expired), expired[0] > 0) == (2, True)
    table = lake.catalog.load(STATE.name)
    assert len(table.snapshots()) == 1
    stored = {str(path) for path in (tmp_path / "ads" / STATE.name / "data").rglob("*.parquet")}
    assert stored == {file.file_path for file in data_files(table)}
