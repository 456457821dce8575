"""A year of nights with a maintenance each week: what one night costs to plan does not depend on how many there are."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from pyiceberg.io.pyarrow import PyArrowFile
from pyiceberg.manifest import ManifestFile, clear_manifest_cache

from include.lake.data_files import data_files
from include.maintenance import STEPS, Figures
from include.maintenance.compaction import LEAST_SPARE
from include.settings import get_settings
from tests.lake.nights import night_number, open_lake
from tests.maintenance.lakes import LATER, maintenance, publish_honestly, verified

NIGHTS, WEEK, MONTHS = 366, 7, 12
PLANNED = "fin_transaction"
LOOKED_AT = (28, 182, NIGHTS)
"""Numbers of nights after which is counted: four weeks, half a year, the year."""
MOST_MANIFESTS = MONTHS + LEAST_SPARE
DATA_FILES = {"fin_account": 1, "quarantine": 0}
"""Data files of the tables that do not get one each night."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ADS_KEY_FILE", str(tmp_path / "keys" / "lake.key"))
    get_settings.cache_clear()
    yield tmp_path / "lake"
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.mark.long
def test_a_year_stays_as_quick_to_plan_as_a_month(folder, monkeypatch):
    lake, done, counted = open_lake(folder), Counter(), {}
    for number in range(NIGHTS):
        publish_honestly(lake, night_number(number))
        if (number + 1) % WEEK == 0 or number + 1 == NIGHTS:
            before = Figures.total(maintenance(folder).measure().values()) if number + 1 == NIGHTS else None
            done.update(maintained(folder))
        if number + 1 in LOOKED_AT:
            counted[number + 1] = [plan_costs(folder, night, monkeypatch) for night in (0, number // 2, number)]
    tables = maintenance(folder).measure()
    after = Figures.total(tables.values())
    print(json.dumps({"done": done, "last week": before.as_dict(), "after": after.as_dict(), "plans": counted}))
    # The table's metadata, its list of manifests, and the manifest of the night's month.
    assert {cost["opened"] for costs in counted.values() for cost in costs} == {3}
    assert {cost["read manifests"] for costs in counted.values() for cost in costs} == {1}
    assert max(cost["listed manifests"] for costs in counted.values() for cost in costs) <= MOST_MANIFESTS
    for name, figures in tables.items():
        assert figures.data_files == DATA_FILES.get(name, NIGHTS), name
        # Beside the manifests there are lists of them, one for each snapshot, and versions of the table's metadata.
        assert figures.metadata_files <= 2 * MOST_MANIFESTS, name
    assert done["removed_files"] > after.files
    assert len(verified(folder)["verified"]) == NIGHTS


def maintained(folder):
    """What the steps of a maintenance came to, of some days later, when the week's leftovers are out of use."""
    work = maintenance(folder, LATER, static_history_days=2)
    return {key: count for step in STEPS.values() for key, count in step(work).items()}


def plan_costs(folder, number, monkeypatch):
    """What is opened to plan one night, by a process that looks at the lake for the first time."""
    night, opened, read = night_number(number), [], []
    original, entries = PyArrowFile.open, ManifestFile.fetch_manifest_entry
    clear_manifest_cache()
    catalog = open_lake(folder).catalog
    with monkeypatch.context() as patched:
        patched.setattr(PyArrowFile, "open", lambda self, *a, **k: opened.append(self) or original(self, *a, **k))
        patched.setattr(
            ManifestFile, "fetch_manifest_entry", lambda self, *a, **k: read.append(self) or entries(self, *a, **k)
        )
        table = catalog.load(PLANNED)
        (file,) = data_files(table, night, night)
    assert file.record_count == 3
    listed = table.current_snapshot().manifests(table.io)
    return {"opened": len(opened), "read manifests": len(read), "listed manifests": len(listed)}
