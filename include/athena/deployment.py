"""A deployment from the command line: the statements are run, the named queries kept, the permissions granted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from include.athena.definitions import DATABASE, Statement, statement, statements
from include.athena.named_query import deploy_named_queries, named_queries
from include.athena.permissions import deploy_grants, grants
from include.athena.readable import absent_tables
from include.athena.refusals import refused_statement, told_by_aws
from include.athena.workgroup import configuration, deploy_workgroup
from include.aws.clients import client
from include.errors import AthenaUnavailableError
from include.settings import Settings

# A definition takes Athena about a second, and may queue behind others of the account (20 at once).
POLL_SECONDS = 1
LONGEST_SECONDS = 300

_RUNNING = frozenset({"QUEUED", "RUNNING"})
_NO_GRANTS = "-- no grants: neither ADS_ATHENA_MASKED_ROLE nor ADS_ATHENA_FULL_ROLE is set"


def deploy(
    settings: Settings,
    athena: Any = None,  # noqa: ANN401 - boto3 makes its clients' classes while it runs
    glue: Any = None,  # noqa: ANN401
    lake_formation: Any = None,  # noqa: ANN401
) -> dict[str, Any]:
    """Make workgroup, database and views, keep the named queries, grant what the files say; twice changes nothing more.

    Parameters
    ----------
    settings
        Settings with the namespace, the workgroup, the place of its results and the roles.
    athena, glue, lake_formation
        Clients of the services; those of this machine's credentials when None.

    Returns
    -------
    dict
        `workgroup`, as `deploy_workgroup` returns it; `statements`, the names of those run; `absent`, the tables that
        the lake lacks, which got no view and no grant;
        `named_queries`, as `deploy_named_queries` returns them; `granted`, as `deploy_grants` does.

    Raises
    ------
    AthenaError, AthenaUnavailableError
        When AWS refuses, or cannot answer now; what was made before stands.
    """
    queries = athena or _client("athena")
    workgroup = deploy_workgroup(queries, settings)
    database = statement(DATABASE, settings.namespace)
    run_statement(queries, database, settings)
    absent = absent_tables(glue or _client("glue"), settings.namespace)
    made = statements(settings.namespace, absent)
    for each in made:
        if each != database:
            run_statement(queries, each, settings)
    kept = deploy_named_queries(queries, settings.athena_workgroup, settings.namespace)
    roles = (settings.athena_masked_role, settings.athena_full_role)
    given = deploy_grants(lake_formation or _client("lakeformation"), settings.namespace, *roles, absent)
    names = [each.name for each in made]
    return {"workgroup": workgroup, "statements": names, "absent": sorted(absent), "named_queries": kept, **given}


def run_statement(athena: Any, statement: Statement, settings: Settings) -> None:  # noqa: ANN401
    """Run one statement in Athena and wait for its end.

    Raises
    ------
    AthenaError
        When Athena refuses it.
    AthenaUnavailableError
        When it may succeed later, or takes longer than five minutes.
    """
    context = {"QueryExecutionContext": {"Database": statement.database}} if statement.database else {}
    with told_by_aws(statement.name):
        started = athena.start_query_execution(
            QueryString=statement.sql, WorkGroup=settings.athena_workgroup, **context, **_results(settings)
        )
        status = _ended(athena, statement.name, started["QueryExecutionId"])
    if status["State"] != "SUCCEEDED":
        raise refused_statement(statement.name, status)


def _results(settings: Settings) -> dict[str, Any]:
    uri = settings.athena_output_uri
    return {"ResultConfiguration": {"OutputLocation": uri}} if uri else {}


def _ended(athena: Any, name: str, execution: str) -> Mapping[str, Any]:  # noqa: ANN401
    turns = Retrying(
        retry=retry_if_result(lambda status: status["State"] in _RUNNING),
        wait=wait_fixed(POLL_SECONDS),
        stop=stop_after_delay(LONGEST_SECONDS),
    )
    try:
        status: Mapping[str, Any] = turns(lambda: _status(athena, execution))
    except RetryError as error:
        raise AthenaUnavailableError(
            f"{name}: Athena did not end it within {LONGEST_SECONDS} seconds (query execution {execution}). Look at "
            "what else runs in the workgroup, and run the deployment again"
        ) from error
    return status


def _status(athena: Any, execution: str) -> Mapping[str, Any]:  # noqa: ANN401
    status: Mapping[str, Any] = athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]
    return status


def _client(service: str) -> Any:  # noqa: ANN401
    with told_by_aws(f"the client of {service}"):
        return client(service)


def script(settings: Settings) -> str:
    """Everything that a deployment does, as a script to read; workgroup and grants are comments."""
    made = [f"{each.sql};" for each in statements(settings.namespace)]
    kept = [f"-- named query {query.name}\n{query.sql.strip()};" for query in named_queries()]
    given = [f"-- {grant.sentence()}" for grant in grants(settings.athena_masked_role, settings.athena_full_role)]
    return "\n\n".join([_workgroup(settings), *made, *kept, "\n".join(given or [_NO_GRANTS])]) + "\n"


def _workgroup(settings: Settings) -> str:
    if not settings.athena_scan_limit:
        return f"-- workgroup {settings.athena_workgroup}: left as it is, as ADS_ATHENA_SCAN_LIMIT is not set"
    return f"-- workgroup {settings.athena_workgroup}: {json.dumps(configuration(settings), sort_keys=True)}"
