"""`make night`: the nightly DAG once, without scheduler or server; exit status 0 only when the night was published."""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from include.dag_ids import NIGHTLY_SETTLEMENT
from include.errors import SettlementError
from include.lake.night_lock import one_night_at_a_time
from include.night.request import parse_night
from include.security.private import keep_new_files_private, make_private
from include.settings import PROJECT_ROOT, get_settings
from local import demonstration
from local.airflow_home import airflow_environment
from local.postgres import LocalPostgres
from local.terminal import Terminal

HEADLESS_HOME = PROJECT_ROOT / ".data" / "airflow-headless"
# A person waits here, so that three tries end within half a minute; the scheduler gives a database minutes to return.
RETRY_DELAY = timedelta(seconds=3)


class NightFailedError(SettlementError):
    """Raised when a task of the night failed; the message is the task's own sentence."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the night that the command line names; returns 0 when it was published, else 1, with the reason last."""
    options = _parser().parse_args(arguments)
    try:
        night, settings = parse_night(options.date), get_settings()
        with _source(settings.source_uri) as source_uri:
            figures = play_headless(night, source_uri, settings.lake_uri)
    except SettlementError as error:
        # Earlier output went to another stream; flushing lets the reason come last.
        sys.stdout.flush()
        print(f"\nThe night was not published.\n{error}", file=sys.stderr, flush=True)
        return 1
    print("\n".join(["", "The night is published.", *(f"  {name}: {value}" for name, value in figures.items())]))
    return 0


def _parser() -> argparse.ArgumentParser:
    # The source (ADS_SOURCE_URI) and the lake come from the environment, as every user of the machine sees arguments.
    parser = argparse.ArgumentParser(prog="make night", description=__doc__)
    parser.add_argument("--date", required=True, help="settlement date, YYYY-MM-DD")
    return parser


@contextmanager
def _source(given: str) -> Iterator[str]:
    """The given bank, or the generated one of `make run`, whose server is started for the night."""
    if given or not demonstration.exists():
        yield given
        return
    with LocalPostgres.start(demonstration.SERVER) as postgres:
        yield demonstration.address(postgres)


def play_headless(night: date, source_uri: str, lake_uri: str, then: Sequence[str] = ()) -> dict[str, Any]:
    """Run `nightly_settlement` for one settlement date in this process, and return the figures of its report.

    Parameters
    ----------
    night
        Settlement date.
    source_uri, lake_uri
        Addresses of the bank and the lake.
    then
        Ids of DAGs that are run after it.

    Raises
    ------
    NightFailedError
        When a task failed; the message is what the task wrote for people.
    """
    keep_new_files_private()
    with one_night_at_a_time(lake_uri, night, Terminal().say), _private_home() as home:
        os.environ.update(airflow_environment(os.environ, home, f"sqlite:///{home / 'airflow.db'}"))
        os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "ERROR"
        # The caller decides which bank and lake are the installation's own.
        os.environ.update({"ADS_SOURCE_URI": source_uri, "ADS_LAKE_URI": lake_uri})
        get_settings.cache_clear()
        figures = _run_dag(NIGHTLY_SETTLEMENT, {"date": night.isoformat()})
        for dag_id in then:
            _run_dag(dag_id)
        return figures


@contextmanager
def _private_home() -> Iterator[Path]:
    """An Airflow home for this run only, so that two nights started at once do not see each other's metadata."""
    make_private(HEADLESS_HOME)
    home = Path(tempfile.mkdtemp(prefix="night-", dir=HEADLESS_HOME))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _run_dag(dag_id: str, conf: dict[str, Any] | None = None) -> dict[str, Any]:
    _prepare_airflow()
    from include.orchestration import FAILURE

    dag: Any = getattr(importlib.import_module(f"dags.{dag_id}"), dag_id)()
    for task in dag.tasks:
        task.retry_delay = RETRY_DELAY
    run = dag.test(run_conf=conf)
    if run.state != "success":
        raise NightFailedError(_left(run, FAILURE) or "a task failed without a sentence; see its trace above")
    return dict(_left(run, "return_value") or {})


@cache
def _prepare_airflow() -> None:
    # Airflow reads its environment when it is imported.
    from airflow.sdk.listener import get_listener_manager
    from airflow.utils.db import initdb

    initdb()
    listeners: Any = get_listener_manager()
    listeners.add_listener(_progress())


def _left(run: Any, key: str) -> Any:  # noqa: ANN401 - Airflow's run, and whatever JSON a task left
    """The value under `key` of the last task of the run that wrote one."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    with create_session() as session:
        query = XComModel.get_many(run_id=run.run_id, key=key, dag_ids=run.dag_id)
        rows = session.scalars(query.order_by(XComModel.timestamp.desc())).all()
        return XComModel.deserialize_value(rows[0]) if rows else None


def _progress() -> Any:  # noqa: ANN401 - a class that Airflow's listeners find by its methods
    """A listener that prints on the terminal which task runs and which one failed."""
    from airflow.listeners import hookimpl

    terminal = Terminal()

    class Progress:
        @hookimpl
        def on_task_instance_running(self, task_instance: Any) -> None:  # noqa: ANN401 - Airflow's own
            terminal.say(f"{task_instance.task_id} ...")

        @hookimpl
        def on_task_instance_failed(self, task_instance: Any) -> None:  # noqa: ANN401 - Airflow's own
            terminal.say(f"{task_instance.task_id} failed, try {task_instance.try_number}")

    return Progress()


if __name__ == "__main__":
    sys.exit(main())
