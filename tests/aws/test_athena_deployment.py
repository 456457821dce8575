"""A deployment against stand-ins: what each does of Athena and Lake Formation, through the provider's own hooks.

ministack keeps workgroups and named queries, and runs statements as DuckDB's: it knows no database, no view and no
enforced configuration. moto takes every statement, so that the whole run passes, and keeps Lake Formation's grants.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from airflow.utils.db import initdb
from moto.athena.models import athena_backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.server import ThreadedMotoServer

from dags import athena_deployment as deployment
from dags.athena_deployment import DeployStatement, athena_deployment
from include import orchestration
from include.athena import deploy_grants, deploy_named_queries, deploy_workgroup, named_queries, statements
from include.athena.permissions import granted_in
from include.athena.readable import DISPENSABLE, readable_tables
from include.athena.workgroup import configuration
from include.aws.clients import client
from include.errors import AthenaError, SettingsError
from include.settings import Settings, get_settings
from local.stand_ins import REGION, StandIns
from tests.aws.conftest import make_bucket
from tests.aws.roles import act_as
from tests.dags.runs import played

KEY = f"arn:aws:kms:{REGION}:000000000000:key/12345678-1234-1234-1234-123456789012"
MASKED, FULL = "arn:aws:iam::000000000000:role/masked", "arn:aws:iam::000000000000:role/full"
LIMIT = 20_000_000


def settings_of(**values: Any) -> Settings:
    """Settings of a workgroup that no other test has."""
    own = {"athena_workgroup": f"bank-{uuid.uuid4().hex[:8]}", "athena_output_uri": f"s3://{make_bucket()}/answers/"}
    return Settings(**{**own, "athena_scan_limit": LIMIT, "kms_key": KEY, **values})


def held(settings: Settings) -> Mapping[str, Any]:
    found: Mapping[str, Any] = client("athena").get_work_group(WorkGroup=settings.athena_workgroup)["WorkGroup"]
    return dict(found["Configuration"])


def test_a_workgroup_is_made_once_and_set_right_where_it_differs(aws: StandIns) -> None:
    settings, athena = settings_of(), client("athena")
    assert [deploy_workgroup(athena, settings) for _ in range(2)] == ["created", "unchanged"]
    wanted = {
        "EnforceWorkGroupConfiguration": True,
        "PublishCloudWatchMetricsEnabled": True,
        "BytesScannedCutoffPerQuery": LIMIT,
        "ResultConfiguration": {
            "OutputLocation": settings.athena_output_uri,
            "EncryptionConfiguration": {"EncryptionOption": "SSE_KMS", "KmsKey": KEY},
        },
    }
    assert held(settings) == wanted
    loosened = {"EnforceWorkGroupConfiguration": False, "BytesScannedCutoffPerQuery": 10**12}
    removed = {"ResultConfigurationUpdates": {"RemoveEncryptionConfiguration": True}}
    for changed in (loosened, removed):
        athena.update_work_group(WorkGroup=settings.athena_workgroup, ConfigurationUpdates=changed)
        assert [deploy_workgroup(athena, settings) for _ in range(2)] == ["updated", "unchanged"]
        assert held(settings) == wanted


def test_without_a_key_results_are_encrypted_with_the_stores_own(aws: StandIns) -> None:
    settings = settings_of(kms_key="")
    deploy_workgroup(client("athena"), settings)
    assert held(settings)["ResultConfiguration"]["EncryptionConfiguration"] == {"EncryptionOption": "SSE_S3"}


def test_a_workgroup_is_left_where_no_limit_is_set(aws: StandIns) -> None:
    before = client("athena").list_work_groups()["WorkGroups"]
    assert deploy_workgroup(client("athena"), settings_of(athena_scan_limit=0)) == "left"
    assert client("athena").list_work_groups()["WorkGroups"] == before
    with pytest.raises(SettingsError, match="no place for its results"):
        deploy_workgroup(client("athena"), settings_of(athena_output_uri=""))


def test_named_queries_are_kept_once(aws: StandIns) -> None:
    settings, athena, names = settings_of(), client("athena"), [query.name for query in named_queries()]
    deploy_workgroup(athena, settings)
    done = [deploy_named_queries(athena, settings.athena_workgroup, "ads") for _ in range(2)]
    assert done == [
        {"created": names, "updated": [], "unchanged": []},
        {"created": [], "updated": [], "unchanged": names},
    ]


def test_who_may_not_deploy_is_told_so(guarded: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of()
    act_as(monkeypatch, None)
    with pytest.raises(AthenaError, match=rf"workgroup {settings.athena_workgroup}: AWS refused it \(AccessDenied"):
        deploy_workgroup(client("athena"), settings)


class _Task:
    """A running task, as far as the operator and a failure's sentence look at it."""

    task_id = "create_views"

    def __init__(self) -> None:
        self.left: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.left[key] = value


