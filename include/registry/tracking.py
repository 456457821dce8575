"""Records every training in MLflow: parameters, metrics, plots and tables.

The model's bytes and the champion are not kept here but sealed in `include.registry.models`: a night must run even when
no tracking server answers, and MLflow's store cannot tell a changed model from the one that was recorded.
"""

from __future__ import annotations

import math
import re
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv

from include.errors import TrackingError
from include.registry.tracking_store import TrackingStore
from include.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient
    from mlflow.entities import Run

EXPERIMENT = "bank-settlement"
VERSION_TAG = "model_version"
# MLflow's own rule for keys; names of files allow no slash, so that a file cannot leave the run's folder.
_KEY = re.compile(r"[A-Za-z0-9_][\w.\- :/]{0,249}", re.ASCII)
_FILE_NAME = re.compile(r"[A-Za-z0-9_][\w.\-]{0,99}", re.ASCII)
# For this kind of experiment MLflow's pages show metrics and parameters beside each run, instead of LLM traces.
_KIND = {"mlflow.experimentKind": "custom_model_development"}
_FIGURE_DPI = 120
_PAGE_RUNS = 1000

_RUNS_SCHEMA = pa.schema(
    [
        ("model_version", pa.string()),
        ("run_id", pa.string()),
        ("status", pa.string()),
        ("started_at", pa.timestamp("ms", tz="UTC")),
        ("metrics", pa.map_(pa.string(), pa.float64())),
    ]
)


@dataclass(frozen=True)
class TrainingRun:
    """The record of one training.

    Attributes
    ----------
    model_version
        Version of the model in the registry; each version has one run.
    parameters
        Parameters of the training. A version names one training, so that they cannot change once recorded.
    metrics
        Figures of the model, all finite. Names take letters, digits, `_ - . : /` and spaces.
    tags
        Further labels to find the run by; they may change. MLflow shows `mlflow.note.content` as the run's description
        (Markdown).
    figures
        Name -> plot, kept as `figures/<name>.png`.
    tables
        Name -> rows, kept as `tables/<name>.csv`; columns of plain values.
    documents
        Name -> Markdown, kept as `documents/<name>.md`.
    """

    model_version: str
    parameters: Mapping[str, str | int | float] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)


def record(run: TrainingRun, settings: Settings, lake_uri: str) -> str:
    """Record a training in MLflow; a training that is recorded already is updated, not recorded twice.

    Parameters
    ----------
    run
        Record of the training.
    settings
        Settings, whose `mlflow_uri` names the store. When it is empty, the store is `<lake>/mlflow/` or, for a lake in
        an object store, `.data/mlflow/` on this machine.
    lake_uri
        URI of the lake that holds the model.

    Returns
    -------
    str
        MLflow's identifier of the run.

    Raises
    ------
    TrackingError
        When the training could not be recorded, wholly or in part; the same call completes it later. The model is not
        affected, and the caller decides whether to go on.
    """
    _require_recordable(run)
    store = TrackingStore.of(settings, lake_uri)
    with store.client() as client:
        experiment = _experiment(client, store)
        kept = _kept(client, experiment, run.model_version) or _created(client, experiment, run.model_version)
        _require_same_parameters(run, kept)
        try:
            _write(client, run, kept)
        except Exception:
            with suppress(Exception):  # the first error is the one to report
                client.set_terminated(kept.info.run_id, "FAILED")
            raise
        client.set_terminated(kept.info.run_id)
        return str(kept.info.run_id)


def runs(settings: Settings, lake_uri: str) -> pa.Table:
    """The recorded trainings, the newest first.

    Returns
    -------
    pa.Table
        Columns `model_version`, `run_id`, `status` (MLflow's: FINISHED, FAILED, RUNNING), `started_at` (UTC) and
        `metrics` (a map). The table is empty, and no store is created, where nothing was ever recorded.

    Raises
    ------
    TrackingError
        When the store cannot be read.
    """
    store = TrackingStore.of(settings, lake_uri)
    if store.is_missing:
        return _RUNS_SCHEMA.empty_table()
    with store.client() as client:
        experiment = client.get_experiment_by_name(EXPERIMENT)
        found = _search(client, experiment.experiment_id) if experiment else []
        return pa.Table.from_pylist([_row(run) for run in found], schema=_RUNS_SCHEMA)


