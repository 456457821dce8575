"""A deployment asks Athena for what the files say, once; held to AWS's own description of its interfaces by a stub."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from include.athena import deployment
from include.athena.definitions import statement, statements
from include.athena.deployment import deploy, run_statement, script
from include.athena.named_query import deploy_named_queries, named_queries
from include.athena.readable import DISPENSABLE, absent_tables, readable_tables
from include.athena.refusals import refused_statement, told_by_aws
from include.errors import AthenaError, AthenaUnavailableError, SettingsError
from include.settings import Settings, get_settings

SETTINGS = Settings(athena_workgroup="bank", athena_output_uri="s3://bank-athena/answers/")
VIEW = statement("published_alerts", "ads")


NOWHERE = {"region_name": "eu-central-1", "aws_access_key_id": "none", "aws_secret_access_key": "none"}


@pytest.fixture
def client() -> Any:
    return boto3.client("athena", **NOWHERE)


@pytest.fixture
def stub(client: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    monkeypatch.setattr(deployment, "POLL_SECONDS", 0)
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def _start(stub: Stubber, sql: str, database: str, **more: Any) -> None:
    context = {"QueryExecutionContext": {"Database": database}} if database else {}
    results = {"ResultConfiguration": {"OutputLocation": "s3://bank-athena/answers/"}}
    # The SDK's own token makes a call that it repeats start one execution.
    expected = {"QueryString": sql, "WorkGroup": "bank", **context, **results}
    stub.add_response("start_query_execution", {"QueryExecutionId": "42"}, expected, **more)


def _answer(stub: Stubber, state: str, **more: Any) -> None:
    answer = {"QueryExecution": {"Status": {"State": state, **more}}}
    stub.add_response("get_query_execution", answer, {"QueryExecutionId": "42"})


def _kept(name: str, sql: str, database: str = "ads", description: str = "one of their own") -> dict[str, str]:
    return {
        "NamedQueryId": f"id-{name}",
        "Name": name,
        "Database": database,
        "QueryString": sql,
        "Description": description,
        "WorkGroup": "bank",
    }


def _list(stub: Stubber, *kept: dict[str, str]) -> None:
    found = [each["NamedQueryId"] for each in kept]
    stub.add_response("list_named_queries", {"NamedQueryIds": found} if found else {}, {"WorkGroup": "bank"})
    for first in range(0, len(found), 50):
        some = list(kept[first : first + 50])
        asked = {"NamedQueryIds": [each["NamedQueryId"] for each in some]}
        stub.add_response("batch_get_named_query", {"NamedQueries": some}, asked)


def _create(stub: Stubber) -> None:
    for query in named_queries():
        expected = {
            "Name": query.name,
            "Description": query.description,
            "QueryString": query.sql,
            "Database": "ads",
            "WorkGroup": "bank",
        }
        stub.add_response("create_named_query", {"NamedQueryId": f"id-{query.name}"}, expected)


def _as_deployed() -> list[dict[str, str]]:
    return [_kept(query.name, query.sql, description=query.description) for query in named_queries()]


def test_a_statement_is_run_and_waited_for(client: Any, stub: Stubber) -> None:
    _start(stub, VIEW.sql, "ads")
    for state in ("QUEUED", "RUNNING", "SUCCEEDED"):
        _answer(stub, state)
    run_statement(client, VIEW, SETTINGS)


def test_a_workgroup_may_have_a_place_for_its_answers_itself(client: Any, stub: Stubber) -> None:
    expected = {"QueryString": "create database if not exists ads", "WorkGroup": "primary"}
    stub.add_response("start_query_execution", {"QueryExecutionId": "42"}, expected)
    _answer(stub, "SUCCEEDED")
    run_statement(client, statement("database", "ads"), Settings(athena_output_uri=""))


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        ({"StateChangeReason": "COLUMN_NOT_FOUND: line 4"}, AthenaError, "ended it as FAILED .COLUMN_NOT_FOUND"),
        ({"AthenaError": {"Retryable": False, "ErrorMessage": "no"}}, AthenaError, "FAILED .no."),
        ({"AthenaError": {"Retryable": True, "ErrorCategory": 1}}, AthenaUnavailableError, "could not run it"),
        ({}, AthenaError, "no reason given"),
    ],
)
def test_a_statement_that_fails_is_told(
    client: Any, stub: Stubber, status: dict[str, Any], error: type[Exception], words: str
) -> None:
    _start(stub, VIEW.sql, "ads")
    _answer(stub, "FAILED", **status)
    with pytest.raises(error, match=f"published_alerts: Athena {words}" if "it" in words else words):
        run_statement(client, VIEW, SETTINGS)


def test_a_statement_that_reads_more_than_the_limit_is_told_what_to_do(client: Any, stub: Stubber) -> None:
    """How Athena answers, by its users' reports; its documentation says that it cancels the query."""
    _start(stub, VIEW.sql, "ads")
    _answer(stub, "CANCELLED", StateChangeReason="Query cancelled! : Bytes scanned limit was exceeded")
    with pytest.raises(AthenaError, match=r"lets one query .*or raise ADS_ATHENA_SCAN_LIMIT and deploy again"):
        run_statement(client, VIEW, SETTINGS)


