"""A deployment's run executes the statements of the files and nothing that a user wrote."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.amazon.aws.hooks.athena import AthenaHook
from airflow.providers.amazon.aws.operators.athena import AthenaOperator
from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import ClientError, NoRegionError

import include.orchestration as orchestration
from dags import athena_deployment as deployment
from dags.athena_deployment import DeployStatement, _granted, _named_queries, _view_names
from include.athena import statement, statements
from include.errors import AthenaUnavailableError, SettingsError
from include.settings import Settings, get_settings


class _Hook:
    """Stands in for the provider's hook: keeps what it is asked to run, and answers with a state."""

    conn_region_name, conn_partition = "eu-central-1", "aws"

    def __init__(self, state: str = "SUCCEEDED", **status: Any) -> None:
        self.state, self.status, self.ran = state, status, []

    def run_query(self, *given: Any) -> str:
        self.ran.append(given)
        return "42"

    def poll_query_status(self, execution: str, **_: Any) -> str:
        return self.state

    def get_state_change_reason(self, execution: str) -> str:
        return str(self.status.get("StateChangeReason"))

    def get_query_info(self, execution: str) -> dict[str, Any]:
        return {"QueryExecution": {"Status": {"State": self.state, **self.status}}}


@pytest.fixture
def pushed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the running task leaves."""
    left: dict[str, Any] = {}
    context = {"ti": SimpleNamespace(xcom_push=left.__setitem__, task_id="create_views")}
    monkeypatch.setattr(orchestration, "get_current_context", lambda: context)
    monkeypatch.setattr("airflow.providers.amazon.aws.links.athena.AthenaQueryResultsLink.persist", lambda **_: None)
    monkeypatch.setenv("ADS_ATHENA_WORKGROUP", "bank")
    monkeypatch.setenv("ADS_ATHENA_OUTPUT_URI", "s3://bank-athena/answers/")
    get_settings.cache_clear()
    yield left
    monkeypatch.undo()
    get_settings.cache_clear()


def _run(monkeypatch: pytest.MonkeyPatch, name: str, hook: _Hook) -> None:
    monkeypatch.setattr(DeployStatement, "hook", hook)
    DeployStatement(task_id="create", statement=name).execute({})


def test_a_view_is_run_as_its_file_says_where_the_settings_say(monkeypatch, pushed):
    hook = _Hook()
    _run(monkeypatch, "published_alerts", hook)
    context = {"Database": "ads", "Catalog": "AwsDataCatalog"}
    results = {"OutputLocation": "s3://bank-athena/answers/"}
    assert hook.ran == [(statement("published_alerts", "ads").sql, context, results, None, "bank")]


def test_the_database_is_made_in_none(monkeypatch, pushed):
    hook = _Hook()
    _run(monkeypatch, "database", hook)
    assert hook.ran[0][:2] == ("create database if not exists ads", {"Catalog": "AwsDataCatalog"})


def test_what_a_user_writes_as_a_statement_is_not_run(monkeypatch, pushed):
    hook = _Hook()
    with pytest.raises(AirflowFailException, match="no statement is called"):
        _run(monkeypatch, "drop table alerts", hook)
    assert hook.ran == []
    assert "query" not in DeployStatement.template_fields


def test_a_statement_that_athena_refuses_fails_at_once_with_its_reason(monkeypatch, pushed):
    with pytest.raises(AirflowFailException, match="published_alerts: Athena ended it as FAILED"):
        _run(monkeypatch, "published_alerts", _Hook("FAILED", StateChangeReason="COLUMN_NOT_FOUND"))
    assert pushed["failure"].startswith("AthenaError: published_alerts")


def test_one_that_may_succeed_later_is_tried_again(monkeypatch, pushed):
    with pytest.raises(AthenaUnavailableError):
        _run(monkeypatch, "published_alerts", _Hook("FAILED", AthenaError={"Retryable": True}))


class _RefusingHook(_Hook):
    """Stands in for the provider's hook where AWS does not take the statement at all."""

    def run_query(self, *given: Any) -> str:
        raise ClientError({"Error": {"Code": self.state, "Message": "so it is"}}, "StartQueryExecution")


def test_a_statement_that_aws_does_not_take_fails_at_once_with_its_name(monkeypatch, pushed):
    with pytest.raises(AirflowFailException, match=r"published_alerts: AWS refused it .AccessDenied"):
        _run(monkeypatch, "published_alerts", _RefusingHook("AccessDeniedException"))


def test_a_statement_that_aws_is_too_busy_for_is_tried_again(monkeypatch, pushed):
    with pytest.raises(AthenaUnavailableError, match="published_alerts: AWS could not do it now"):
        _run(monkeypatch, "published_alerts", _RefusingHook("TooManyRequestsException"))


def test_a_hook_without_a_region_is_told(monkeypatch):
    def refuse(self: Any) -> None:
        raise NoRegionError

    monkeypatch.setattr(AthenaHook, "get_conn", refuse)
    with pytest.raises(AthenaUnavailableError, match="the client of athena: AWS could not be asked"):
        _named_queries(Settings())


class _Client(str):
    """A client, as far as anything looks at it."""

    meta = SimpleNamespace(endpoint_url="https://athena.eu-central-1.amazonaws.com")


def test_a_service_without_tls_is_not_spoken_to(monkeypatch):
    monkeypatch.setattr(_Client, "meta", SimpleNamespace(endpoint_url="http://10.0.0.1"))
    monkeypatch.setattr(AthenaHook, "get_conn", lambda _: _Client())
    with pytest.raises(SettingsError, match=r"the endpoint of athena is http://10\.0\.0\.1"):
        _named_queries(Settings())


def test_named_queries_and_grants_are_deployed_through_the_providers_hooks(monkeypatch):
    asked: list[tuple[Any, ...]] = []
    for hook in (AthenaHook, deployment.AwsBaseHook):
        monkeypatch.setattr(hook, "get_conn", lambda self: _Client(f"client of {self.client_type}"))
    for name in ("deploy_named_queries", "deploy_grants"):
        monkeypatch.setattr(f"include.athena.{name}", lambda *given: asked.append(given) or {})
    monkeypatch.setattr("include.athena.absent_tables", lambda *given: asked.append(given) or frozenset({"fin_loan"}))
    settings = Settings(athena_workgroup="bank", athena_masked_role="arn:aws:iam::123456789012:role/masked")
    _named_queries(settings)
    _granted(settings)
    assert asked == [
        ("client of athena", "bank", "ads"),
        ("client of glue", "ads"),
        ("client of lakeformation", "ads", "arn:aws:iam::123456789012:role/masked", "", frozenset({"fin_loan"})),
    ]


def test_there_is_a_task_for_the_database_and_one_for_each_view(monkeypatch):
    monkeypatch.setattr(deployment, "_absent", lambda _: frozenset())
    dag = deployment.athena_deployment()
    assert [task.task_id for task in dag.topological_sort()] == [
        "make_workgroup",
        "create_database",
        "name_views",
        "create_views",
        "keep_named_queries",
        "grant_permissions",
    ]
    assert issubclass(DeployStatement, AthenaOperator)
    assert ["database", *_view_names(Settings())] == [each.name for each in statements("ads")]


def test_a_table_that_the_lake_lacks_gets_no_view(monkeypatch):
    monkeypatch.setattr(deployment, "_absent", lambda _: frozenset({"fin_loan"}))
    assert {each.name for each in statements("ads")} - set(_view_names(Settings())) == {
        "database",
        "published_fin_loan",
    }
