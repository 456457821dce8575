"""Debian's PostgreSQL and MariaDB over one temporary folder each: with TLS, on a loopback port and on a socket."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa

from tests.databases.certificates import Pair
from tests.sources.small_databases import make_bank

HOST = "db.bank.example"
"""Name that the servers' certificates are for, and that no name server knows."""
_COMES_UP_SECONDS = 60


class Server(ABC):
    """A server that ends with its block; reads are `teller`'s, who may do nothing else, and what is made is root's."""

    account: ClassVar[str]
    """The system's user that the server runs as where root starts it, as it refuses to run as root."""
    _straight: ClassVar[Mapping[str, str]] = {}
    _end: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, folder: Path, pair: Pair) -> None:
        self.folder = folder
        self.port = _free_port()
        self.show(pair, is_running=False)

    @abstractmethod
    def admin(self, database: str = "") -> str:
        """The address by which its owner comes in, over the socket."""

    @abstractmethod
    def address(self, database: str, login: str = "teller:hunter2", host: str = "127.0.0.1") -> str:
        """The address by which others come in, over the network."""

    @abstractmethod
    def _prepare(self) -> None:
        """Make the data folder."""

    @abstractmethod
    def _command(self) -> Sequence[str | Path]:
        """What runs the server."""

    @abstractmethod
    def let_read(self, database: str) -> None:
        """Let `teller` read all tables of a database, as the documentation says."""

    @abstractmethod
    def reread(self) -> None:
        """Have the server read its certificate anew."""

    def show(self, pair: Pair, *, is_running: bool = True) -> None:
        """Let the server show a certificate from now on."""
        for name, content in (("server.pem", pair.certificate), ("server.key", pair.key)):
            self._own(name, content)
        if is_running:
            self.reread()

    def engine(self, database: str = "") -> sa.Engine:
        """Connections of its owner."""
        return sa.create_engine(self.admin(database), poolclass=sa.NullPool, connect_args=self._straight)

    def run(self, *statements: str, database: str = "") -> None:
        """Statements of its owner, each committed."""
        with self.engine(database).execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement.replace("%", "%%"))

    @abstractmethod
    def password_of(self, user: str, password: str) -> str:
        """The statement that gives a user another password."""

    @abstractmethod
    def cut(self) -> None:
        """End all connections of `teller`."""

    def new_database(self) -> str:
        """The name of a new, empty database."""
        name = f"bank_{uuid.uuid4().hex}"
        self.run(f"create database {name}")
        return name

    def small_bank(self, **options: Any) -> str:
        """The name of a database with the small bank, which `teller` may read; options are `make_bank`'s."""
        name = self.new_database()
        make_bank(self.admin(name), **options)
        self.let_read(name)
        return name

    @contextmanager
    def running(self) -> Iterator[None]:
        """Make the data folder, start the server, and stop it at the end."""
        self._prepare()
        log = (self.folder / "log").open("wb")
        with log, subprocess.Popen(self._command(), stdout=log, stderr=log, **self._identity()) as process:
            try:
                self._await(process)
                yield
            finally:
                process.send_signal(self._end)
                process.wait(_COMES_UP_SECONDS)

    def _await(self, process: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + _COMES_UP_SECONDS
        while time.monotonic() < end and process.poll() is None:
            try:
                return self.run("select 1")
            except sa.exc.OperationalError:
                time.sleep(0.05)
        raise RuntimeError(f"the server did not come up: {(self.folder / 'log').read_text(errors='replace')[-2000:]}")

    def _call(self, *command: str | Path) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False, **self._identity())
        if done.returncode:
            raise RuntimeError(f"{command[0]} ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")

    def _own(self, name: str, content: bytes | str) -> Path:
        """A file that only the server reads."""
        file = self.folder / name
        file.touch(mode=0o600)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        if os.geteuid() == 0:
            shutil.chown(file, self.account)
        return file

    def _identity(self) -> dict[str, object]:
        own = os.geteuid() != 0
        return {"cwd": self.folder} if own else {"cwd": self.folder, "user": self.account, "extra_groups": []}


