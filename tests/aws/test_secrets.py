"""Secrets Manager and Parameter Store give what the settings name: read anew each time, and told where they do not."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import psycopg
import pytest
from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend
from airflow.sdk.configuration import clear_secrets_backends_cache
from botocore.stub import Stubber

from include import orchestration
from include.aws.clients import client
from include.connections import address, address_in, why_unread
from include.errors import SecretError, SecretUnavailableError, SettingsError, TrackingError
from include.lake import sql_store
from include.lake.location import LakeLocation
from include.registry.tracking_store import TrackingStore
from include.settings import PROJECT_ROOT, AlertSink, Settings, get_settings
from include.sinks.sns import send_to_sns
from include.sources import open_source
from include.sources.address import parse_address
from local.postgres import LocalPostgres
from local.stand_ins import StandIns
from tests.alerting.letters import LETTER
from tests.aws.roles import act_as
from tests.dags.runs import played

PROVIDER = "airflow.providers.amazon.aws.secrets"
KEPT_IN = {
    "Secrets Manager": ("secrets_manager.SecretsManagerBackend", "airflow"),
    "Parameter Store": ("systems_manager.SystemsManagerParameterStoreBackend", "/airflow"),
}


def _use(patch: pytest.MonkeyPatch, service: str) -> None:
    backend, prefix = KEPT_IN[service]
    given = {"connections_prefix": f"{prefix}/connections", "config_prefix": f"{prefix}/config"}
    words = {"extra_conn_words": {"schema": ["dbname"]}} if service == "Secrets Manager" else {}
    patch.setenv("AIRFLOW__SECRETS__BACKEND", f"{PROVIDER}.{backend}")
    patch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps({**given, **words}))
    clear_secrets_backends_cache()


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Airflow with Secrets Manager as its secrets backend, wherever that is."""
    _use(monkeypatch, "Secrets Manager")
    yield
    monkeypatch.undo()
    clear_secrets_backends_cache()


def keep(name: str, value: object, service: str = "Secrets Manager") -> None:
    """Keep a secret, or another value of it."""
    text = value if isinstance(value, str) else json.dumps(value)
    if service == "Parameter Store":
        client("ssm").put_parameter(Name=f"/airflow/{name}", Value=text, Type="SecureString", Overwrite=True)
        return
    secrets, where = client("secretsmanager"), f"airflow/{name}"
    try:
        secrets.create_secret(Name=where, SecretString=text)
    except secrets.exceptions.ResourceExistsException:
        secrets.put_secret_value(SecretId=where, SecretString=text)


def new_name() -> str:
    return f"ads_{uuid.uuid4().hex[:12]}"


def database(user: str, **more: Any) -> dict[str, Any]:
    return {"conn_type": "postgres", "host": "db", "login": user, "password": "p w@1", "schema": "lake", **more}