def test_a_statement_that_still_runs_is_not_taken_for_refused() -> None:
    assert isinstance(refused_statement("published_alerts", {"State": "RUNNING"}), AthenaUnavailableError)


def test_a_workgroup_that_is_not_there_is_told(client: Any, stub: Stubber) -> None:
    stub.add_client_error("start_query_execution", "InvalidRequestException", "WorkGroup bank is not found.")
    with pytest.raises(AthenaError, match=r"WorkGroup bank is not found.*and are enabled"):
        run_statement(client, VIEW, SETTINGS)


def test_a_limit_below_athenas_least_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADS_ATHENA_SCAN_LIMIT", "9999999")
    get_settings.cache_clear()
    with pytest.raises(SettingsError, match="below 10,000,000, the least that Athena takes"):
        get_settings()
    monkeypatch.undo()
    get_settings.cache_clear()


def test_a_statement_that_does_not_end_may_be_run_again(
    client: Any, stub: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment, "LONGEST_SECONDS", 0)
    _start(stub, VIEW.sql, "ads")
    _answer(stub, "RUNNING")
    with pytest.raises(AthenaUnavailableError, match="did not end it within 0 seconds"):
        run_statement(client, VIEW, SETTINGS)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("TooManyRequestsException", AthenaUnavailableError),
        ("InternalServerException", AthenaUnavailableError),
        ("ThrottlingException", AthenaUnavailableError),
        ("InvalidRequestException", AthenaError),
        ("AccessDeniedException", AthenaError),
    ],
)
def test_what_aws_answers_is_told_apart(client: Any, stub: Stubber, code: str, error: type[Exception]) -> None:
    stub.add_client_error("start_query_execution", code, "so it is")
    with pytest.raises(error, match=f"published_alerts: AWS .*{code}: so it is"):
        run_statement(client, VIEW, SETTINGS)


def test_a_network_that_is_away_may_be_there_later() -> None:
    with pytest.raises(AthenaUnavailableError, match="could not be asked"), told_by_aws("the view"):
        raise EndpointConnectionError(endpoint_url="https://athena")


def test_named_queries_are_created_where_there_are_none(client: Any, stub: Stubber) -> None:
    _list(stub)
    _create(stub)
    names = [query.name for query in named_queries()]
    assert deploy_named_queries(client, "bank", "ads") == {"created": names, "updated": [], "unchanged": []}


def test_named_queries_that_are_there_are_left(client: Any, stub: Stubber) -> None:
    others = [_kept(f"own-{number}", "select 1") for number in range(60)]
    _list(stub, *others, *_as_deployed())
    names = [query.name for query in named_queries()]
    assert deploy_named_queries(client, "bank", "ads") == {"created": [], "updated": [], "unchanged": names}


def test_a_named_query_that_differs_is_changed_where_it_is(client: Any, stub: Stubber) -> None:
    kept = _as_deployed()
    kept[0] = {**kept[0], "QueryString": "select 1"}
    _list(stub, *kept)
    query = named_queries()[0]
    expected = {
        "NamedQueryId": f"id-{query.name}",
        "Name": query.name,
        "Description": query.description,
        "QueryString": query.sql,
    }
    stub.add_response("update_named_query", {}, expected)
    done = deploy_named_queries(client, "bank", "ads")
    assert (done["created"], done["updated"]) == ([], [query.name])


