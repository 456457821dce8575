"""A training is recorded once, with its figures; what goes wrong is told without secrets, and nobody is called."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from matplotlib.figure import Figure

from include.errors import TrackingError
from include.registry import tracking, tracking_store
from include.registry.tracking import TrainingRun
from include.registry.tracking_store import LOCAL_FOLDER, TrackingStore
from include.settings import PROJECT_ROOT, Settings

VERSION = "isolation_forest-0123456789abcdef"
SETTINGS = Settings(mlflow_uri="")


def training(version: str = VERSION, **changes: object) -> TrainingRun:
    figure = Figure()
    figure.add_subplot().plot([1, 2])
    run = TrainingRun(
        model_version=version,
        parameters={"seed": 20, "budget": 0.02, "detector": "isolation_forest"},
        metrics={"average_precision": 0.5, "recall/large_amount": 0.75},
        tags={"bank": "made up"},
        figures={"precision_recall": figure},
        tables={"recall": pa.table({"kind": ["drain"], "recall": [0.25]})},
    )
    return replace(run, **changes)


ONE_OF_TWO = """
import sys
calls = []
network = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
sys.addaudithook(lambda name, arguments: calls.append((name, arguments[1:])) if name in network else None)
from include.registry import tracking
from include.settings import Settings
for version in (sys.argv[2], "shared-0123456789abcdef"):
    run = tracking.TrainingRun(version, {"seed": 1}, {"recall": 0.5})
    tracking.record(run, Settings(mlflow_uri=""), sys.argv[1])
