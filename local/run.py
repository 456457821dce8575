"""`make run`: database, bank, model, Airflow and a week of nights on this machine; the UI stays until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from filelock import Timeout

from include.dag_ids import ALERTING, CHAMPION_ROLLBACK, MODEL_SELECTION, NIGHTLY_SETTLEMENT, ONLINE_LEARNING
from include.databases.terms import ServerTerms
from include.errors import SettingsError, SettlementError
from include.security import file_lock
from include.security.private import keep_new_files_private
from include.settings import PROJECT_ROOT, get_settings
from local import demonstration
from local.airflow_api import AirflowApi, Run
from local.airflow_process import LocalAirflow
from local.ports import choose_port
from local.postgres import LocalPostgres
from local.terminal import Terminal

DAG_ID = NIGHTLY_SETTLEMENT
MODEL_DAGS = (ONLINE_LEARNING, MODEL_SELECTION, CHAMPION_ROLLBACK)
DATA = PROJECT_ROOT / ".data"
DEFAULT_PORT = 8080
NIGHTS = 7
# Airflow is healthy after 15 to 20 s on two cores; this limit also suits a machine ten times slower.
START_SECONDS = 240
# The first night of the full Berka bank, with its whole history, takes minutes.
NIGHT_SECONDS = 3600


@dataclass(frozen=True)
class Place:
    """The address of the bank and of the lake."""

    # The address may contain a password, which no trace may show.
    source_uri: str = field(repr=False)
    lake_uri: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Start everything, play the last week, and stay; returns 1 with the reason on the last line when that fails."""
    options = _parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        with _only_one(DATA / "run.lock"):
            _run(options)
    except KeyboardInterrupt:
        return 0
    except (SettlementError, TimeoutError) as error:
        print(f"\nmake run stopped: {error}", file=sys.stderr)
        return 1
    return 0


def _interrupt(*_: Any) -> None:  # noqa: ANN401 - a signal's number and frame
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    # The source (ADS_SOURCE_URI) and the lake come from the environment, as every user of the machine sees arguments.
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--port", default="", help=f"of the UI (default: {DEFAULT_PORT}, or the next free one)")
    return parser


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """Hold the lock that allows only one `make run` at a time.

    Raises
    ------
    SettingsError
        When another `make run` holds it.
    """
    lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(file_lock.held(lock, seconds=0))
        except Timeout as error:
            raise SettingsError("another make run of this checkout is up: use its UI, or end it with Ctrl-C") from error
        yield


def _run(options: argparse.Namespace) -> None:
    terminal, port, settings = Terminal(), choose_port(options.port, DEFAULT_PORT), get_settings()
    terminal.say("starting PostgreSQL: Airflow's metadata, and the made-up bank where no other is given")
    with LocalPostgres.start(demonstration.SERVER) as postgres:
        # When root starts the server, its user must be able to pass through this folder; nobody may list it.
        DATA.chmod(0o711 if os.geteuid() == 0 else 0o700)
        keep_new_files_private()
        place = Place(
            settings.source_uri or demonstration.prepare(postgres, terminal.say, settings.seed), settings.lake_uri
        )
        nights = _last_nights(place.source_uri, settings.server_terms)
        postgres.create_database("airflow")
        airflow = LocalAirflow(DATA / "airflow", postgres.uri("airflow", driver="psycopg2"), port)
        with _up(airflow, place, nights[-1], terminal):
            _play(airflow, place, nights, terminal)


@contextmanager
def _up(airflow: LocalAirflow, place: Place, last: date, terminal: Terminal) -> Iterator[None]:
    """Start Airflow in the background, and stop it whatever happens."""
    terminal.say(f"starting Airflow in the background, log in {airflow.log}")
    is_live = last >= datetime.now(UTC).date() - timedelta(days=1)
    if not is_live:
        terminal.say(f"the bank ends on {last}: nights run when asked for, none by itself at two o'clock")
    inherited = {**os.environ, "ADS_SOURCE_URI": place.source_uri, "ADS_LAKE_URI": place.lake_uri}
    try:
        airflow.start(inherited, is_scheduling=is_live)
        yield
    finally:
        # A second Ctrl-C must not leave half of it running.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        terminal.say("stopping Airflow and PostgreSQL")
        airflow.stop()


def _play(airflow: LocalAirflow, place: Place, nights: list[date], terminal: Terminal) -> None:
    _train(place, nights[0], terminal)
    api = _connect(airflow, terminal)
    failed = _play_nights(api, place, nights, terminal)
    # From now on what the nights found becomes cases, whether somebody opens the queue or not.
    api.unpause(ALERTING)
    print(_where_everything_is(airflow, place, failed, is_private=sys.stdout.isatty()), flush=True)
    while True:
        airflow.check_alive()
        time.sleep(2)


def _last_nights(source_uri: str, terms: ServerTerms) -> list[date]:
    """The last week of the bank.

    Raises
    ------
    SettingsError
        When the bank has no transactions.
    """
    from include.sources import open_source

    with open_source(source_uri, terms=terms) as source:
        span = source.span()
    if span is None:
        raise SettingsError("the source has no transactions: name another one with SOURCE=")
    first, last = span
    return [day for n in reversed(range(NIGHTS)) if (day := last - timedelta(days=n)) >= first]