def test_a_query_of_that_name_over_another_database_is_another(client: Any, stub: Stubber) -> None:
    _list(stub, *({**each, "Database": "another"} for each in _as_deployed()))
    _create(stub)
    assert deploy_named_queries(client, "bank", "ads")["created"] == [query.name for query in named_queries()]


def _tables(stub: Stubber, *absent: str) -> None:
    """Glue names the tables of the database, page by page, and views that were made before."""
    names = [name for name in readable_tables() if name not in absent]
    pages = ([*names[:20], "published_fin_loan"], names[20:])
    answers = [{"TableList": [{"Name": name} for name in page]} for page in pages]
    stub.add_response("get_tables", {**answers[0], "NextToken": "more"}, {"DatabaseName": "ads"})
    stub.add_response("get_tables", answers[1], {"DatabaseName": "ads", "NextToken": "more"})


@pytest.fixture
def glue() -> Any:
    return boto3.client("glue", **NOWHERE)


@pytest.fixture
def glue_stub(glue: Any) -> Iterator[Stubber]:
    with Stubber(glue) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def test_a_deployment_runs_every_statement_in_order_and_again_changes_nothing(
    client: Any, stub: Stubber, glue: Any, glue_stub: Stubber
) -> None:
    for kept in ([], _as_deployed()):
        _tables(glue_stub)
        for each in statements("ads"):
            _start(stub, each.sql, each.database)
            _answer(stub, "SUCCEEDED")
        _list(stub, *kept)
        if not kept:
            _create(stub)
        done = deploy(SETTINGS, athena=client, glue=glue, lake_formation=object())
        assert done["statements"] == [each.name for each in statements("ads")]
        assert (done["absent"], done["granted"]) == ([], {})


def test_a_bank_without_loans_gets_no_view_of_them(client: Any, stub: Stubber, glue: Any, glue_stub: Stubber) -> None:
    absent = frozenset({"fin_loan", "fin_loan_masked", "retired_rows"})
    _tables(glue_stub, *absent)
    made = statements("ads", absent)
    for each in made:
        _start(stub, each.sql, each.database)
        _answer(stub, "SUCCEEDED")
    _list(stub, *_as_deployed())
    done = deploy(SETTINGS, athena=client, glue=glue, lake_formation=object())
    assert done["absent"] == sorted(absent)
    assert not {f"published_{name}" for name in absent} & set(done["statements"])
    assert len(made) == len(statements("ads")) - 3


def test_tables_that_every_lake_has_are_never_passed_over(glue: Any, glue_stub: Stubber) -> None:
    """Their view then fails by name, rather than a deployment that made next to nothing."""
    _tables(glue_stub, "alerts", "night_manifest", "fin_card")
    assert absent_tables(glue, "ads") == {"fin_card"}
    assert {"fin_loan_masked", "fin_district", "retired_rows"} < DISPENSABLE
    assert not DISPENSABLE & {"fin_client", "fin_client_masked", "fin_transaction", "pseudonym_keys", "reviews"}


def test_a_database_that_glue_does_not_have_is_named(glue: Any, glue_stub: Stubber) -> None:
    glue_stub.add_client_error("get_tables", "EntityNotFoundException", "Database ads not found")
    with pytest.raises(AthenaError, match=r"the tables of the database ads in the Glue catalog: AWS refused it"):
        absent_tables(glue, "ads")


def test_the_script_shows_everything_that_a_deployment_does() -> None:
    role = "arn:aws:iam::123456789012:role/masked-readers"
    shown = script(Settings(athena_masked_role=role))
    assert all(f"{each.sql};" in shown for each in statements("ads"))
    assert all(f"-- named query {query.name}\n{query.sql.strip()};" in shown for query in named_queries())
    assert f"-- grant DESCRIBE on the database to {role}" in shown
    assert f"-- grant DESCRIBE and SELECT on alerts_masked to {role}" in shown
    assert f"-- grant SELECT on night_manifest (settlement_date, run_key) to {role}" in shown
    assert "no grants" not in shown


def test_the_script_says_where_no_role_is_set() -> None:
    assert script(Settings()).endswith("-- no grants: neither ADS_ATHENA_MASKED_ROLE nor ADS_ATHENA_FULL_ROLE is set\n")
