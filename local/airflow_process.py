"""Runs a local Airflow as one process group in a session of its own, so that no process is left when it stops."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import signal
import subprocess  # nosec B404
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from include.errors import TerminalError
from include.security.private import OWNERS_UMASK, make_private
from local.airflow_home import airflow_environment

# Scheduler and server finish their current work; ten seconds were enough in every stop that was timed.
STOP_SECONDS = 20
USERS = {"admin": "admin", "viewer": "viewer", "investigator": "user", "approver": "user", "engineer": "op"}
"""Role of each login, which the console's rights follow. The viewer sees every run and masked pages, and triggers
nothing; the investigator sees accounts and decides; the engineer sees runs and what was quarantined. As Airflow grants
it to their roles, all but the viewer trigger runs and answer what a run asks."""
RIGHTS = {"approver": ["viewer", "investigator", "approver"]}
"""Rights of the logins that have others than their role gives: the role of a user approves nothing in the console."""


class AirflowDiedError(TerminalError):
    """Raised when Airflow ended by itself; the message contains the last lines of its log."""


class LocalAirflow:
    """Airflow's scheduler, DAG processor, triggerer and server on this machine.

    Parameters
    ----------
    home
        Folder for its configuration, logs and passwords.
    database_uri
        SQLAlchemy URL of its metadata database.
    port
        Port on which the UI answers, on this machine only.
    """

    def __init__(self, home: Path, database_uri: str, port: int) -> None:
        self.home = home
        self.database_uri = database_uri
        self.address = f"http://localhost:{port}"
        self.port = port
        self.log = home / "standalone.log"
        self.settings_file = home / "airflow.env"
        self.passwords_file = home / "simple_auth_manager_passwords.json.generated"
        self._group = home / "standalone.pid"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def passwords(self) -> dict[str, str]:
        """The password of each login, drawn at first use and stored where only the owner can read it."""
        file = self.passwords_file
        file.touch(mode=0o600)
        file.chmod(0o600)
        kept: dict[str, str] = json.loads(file.read_text() or "{}")
        drawn = {login: secrets.token_urlsafe(12) for login in USERS if login not in kept}
        if drawn:
            file.write_text(json.dumps({**kept, **drawn}))
        return {**kept, **drawn}

    def start(self, inherited: Mapping[str, str], *, is_scheduling: bool) -> None:
        """Start Airflow, after stopping what an earlier start left running; its API answers some seconds later.

        Parameters
        ----------
        inherited
            Environment of the tasks.
        is_scheduling
            Whether DAGs run on their schedules; triggered runs and backfills run in any case.
        """
        make_private(self.home)
        self.stop()
        _ = self.passwords
        environment = self._environment(inherited, is_scheduling)
        self._keep(environment)
        with self.log.open("wb") as log:
            # The command is this interpreter with fixed arguments; nobody's input is part of it.
            self._process = subprocess.Popen(  # nosec B603
                [sys.executable, "-m", "airflow", "standalone"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # Files of tasks, logs and the database are private to the owner.
                umask=OWNERS_UMASK,
            )
        self._group.write_text(str(self._process.pid))

    def _keep(self, environment: Mapping[str, str]) -> None:
        """Write the settings to a file that people can `source` before their own `airflow` commands."""
        self.settings_file.touch(mode=0o600)
        named = [name for name in sorted(environment) if name.startswith(("AIRFLOW", "ADS_")) or name == "PYTHONPATH"]
        self.settings_file.write_text("".join(f"export {name}={shlex.quote(environment[name])}\n" for name in named))

    def _environment(self, inherited: Mapping[str, str], is_scheduling: bool) -> dict[str, str]:
        users = ",".join(f"{login}:{role}" for login, role in USERS.items())
        return {
            **airflow_environment(inherited, self.home, self.database_uri),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": users,
            "ADS_SIMPLE_RIGHTS": json.dumps(RIGHTS),
            # Passwords are not encrypted on the wire, so that only this machine may connect. Airflow's log servers
            # listen on all addresses whatever is set, and serve a log only for a signature of this installation.
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.address,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.address}/execution/",
            "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": str(is_scheduling).lower(),
            # One night runs at a time, one task after the other, and every idle worker takes 100 MB.
            "AIRFLOW__CORE__PARALLELISM": "2",
        }

    def check_alive(self) -> None:
        """Check that Airflow still runs.

        Raises
        ------
        AirflowDiedError
            When it has ended.
        """
        if self._process is None or self._process.poll() is None:
            return
        last = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
        raise AirflowDiedError(f"Airflow ended with status {self._process.returncode}; the end of {self.log}:\n{last}")

    def stop(self) -> None:
        """Stop every process of the group, first by a request, then by force."""
        group = self._running_group()
        if group is None:
            return
        _signal(group, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while _members(group) and time.monotonic() < deadline:
            if self._process is not None:
                self._process.poll()
            time.sleep(0.2)
        _signal(group, signal.SIGKILL)
        self._group.unlink(missing_ok=True)

    def _running_group(self) -> int | None:
        """The process group of the last start, if it is still Airflow's, as group numbers are reused."""
        if not self._group.exists():
            return None
        group = int(self._group.read_text())
        return group if any(_is_of(process, self.home) for process in _members(group)) else None


def _members(group: int) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if _group_of(process.pid) == group and _is_alive(process)]


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _is_of(process: psutil.Process, home: Path) -> bool:
    try:
        return bool(process.environ().get("AIRFLOW_HOME") == str(home))
    except psutil.Error:
        return False


def _signal(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
