"""Access to MLflow's store of trainings: locked, quiet, and with errors that contain no secrets."""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
import sqlalchemy as sa
from filelock import Timeout
from sqlalchemy.pool import NullPool

from include import connections
from include.errors import SettlementError, TrackingError
from include.paths import path_of
from include.security import locks
from include.settings import PROJECT_ROOT, Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

LOCAL_FOLDER = PROJECT_ROOT / ".data" / "mlflow"
_SERVERS = ("http", "https")
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
# The first record creates the store (67 migrations, 3 s on two cores); every further one takes a tenth of a second.
_LOCK_SECONDS = 120
# A reachable store answers within a second. MLflow itself would retry a dead one for more than a minute and a half.
_CONNECT_SECONDS = 10
_CONNECT_OPTIONS = {"postgresql": {"connect_timeout": _CONNECT_SECONDS}, "mysql": {"connect_timeout": _CONNECT_SECONDS}}
_SECRET_NAME = re.compile(r"pass|pwd|secret|token|key", re.IGNORECASE)
# Matches up to the last @, since a password may contain an unescaped slash or @.
_USER_INFO = re.compile(r"//\S*@")
_REASON_LENGTH = 300


@dataclass(frozen=True)
class TrackingStore:
    """One store of trainings.

    Attributes
    ----------
    uri
        MLflow's tracking URI: a database, or a server's address. It may contain a password and is never shown.
    artifacts
        Folder or prefix for figures and tables of a new experiment; None where the server decides.
    lock
        Lock file that admits one process of this machine at a time.
    """

    uri: str
    artifacts: str | None
    lock: Path

    @classmethod
    def of(cls, settings: Settings, lake_uri: str) -> Self:
        """The store that the settings name, or else the lake's own.

        Raises
        ------
        TrackingError
            When `mlflow_uri` is neither a server nor a database, or names a connection that cannot be read.
        """
        folder = _folder(lake_uri)
        if not settings.mlflow_uri:
            file = folder / "mlflow.db"
            return cls(f"sqlite:///{file}", (folder / "artifacts").as_uri(), folder / "mlflow.lock")
        uri = _address(settings.mlflow_uri)
        scheme = urlsplit(uri).scheme.partition("+")[0]
        if scheme not in (*_SERVERS, *_DATABASES):
            raise TrackingError(
                f"ADS_MLFLOW_URI has the scheme {scheme!r}; allowed are {', '.join((*_SERVERS, *_DATABASES))}, "
                "or leave it empty for a SQLite file in the lake",
                setting="mlflow_uri",
            )
        name = hashlib.sha256(uri.encode()).hexdigest()[:16]
        artifacts = None if scheme in _SERVERS else _artifacts(lake_uri, folder)
        return cls(uri, artifacts, LOCAL_FOLDER / f"{name}.lock")

    @property
    def address(self) -> str:
        """The store's address for people, without user, password and parameters."""
        parts = urlsplit(_USER_INFO.sub("//", self.uri))
        return f"{parts.scheme.partition('+')[0]}://{parts.netloc}{parts.path}"

    @property
    def is_server(self) -> bool:
        """Whether the store is a tracking server, which has a UI of its own."""
        return urlsplit(self.uri).scheme in _SERVERS

    @property
    def is_missing(self) -> bool:
        """Whether the store is a SQLite file that does not exist yet."""
        database = sa.make_url(self.uri).database if self.uri.startswith("sqlite") else None
        return database is not None and not Path(database).exists()

    @contextmanager
    def client(self) -> Iterator[MlflowClient]:
        """A client of the store, which is locked meanwhile and created where there is none.

        MLflow itself does not lock: two processes that create a SQLite store at once would break it, and finding a run
        and creating it are two steps.

        Raises
        ------
        TrackingError
            For any error in the block. Its message contains no password, and it hides the original error, whose text or
            trace may contain one.
        """
        try:
            with self._locked():
                self._require_answer()
                yield _quiet_client(self.uri)
        except TrackingError:
            raise
        # MLflow hands on errors of its own, of SQLAlchemy, of requests, of boto and of the file system.
        except Exception as error:
            raise TrackingError(
                f"MLflow's store {self.address} failed ({type(error).__name__}: {self._safe(error)}): mend the store "
                "or ADS_MLFLOW_URI and record the training again; models and nights do not depend on it",
                place=self.address,
            ) from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            with locks.held(path_of(self.lock), seconds=_LOCK_SECONDS):
                yield
        except Timeout:
            raise TrackingError(
                f"another process has held {self.lock} for {_LOCK_SECONDS} s: see what hangs, then record again",
                place=str(self.lock),
            ) from None

    def _require_answer(self) -> None:
        """Fail at once where the store does not answer."""
        if self.is_server:
            httpx.get(f"{self.uri.rstrip('/')}/health", timeout=_CONNECT_SECONDS)
            return
        url = sa.make_url(self.uri)
        options = _CONNECT_OPTIONS.get(url.get_backend_name(), {})
        engine = sa.create_engine(url, poolclass=NullPool, connect_args=options)
        sa.inspect(engine).get_table_names()

    def _safe(self, error: Exception) -> str:
        """The first line of an error's text without the secrets of the URI."""
        text = next(iter(str(error).splitlines()), "no reason given").replace(self.uri, self.address)
        for secret in sorted(_secrets(self.uri), key=len, reverse=True):
            text = text.replace(secret, "***")
        return _USER_INFO.sub("//***@", text)[:_REASON_LENGTH]


def _address(given: str) -> str:
    """The store's address, whose secret no night may depend on."""
    try:
        return connections.address(given)
    except SettlementError as error:
        raise TrackingError(f"ADS_MLFLOW_URI: {error}", setting="mlflow_uri") from error


def _folder(lake_uri: str) -> Path:
    """The folder of the lake's own store; it is on this machine where the lake is in an object store.

    An object store can hold neither a SQLite file nor a lock.
    """
    lake = path_of(lake_uri)
    return Path(lake.path).absolute() / "mlflow" if lake.protocol in ("", "file") else LOCAL_FOLDER


def _artifacts(lake_uri: str, folder: Path) -> str:
    """The place of a database store's artifacts: in the lake, where other machines can read them too."""
    lake = path_of(lake_uri)
    return (folder / "artifacts").as_uri() if lake.protocol in ("", "file") else str(lake / "mlflow" / "artifacts")


def _secrets(uri: str) -> set[str]:
    """Every part of the URI that may be secret, as written and decoded."""
    user_info = "".join(_USER_INFO.findall(uri))
    password = user_info[2:-1].partition(":")[2]
    named = [value for name, value in parse_qsl(urlsplit(uri).query) if _SECRET_NAME.search(name)]
    return {form for secret in (password, *named) for form in (secret, unquote(secret)) if form}


def _quiet_client(uri: str) -> MlflowClient:
    """MLflow's client, which uses no active run and looks up neither git nor user."""
    # MLflow reads this at its first import, which would otherwise start a telemetry thread; it stays set on purpose.
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    # The import takes two to three seconds; only the functions that record or read trainings need it.
    from mlflow import MlflowClient

    # MLflow logs what it also raises, which may include a database's address.
    logging.getLogger("mlflow").setLevel(logging.CRITICAL)
    return MlflowClient(tracking_uri=uri, registry_uri=uri)