@pytest.mark.parametrize("process", ["server", "client"])
@pytest.mark.parametrize("service", KEPT_IN)
def test_what_a_setting_names_is_read_anew_each_time(
    aws: StandIns, backend: None, monkeypatch: pytest.MonkeyPatch, service: str, process: str
) -> None:
    """In Airflow's API server, which serves the console, as in a task."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", process)
    _use(monkeypatch, service)
    name = new_name()
    for user in ("one", "two"):
        keep(f"connections/{name}", database(user), service)
        assert address(f"connection:{name}") == f"postgresql+psycopg://{user}:p w%401@db/lake"


def test_every_address_that_may_hold_a_password_may_be_a_connection(
    aws: StandIns, backend: None, tmp_path: Path
) -> None:
    name, named = new_name(), new_name()
    keep(f"connections/{name}", database("reader", port=5432, extra={"sslmode": "verify-full", "rounding": "0.1"}))
    keep(f"connections/{named}", {"conn_type": "generic", "extra": {"address": f"sqlite:///{tmp_path}/bank.db"}})
    catalog = LakeLocation.of(f"file:{tmp_path}/lake", f"connection:{named}").catalog_uri
    store = TrackingStore.of(Settings(mlflow_uri=f"connection:{named}"), f"file:{tmp_path}/lake")
    assert catalog == store.uri == f"sqlite:///{tmp_path}/bank.db"
    settings = Settings(catalog_uri=f"connection:{named}", store_uri=f"connection:{name}")
    assert sql_store._url_of(f"file:{tmp_path}/lake", settings).username == "reader"
    source = parse_address(f"connection:{name}")
    assert source.uri == f"postgresql+psycopg://db:5432/lake?connection={name}&sslmode=verify-full"
    assert source.declared.rounding_cents == 10
    with pytest.raises(Exception, match=r"bank\.db"), open_source(f"connection:{named}") as opened:
        opened.span()


def test_what_a_setting_declares_besides_joins_the_address(aws: StandIns, backend: None) -> None:
    name = new_name()
    keep(f"connections/{name}", database("reader", extra={"rounding": "0.1"}))
    found = parse_address(f"connection:{name}?holidays=CZ")
    assert found.uri == f"postgresql+psycopg://db/lake?connection={name}"
    assert (found.declared.rounding_cents, found.declared.holidays) == (10, "CZ")


def test_the_installations_own_source_may_be_a_connection_alone(
    aws: StandIns, backend: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep("connections/ads_source_default", database("reader"))
    monkeypatch.delenv("ADS_SOURCE_URI", raising=False)
    get_settings.cache_clear()
    assert orchestration._address("source", None) == "postgresql+psycopg://db/lake?connection=ads_source_default"


def test_no_secret_goes_over_the_network_in_the_clear(
    aws: StandIns, backend: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://10.0.0.1:9")
    with pytest.raises(SettingsError, match=r"the endpoint of secretsmanager is http://10\.0\.0\.1:9"):
        address("connection:ads_catalog")


def test_without_a_region_it_is_told_so(backend: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(SecretUnavailableError, match="You must specify a region"):
        address("connection:ads_catalog")


def test_a_secret_as_rds_keeps_it_is_a_connection(aws: StandIns, backend: None) -> None:
    name = new_name()
    as_rds = {"engine": "postgres", "host": "db", "username": "u", "password": "word", "port": 5432, "dbname": "bank"}
    keep(f"connections/{name}", as_rds)
    assert address(f"connection:{name}") == "postgresql+psycopg://u:word@db:5432/bank"


@pytest.mark.parametrize("written", ["postgresql://reader:hunter2@db/bank", "", "ads catalog"])
def test_what_is_no_id_of_a_connection_is_neither_looked_up_nor_shown(written: str) -> None:
    with pytest.raises(SettingsError, match="is no id of a connection") as refused:
        address(f"connection:{written}", lambda _: pytest.fail("it was looked up"))
    assert "hunter2" not in str(refused.value)


def test_only_a_source_comes_with_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ADS_CATALOG", json.dumps(database("reader", extra={"iam": True})))
    with pytest.raises(SettingsError, match=r"'ads_catalog' comes with tokens.*which only a source takes"):
        address("connection:ads_catalog")


def test_a_connection_that_nobody_made_is_missing(aws: StandIns, backend: None) -> None:
    name = new_name()
    assert (why_unread(name), address_in(name)) == (None, None)
    with pytest.raises(SettingsError, match=f"names the connection '{name}', and there is none"):
        address(f"connection:{name}")


@pytest.mark.parametrize("text", ['{"conn_type": "postgres", "password": "word"', '{"port": "word"}'])
def test_a_secret_that_is_no_connection_is_not_shown(aws: StandIns, backend: None, text: str) -> None:
    name = new_name()
    keep(f"connections/{name}", text)
    with pytest.raises(SecretError, match="the secret there is no connection") as told:
        address(f"connection:{name}")
    assert "word" not in str(told.value).replace("password", "")


@pytest.mark.parametrize("service", KEPT_IN)
def test_who_may_not_read_a_secret_is_told_so(
    guarded: StandIns, backend: None, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    _use(monkeypatch, service)
    name = new_name()
    keep(f"connections/{name}", database("reader"), service)
    act_as(monkeypatch, None)
    with pytest.raises(SecretError, match=rf"AccessDenied.*may read /?airflow/connections/{name}"):
        address(f"connection:{name}")


def test_a_refused_secret_is_no_missing_source(
    guarded: StandIns, backend: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    act_as(monkeypatch, None)
    with pytest.raises(SecretError, match="AccessDenied"):
        orchestration._address("source", "trial")
    with pytest.raises(TrackingError, match=r"ADS_MLFLOW_URI: .*AccessDenied"):
        TrackingStore.of(Settings(mlflow_uri="connection:ads_mlflow"), "file:/lake")
    answer = send_to_sns(AlertSink(kind="sns", connection="cloud", to="arn:aws:sns:eu-central-1:1:night"), LETTER)
    assert (answer.is_taken, answer.is_up) == (False, False)
    assert "AccessDenied" in answer.text


def test_a_backend_out_of_reach_is_asked_again_later(
    aws: StandIns, backend: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(SecretUnavailableError, match="AWS could not be asked"):
        address("connection:ads_catalog")


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html; the provider passes
        # over all of these.
        ("DecryptionFailure", 400, SecretError),
        ("InvalidRequestException", 400, SecretError),
        ("InternalServiceError", 500, SecretUnavailableError),
        ("ThrottlingException", 400, SecretUnavailableError),
    ],
)
def test_what_the_provider_passes_over_is_told(
    aws: StandIns, backend: None, monkeypatch: pytest.MonkeyPatch, code: str, status: int, kind: type[Exception]
) -> None:
    """No stand-in refuses so: a stub answers after AWS's documentation, to Airflow and to who asks after it."""
    secrets = client("secretsmanager", attempts=1)
    monkeypatch.setattr(SecretsManagerBackend, "client", secrets)
    with Stubber(secrets) as stub:
        for _ in range(2):
            stub.add_client_error("get_secret_value", code, "the key is disabled", http_status_code=status)
        with pytest.raises(kind, match=f"{code}: the key is disabled"):
            address("connection:ads_catalog")