def _require_recordable(run: TrainingRun) -> None:
    """Check for everything that MLflow would refuse halfway.

    Raises
    ------
    TrackingError
        When anything would be refused; the message names all of it.
    """
    keys = (*run.parameters, *run.metrics, *run.tags)
    wrong = [f"the key {key!r}" for key in keys if not _KEY.fullmatch(key)]
    wrong += [
        f"the file name {name!r}"
        for name in (*run.figures, *run.tables, *run.documents)
        if not _FILE_NAME.fullmatch(name)
    ]
    wrong += [f"the metric {key!r} = {value}" for key, value in run.metrics.items() if not math.isfinite(value)]
    if not _FILE_NAME.fullmatch(run.model_version):
        wrong.append(f"the model version {run.model_version!r}")
    if wrong:
        raise TrackingError(
            f"the training {run.model_version} cannot be recorded with {', '.join(wrong)}: keys are of letters, digits "
            "and _ - . : / and spaces, file names without the last three, metrics finite; nothing was recorded",
            version=run.model_version,
        )


def _require_same_parameters(run: TrainingRun, kept: Run) -> None:
    before = kept.data.params
    changed = [
        f"{name} {before[name]!r} -> {str(value)!r}"
        for name, value in run.parameters.items()
        if before.get(name, str(value)) != str(value)
    ]
    if changed:
        raise TrackingError(
            f"the training {run.model_version} was recorded with other parameters ({', '.join(changed)}): a version "
            "names one training; put what may change into tags or metrics",
            version=run.model_version,
        )


def _experiment(client: MlflowClient, store: TrackingStore) -> str:
    known = client.get_experiment_by_name(EXPERIMENT)
    return str(known.experiment_id if known else client.create_experiment(EXPERIMENT, store.artifacts, _KIND))


def _kept(client: MlflowClient, experiment: str, version: str) -> Run | None:
    found = client.search_runs([experiment], f"tags.{VERSION_TAG} = '{version}'", max_results=1)
    return found[0] if found else None


def _created(client: MlflowClient, experiment: str, version: str) -> Run:
    """A new run that is created with its version, so that the record of a killed process is found and completed."""
    return client.create_run(experiment, tags={VERSION_TAG: version}, run_name=version)


def _write(client: MlflowClient, run: TrainingRun, kept: Run) -> None:
    from mlflow.entities import Metric, Param, RunTag

    now = int(time.time() * 1000)
    before = kept.data.metrics
    client.log_batch(
        kept.info.run_id,
        # MLflow keeps a history of each metric: an unchanged figure would become its second point.
        metrics=[Metric(key, float(value), now, 0) for key, value in run.metrics.items() if before.get(key) != value],
        params=[Param(key, str(value)) for key, value in run.parameters.items()],
        tags=[RunTag(key, value) for key, value in run.tags.items() if key != VERSION_TAG],
    )
    with tempfile.TemporaryDirectory() as draft:
        _draw(run, Path(draft))
        client.log_artifacts(kept.info.run_id, draft)


def _draw(run: TrainingRun, folder: Path) -> None:
    for part in ("figures", "tables", "documents"):
        (folder / part).mkdir()
    for name, figure in run.figures.items():
        figure.savefig(folder / "figures" / f"{name}.png", dpi=_FIGURE_DPI)
    for name, table in run.tables.items():
        pyarrow.csv.write_csv(table, folder / "tables" / f"{name}.csv")
    for name, text in run.documents.items():
        (folder / "documents" / f"{name}.md").write_text(text, encoding="utf-8")


def _search(client: MlflowClient, experiment: str) -> list[Run]:
    found: list[Run] = []
    token: str | None = ""
    while token is not None:
        page = client.search_runs(
            [experiment], max_results=_PAGE_RUNS, order_by=["attributes.start_time DESC"], page_token=token or None
        )
        found += page
        token = page.token or None
    return found


def _row(run: Run) -> dict[str, object]:
    return {
        "model_version": run.data.tags.get(VERSION_TAG),
        "run_id": run.info.run_id,
        "status": run.info.status,
        "started_at": run.info.start_time,
        "metrics": list(run.data.metrics.items()),
    }