def _train(place: Place, before: date, terminal: Terminal) -> None:
    from include.night import has_model, train_champion
    from include.stages import told

    if has_model(place.lake_uri, before):
        return
    terminal.say(f"training the first model on what lies before {before}")
    with told(lambda sentence: terminal.say(f"  {sentence}")):
        trained = train_champion(place.source_uri, place.lake_uri, before)
    terminal.say(f"model: {trained['note']}")


def _connect(airflow: LocalAirflow, terminal: Terminal) -> AirflowApi:
    api = AirflowApi(airflow.address, "admin", airflow.passwords["admin"])

    def is_ready() -> bool | None:
        airflow.check_alive()
        return api.is_healthy() or None

    terminal.wait_for(lambda: "waiting for Airflow", is_ready, START_SECONDS)
    api.log_in()
    try:
        terminal.wait_for(lambda: "waiting for the DAGs", lambda: _knows_all(api) or None, START_SECONDS)
    except TimeoutError as error:
        raise SettingsError("\n".join([f"Airflow does not know {DAG_ID}", *api.import_errors()])) from error
    terminal.say(f"Airflow is up at {airflow.address}")
    # Unpause before the first night is published, as a paused DAG misses that event.
    for dag_id in MODEL_DAGS:
        api.unpause(dag_id)
    return api


def _knows_all(api: AirflowApi) -> bool:
    return all(api.knows(dag_id) for dag_id in (DAG_ID, *MODEL_DAGS, ALERTING))


def _play_nights(api: AirflowApi, place: Place, nights: list[date], terminal: Terminal) -> list[Run]:
    """Play the nights that are not published yet through the scheduler, and return the runs that failed."""
    missing = [night for night in nights if night not in _published(place.lake_uri)]
    if missing:
        terminal.say(f"queueing the nights {missing[0]} to {missing[-1]}, one after the other")
        # Backfill before the DAG is unpaused, as the scheduler would otherwise create its own run for yesterday.
        api.backfill(DAG_ID, missing[0], missing[-1])
    api.unpause(DAG_ID)
    if not missing:
        terminal.say(f"the nights {nights[0]} to {nights[-1]} are published already")
        return []
    return _follow(api, missing, terminal)


def _published(lake_uri: str) -> set[date]:
    from include.lake import Lake

    return set(Lake.open(lake_uri).manifest()["settlement_date"].to_pylist())


def _follow(api: AirflowApi, nights: list[date], terminal: Terminal) -> list[Run]:
    """Print how each night ends, as it ends."""
    said: dict[str, Run] = {}

    def all_ended() -> bool | None:
        runs = api.runs(DAG_ID, nights[0], nights[-1])
        for run in runs:
            # The note is written when the run ends.
            if run.state in ("success", "failed") and run.run_id not in said:
                said[run.run_id] = run
                terminal.say(run.summary)
        return (len(said) >= len(nights) and len(said) == len(runs)) or None

    terminal.wait_for(lambda: _doing(api), all_ended, NIGHT_SECONDS * len(nights))
    return [run for run in said.values() if run.state == "failed"]


def _doing(api: AirflowApi) -> str:
    return f"running: {', '.join(api.running_tasks(DAG_ID)) or 'the scheduler, between two tasks'}"


def _where_everything_is(airflow: LocalAirflow, place: Place, failed: list[Run], *, is_private: bool) -> str:
    """The addresses and logins that a person needs to go on.

    Parameters
    ----------
    is_private
        Whether only the person sees the text; a log file would keep passwords, and others may read it.
    """
    lines = [
        "",
        f"  Airflow    {airflow.address}",
        *_logins(airflow, is_private=is_private),
        f"  a night    {airflow.address}/dags/{DAG_ID}: a run's page has its summary, its tab Outcome the figures",
        f"  all nights {airflow.address}/plugin/settlement",
        f"  models     {airflow.address}/plugin/settlement-models: the champion, what it learns, how to choose another",
        f"  Data Docs  {airflow.address}/plugin/settlement-data-docs",
        f"  lake       {place.lake_uri}",
        f"  commands   source {airflow.settings_file}; then .venv/bin/airflow backfill create --dag-id {DAG_ID} ...",
        f"  logs       {airflow.home / 'logs'} and {airflow.log}",
        "",
        *(f"  NOT published: {run.summary}" for run in failed),
        "Ctrl-C ends it; what it made stays in .data, and the next make run goes on from there.",
    ]
    return "\n".join(lines)


def _logins(airflow: LocalAirflow, *, is_private: bool) -> list[str]:
    may = {
        "admin": "",
        "viewer": " (masked pages, triggers nothing)",
        "investigator": " (accounts, decisions)",
        "approver": " (accounts, decisions, corrections)",
        "engineer": " (runs, what was quarantined)",
    }
    said = [f"{login:<12} password {airflow.passwords[login]}{rights}" for login, rights in may.items()]
    if not is_private:
        said = [
            *(f"{login}{rights}" for login, rights in may.items()),
            f"their passwords lie in {airflow.passwords_file}",
        ]
    return [f"  {'login' if number == 0 else '':<10} {line}" for number, line in enumerate(said)]


if __name__ == "__main__":
    sys.exit(main())