@pytest.fixture
def rotated(postgres_server: LocalPostgres) -> Callable[[str], dict[str, Any]]:
    """A database with one user; each call makes another in its place, removes it, and gives the secret."""
    name, users = f"rotating_{uuid.uuid4().hex[:8]}", list[str]()
    uri = postgres_server.create_database(name).replace("+psycopg", "")

    def rotate(user: str) -> dict[str, Any]:
        with psycopg.connect(uri, autocommit=True) as admin:
            admin.execute(f"create role {name}_{user} login superuser")
            for old in users:
                admin.execute(f"reassign owned by {old} to {name}_{user}")
                admin.execute(f"drop owned by {old}")
                admin.execute(f"drop role {old}")
                admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", (old,))
        users[:] = [f"{name}_{user}"]
        socket = {"host": str(postgres_server.socket_folder)}
        return {"conn_type": "postgres", "login": users[0], "schema": name, "extra": socket}

    return rotate


# A whole night takes half a minute of the processor; its first tasks, which open the lake as all do, a few seconds.
@pytest.mark.parametrize("marked", ["score|publish|export_extracts|report", pytest.param(None, marks=pytest.mark.long)])
def test_a_secret_that_changes_between_two_tasks_of_a_night_is_read_anew_by_the_next(
    aws: StandIns,
    backend: None,
    rotated: Callable[[str], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    pkdd: Path,
    marked: str | None,
) -> None:
    from airflow.utils.db import initdb

    from dags.nightly_settlement import nightly_settlement

    initdb()

    keep("connections/ads_catalog_of_night", rotated("one"))
    for name, value in {
        "ADS_SOURCE_URI": f"file:{pkdd}",
        "ADS_LAKE_URI": f"file:{tmp_path / 'lake'}",
        "ADS_CATALOG_URI": "connection:ads_catalog_of_night",
    }.items():
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    dag = nightly_settlement()
    late = dag.get_task("validate")
    own = late.python_callable

    @wraps(own)
    def after_rotation() -> Any:
        keep("connections/ads_catalog_of_night", rotated("two"))
        return own()

    late.python_callable = after_rotation
    run = played(dag, marked, date="1993-01-13", source=None, lake=None)
    assert (run.state, run.sentences) == ("success", [])
    get_settings.cache_clear()


_LISTING = """
import os, uuid
from pathlib import Path
from airflow.sdk.configuration import conf
from airflow.sdk.execution_time.supervisor import WatchedSubprocess
from include.connections import address
from include.settings import PROJECT_ROOT, AlertSink, Settings, get_settings

class Task(WatchedSubprocess):
    decoder = None

def list_what_a_task_has():
    inherited = Path("/proc/self/environ").read_text().split(chr(0))
    now = [f"{name}={value}" for name, value in os.environ.items()]
    needed = address(get_settings().catalog_uri) if need == "needs" else ""
    Path(need).write_text(chr(10).join([*inherited, *now, f"needed={needed}"]))
    os._exit(0)

assert "metadata-word" in conf.get("database", "sql_alchemy_conn")
for need in ("needs", "needs nothing"):
    os.waitpid(Task.start(id=uuid.uuid4(), target=list_what_a_task_has).pid, 0)
"""


def _documented() -> dict[str, str]:
    """The environment that the page on operations gives."""
    page = (PROJECT_ROOT / "docs" / "operations.md").read_text()
    block = re.search(r"```bash\n(AIRFLOW__SECRETS__BACKEND=.*?)```", page, re.DOTALL)
    assert block is not None
    return dict(line.split("=", 1) for line in shlex.split(block[1]))


def test_no_secret_is_in_the_environment_of_a_task(aws: StandIns, tmp_path: Path) -> None:
    """A process that Airflow's own supervisor starts, from one with the documented environment, which reads secrets."""
    keep("connections/ads_catalog", {**database("catalog"), "password": "catalog-word"})
    keep("connections/ads_store", {**database("store"), "password": "store-word"})
    keep("connections/ads_mlflow", {**database("mlflow"), "password": "mlflow-word"})
    keep("config/sql_alchemy_conn", "postgresql+psycopg2://airflow:metadata-word@db/airflow")
    for name in ("fernet_key", "api_secret_key", "jwt_secret"):
        keep(f"config/{name}", f"{name}-word")
    home = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AIRFLOW_HOME": str(tmp_path / "airflow")}
    environment = {**home, **aws.environment(), **_documented(), "PYTHONPATH": str(PROJECT_ROOT)}
    subprocess.run([sys.executable, "-c", _LISTING], env=environment, cwd=tmp_path, check=True, timeout=120)
    listed = {need: (tmp_path / need).read_text() for need in ("needs", "needs nothing")}
    assert "ADS_CATALOG_URI=connection:ads_catalog" in listed["needs"]
    assert re.findall(r".*-word.*", listed["needs"]) == ["needed=postgresql+psycopg://catalog:catalog-word@db/lake"]
    assert "-word" not in listed["needs nothing"]