print(calls, "git" in sys.modules)
"""
# Under these MLflow is silent by itself, which is not what is to be seen.
SILENCERS = ("PYTEST_CURRENT_TEST", "CI", "GITHUB_ACTIONS", "DO_NOT_TRACK", "MLFLOW_DISABLE_TELEMETRY")


@pytest.fixture(scope="session")
def two(tmp_path_factory) -> tuple[str, list[tuple[str, str]]]:
    """A lake, in a folder with a blank in its name, whose store two processes made at once, and what they said."""
    lake = f"file:{tmp_path_factory.mktemp('tracking') / 'the lake'}"
    both = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", ONE_OF_TWO, lake, f"{name}-0123456789abcdef"],
            cwd=PROJECT_ROOT,
            env={name: value for name, value in os.environ.items() if name not in SILENCERS},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("first", "second")
    ]
    return lake, [one.communicate(timeout=120) for one in both]


@pytest.fixture(scope="session")
def lake(two) -> str:
    """That lake with one training more."""
    tracking.record(training(), SETTINGS, two[0])
    return two[0]


def artifacts(lake: str) -> dict[str, Path]:
    folder = Path(lake.removeprefix("file:")) / "mlflow" / "artifacts"
    return {path.name: path for path in folder.rglob("*") if path.is_file()}


def metrics_of(lake: str, version: str) -> dict[str, float]:
    (row,) = [row for row in tracking.runs(SETTINGS, lake).to_pylist() if row["model_version"] == version]
    return dict(row["metrics"])


def test_two_trainings_at_once_make_one_store_and_call_nobody(two):
    lake, said = two
    assert said == [("[] False\n", "")] * 2
    versions = tracking.runs(SETTINGS, lake)["model_version"].to_pylist()
    for name in ("first", "second", "shared"):
        assert versions.count(f"{name}-0123456789abcdef") == 1


def test_metrics_come_back_with_version_and_time(lake):
    (row,) = [row for row in tracking.runs(SETTINGS, lake).to_pylist() if row["model_version"] == VERSION]
    assert row["status"] == "FINISHED"
    assert dict(row["metrics"]) == training().metrics
    assert datetime.now(UTC) - row["started_at"] < timedelta(minutes=10)


def test_figures_and_tables_lie_beside_the_lake(lake):
    found = artifacts(lake)
    assert found["precision_recall.png"].read_bytes().startswith(b"\x89PNG")
    assert found["recall.csv"].read_text().splitlines() == ['"kind","recall"', '"drain",0.25']


def test_recorded_again_it_is_the_same_run_brought_up_to_date(lake):
    version = "isolation_forest-000000000000000a"
    first = tracking.record(training(version), SETTINGS, lake)
    again = tracking.record(training(version, metrics={"average_precision": 0.4}), SETTINGS, lake)
    assert first == again
    assert metrics_of(lake, version) == {"average_precision": 0.4, "recall/large_amount": 0.75}


def test_an_unchanged_metric_gets_no_second_point(lake):
    tracking.record(training(), SETTINGS, lake)
    with TrackingStore.of(SETTINGS, lake).client() as client:
        (run,) = client.search_runs(["1"], f"tags.model_version = '{VERSION}'")
        assert len(client.get_metric_history(run.info.run_id, "average_precision")) == 1


def test_a_version_keeps_its_parameters(lake):
    with pytest.raises(TrackingError, match=r"other parameters \(seed '20' -> '21'\)"):
        tracking.record(training(parameters={"seed": 21}), SETTINGS, lake)


def test_a_record_that_broke_is_marked_and_completed_later(lake):
    version = "isolation_forest-000000000000000b"
    nested = pa.table({"nested": [[1]]})
    with pytest.raises(TrackingError):
        tracking.record(training(version, tables={"no_csv": nested}), SETTINGS, lake)
    assert statuses(lake)[version] == "FAILED"
    tracking.record(training(version), SETTINGS, lake)
    assert statuses(lake)[version] == "FINISHED"


def statuses(lake: str) -> dict[str, str]:
    return {row["model_version"]: row["status"] for row in tracking.runs(SETTINGS, lake).to_pylist()}


@pytest.mark.parametrize(
    "changes",
    [
        {"metrics": {"average_precision": float("nan")}},
        {"metrics": {"recall, drain": 0.1}},
        {"figures": {"../outside": Figure()}},
        {"model_version": "x' or 1=1"},
    ],
)
def test_what_mlflow_would_refuse_halfway_is_refused_before(tmp_path, changes):
    with pytest.raises(TrackingError, match="nothing was recorded"):
        tracking.record(training(**changes), SETTINGS, f"file:{tmp_path}")
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_was_recorded_the_table_is_empty_and_nothing_is_made(tmp_path):
    assert tracking.runs(SETTINGS, f"file:{tmp_path}").num_rows == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql+psycopg://bank:s3cr%2Ft@127.0.0.1:1/mlflow",
        "postgresql+psycopg://bank:s3cr/t@127.0.0.1:1/mlflow",
        "postgresql+psycopg://127.0.0.1:1/mlflow?user=bank&password=s3cr%2Ft",
        "postgresql+nodriver://bank:s3cr/t@127.0.0.1:1/mlflow",
        "http://bank:s3cr%2Ft@127.0.0.1:1",
        "s3cr-scheme://bank:s3cr/t@somewhere",
    ],
)
def test_a_store_that_does_not_answer_is_told_at_once_and_without_its_password(
    tmp_path, monkeypatch, caplog, capfd, uri
):
    monkeypatch.setattr(tracking_store, "LOCAL_FOLDER", tmp_path)  # where the lock of another's store lies
    with pytest.raises(TrackingError) as raised:
        tracking.record(training(), Settings(mlflow_uri=uri), f"file:{tmp_path}")
    said = f"{raised.value}{caplog.text}{''.join(capfd.readouterr())}".replace("s3cr-scheme", "")
    assert "s3cr" not in said
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


def test_a_file_that_is_no_store_is_an_error_of_tracking(tmp_path):
    (tmp_path / "mlflow").mkdir()
    (tmp_path / "mlflow" / "mlflow.db").write_text("this is no database" * 100)
    with pytest.raises(TrackingError, match="file is not a database"):
        tracking.record(training(), SETTINGS, f"file:{tmp_path}")


def test_an_object_store_keeps_its_trainings_on_this_machine():
    store = TrackingStore.of(SETTINGS, "s3://bucket/lake")
    assert store.uri == f"sqlite:///{LOCAL_FOLDER / 'mlflow.db'}"


def test_a_database_of_its_own_keeps_artifacts_in_the_lake():
    store = TrackingStore.of(Settings(mlflow_uri="postgresql+psycopg://me:secret@db/mlflow"), "s3://bucket/lake")
    assert store.artifacts == "s3://bucket/lake/mlflow/artifacts"
    assert store.address == "postgresql://db/mlflow"