class DebianPostgres(Server):
    """PostgreSQL, which asks everybody who comes over the network for a password, and lets nobody in without TLS."""

    account = "postgres"
    # The socket, also while tests let libpq find HOST by the environment.
    _straight: ClassVar[Mapping[str, str]] = {"hostaddr": ""}
    # It waits for nobody who is still connected, and writes nothing that nobody reads again.
    _end: ClassVar[signal.Signals] = signal.SIGQUIT
    _RULES = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n"

    @staticmethod
    def programs() -> Path | None:
        """The folder of the newest server's programs, where Debian keeps them."""
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        return found[-1].parent if found else None

    def admin(self, database: str = "") -> str:
        return f"postgresql+psycopg://postgres@:{self.port}/{database or 'postgres'}?host={self.folder}"

    def address(self, database: str, login: str = "teller:hunter2", host: str = "127.0.0.1") -> str:
        return f"postgresql+psycopg://{login}@{host}:{self.port}/{database}"

    def let_read(self, database: str) -> None:
        self.run("grant select on all tables in schema public to teller", database=database)

    def password_of(self, user: str, password: str) -> str:
        return f"alter role {user} password '{password}'"

    def cut(self) -> None:
        self.run("select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = 'teller'")

    def reread(self) -> None:
        self.run("select pg_reload_conf()")
        time.sleep(0.2)  # the signal is answered, not yet obeyed

    def set(self, name: str, value: str) -> None:
        """Change one of the server's settings while it runs."""
        self.run(f"alter system set {name} = {value}")
        self.reread()

    def _prepare(self) -> None:
        bin_folder = self.programs()
        assert bin_folder is not None
        data = self.folder / "data"
        self._call(bin_folder / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        self._own("data/pg_hba.conf", self._RULES)

    def _command(self) -> Sequence[str | Path]:
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            "ssl_cert_file": self.folder / "server.pem",
            "ssl_key_file": self.folder / "server.key",
            "fsync": "off",
        }
        self._own("data/postgresql.auto.conf", "ssl = on\n")
        given = [f"--{name}={value}" for name, value in settings.items()]
        bin_folder = self.programs()
        assert bin_folder is not None
        return [bin_folder / "postgres", "-D", self.folder / "data", *given]


class MariaDb(Server):
    """MariaDB, which offers TLS to everybody who comes over the network."""

    account = "mysql"
    # It would write its pages first, which nobody reads again.
    _end: ClassVar[signal.Signals] = signal.SIGKILL

    @staticmethod
    def program() -> str | None:
        """The server's program."""
        return shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")

    def admin(self, database: str = "") -> str:
        return f"mysql+pymysql://root@/{database}?unix_socket={self.folder / 'socket'}"

    def address(self, database: str, login: str = "teller:hunter2", host: str = "127.0.0.1") -> str:
        return f"mysql+pymysql://{login}@{host}:{self.port}/{database}"

    def let_read(self, database: str) -> None:
        self.run(f"grant select on {database}.* to teller")

    def password_of(self, user: str, password: str) -> str:
        return f"alter user {user} identified by '{password}'"

    def cut(self) -> None:
        self.run("kill hard user teller")

    def know_zone(self, name: str) -> None:
        """Let the server know a zone by its name."""
        told = subprocess.run(
            ["mariadb-tzinfo-to-sql", f"/usr/share/zoneinfo/{name}", name], capture_output=True, check=True
        )
        client = ["mariadb", "--no-defaults", f"--socket={self.folder / 'socket'}", "--user=root", "mysql"]
        subprocess.run(client, input=told.stdout, check=True)

    def reread(self) -> None:
        self.run("flush ssl")

    def _prepare(self) -> None:
        data = f"--datadir={self.folder / 'data'}"
        plain = "--auth-root-authentication-method=normal"
        self._call("mariadb-install-db", "--no-defaults", data, plain, "--skip-test-db", "--skip-name-resolve")

    def _command(self) -> Sequence[str | Path]:
        program = self.program()
        assert program is not None
        settings = {
            "character-set-server": "utf8mb4",  # as Debian's own settings have it
            "default-time-zone": "+00:00",
            "datadir": self.folder / "data",
            "socket": self.folder / "socket",
            "pid-file": self.folder / "pid",
            "port": self.port,
            "bind-address": "127.0.0.1",
            "ssl-cert": self.folder / "server.pem",
            "ssl-key": self.folder / "server.key",
            "innodb-flush-log-at-trx-commit": 0,
            "innodb-buffer-pool-size": "64M",
        }
        return [
            program,
            "--no-defaults",
            "--skip-name-resolve",
            *(f"--{name}={value}" for name, value in settings.items()),
        ]


def encrypted(source: Any) -> str:
    """The version or cipher of the connection's TLS, empty without."""
    connection = source._open.connection
    if connection.dialect.name == "mysql":
        return connection.exec_driver_sql("show status like 'Ssl_cipher'").all()[0][1]
    shown = "select case when ssl then version else '' end from pg_stat_ssl where pid = pg_backend_pid()"
    return connection.exec_driver_sql(shown).scalar_one()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port