def _installed(patch: pytest.MonkeyPatch, settings: Settings) -> None:
    for name in ("athena_workgroup", "athena_output_uri", "athena_scan_limit", "kms_key"):
        patch.setenv(f"ADS_{name.upper()}", str(getattr(settings, name)))
    patch.setenv("ADS_ATHENA_MASKED_ROLE", MASKED)
    patch.setenv("ADS_ATHENA_FULL_ROLE", FULL)
    get_settings.cache_clear()


@pytest.fixture
def fresh_settings() -> Iterator[None]:
    yield
    get_settings.cache_clear()


def test_the_operator_tells_the_reason_that_athena_gives(
    aws: StandIns, fresh_settings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statements run as DuckDB's, which has no such database: a statement that fails for good."""
    task = _Task()
    monkeypatch.setattr(orchestration, "get_current_context", lambda: {"ti": task})
    monkeypatch.setattr("airflow.providers.amazon.aws.links.athena.AthenaQueryResultsLink.persist", lambda **_: None)
    _installed(monkeypatch, settings_of(athena_scan_limit=0))
    with pytest.raises(AirflowFailException, match=r"database: Athena ended it as FAILED \(Parser Error"):
        DeployStatement(task_id="create_database", statement="database").execute({})
    assert task.left["failure"].startswith("AthenaError: database: Athena ended it as FAILED")


@pytest.fixture
def moto(aws: StandIns, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another stand-in, moto, in place of ministack for Athena and Lake Formation."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    for service in ("ATHENA", "LAKEFORMATION"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", f"http://{host}:{port}")
    yield
    server.stop()


def _held_permissions() -> dict[str, set[str]]:
    """Names of the tables that each role may read."""
    found: dict[str, set[str]] = {MASKED: set(), FULL: set()}
    for held in client("lakeformation").list_permissions()["PrincipalResourcePermissions"]:
        resource = held["Resource"].get("Table") or held["Resource"].get("TableWithColumns")
        if resource:
            found[held["Principal"]["DataLakePrincipalIdentifier"]].add(resource["Name"])
    return found


# Each view is a task, and takes a second of the processor.
@pytest.mark.parametrize("views", [2, pytest.param(1000, marks=pytest.mark.long)])
def test_a_deployment_as_airflow_runs_it(
    moto: None, fresh_settings: None, monkeypatch: pytest.MonkeyPatch, views: int
) -> None:
    """Each statement is one of AthenaOperator's, whose queries moto takes down without running them."""
    initdb()
    glue, database = client("glue"), f"ads_{uuid.uuid4().hex[:8]}"
    glue.create_database(DatabaseInput={"Name": database})
    absent = {"fin_loan", "fin_loan_masked", "retired_rows"}
    assert absent < DISPENSABLE
    for name in readable_tables().keys() - absent:
        glue.create_table(DatabaseName=database, TableInput={"Name": name})
    monkeypatch.setenv("ADS_NAMESPACE", database)
    monkeypatch.setattr(deployment, "POLL_SECONDS", 0)
    names = deployment._view_names
    monkeypatch.setattr(deployment, "_view_names", lambda settings: names(settings)[:views])
    _installed(monkeypatch, settings := settings_of())
    # moto answers for a workgroup that is not there as AWS does not, and changes none.
    client("athena").create_work_group(Name=settings.athena_workgroup, Configuration=configuration(settings))

    run = played(athena_deployment())
    assert (run.state, run.sentences) == ("success", [])
    assert run.returned["make_workgroup"] == "unchanged"
    assert held(settings)["BytesScannedCutoffPerQuery"] == LIMIT
    made = statements(database, frozenset(absent))[: 1 + views]
    taken = athena_backends[DEFAULT_ACCOUNT_ID][REGION].executions.values()
    assert sorted(each.query for each in taken) == sorted(each.sql for each in made)
    assert {each.workgroup.name for each in taken} == {settings.athena_workgroup}
    masked = {name for name in granted_in("masked_readers")["tables"] if name not in absent}
    assert _held_permissions()[MASKED] == {*masked, *(f"published_{name}" for name in masked), "night_manifest"}
    assert _held_permissions()[FULL] > _held_permissions()[MASKED]
    assert run.returned["grant_permissions"]["granted"].keys() == {MASKED, FULL}


def test_a_grant_that_somebody_gave_besides_stops_the_deployment(moto: None) -> None:
    lake_formation = client("lakeformation")
    deploy_grants(lake_formation, "ads", MASKED, FULL)
    lake_formation.grant_permissions(
        Principal={"DataLakePrincipalIdentifier": MASKED},
        Resource={"Table": {"DatabaseName": "ads", "Name": "fin_client"}},
        Permissions=["SELECT"],
    )
    with pytest.raises(AthenaError, match=f"{MASKED} may read fin_client"):
        deploy_grants(lake_formation, "ads", MASKED, FULL)
