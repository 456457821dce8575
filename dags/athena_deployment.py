"""Deploy what the bank queries in Athena: workgroup, database, views over what readers see, named queries and grants.

**Purpose.** Readers see of each table the rows of the run that `night_manifest` names; the views `published_<table>`
say so once, for Athena, Tableau and whoever asks. The named queries answer what is asked most. Lake Formation
permissions separate those who may see whom from those who may not.

**Inputs.** The files of `include/sql/athena/` and `include/aws/lake_formation/`; the tables as this version of the code
declares them, which must stand in the Glue catalog under the lake's namespace (`ADS_NAMESPACE`).

**Outputs.** With `ADS_ATHENA_SCAN_LIMIT`, the workgroup: results encrypted, its configuration enforced, and a limit to
what one query reads. The database, a view for each table that people may read, the named queries of the workgroup
`ADS_ATHENA_WORKGROUP`, and permissions of the roles `ADS_ATHENA_MASKED_ROLE` and `ADS_ATHENA_FULL_ROLE`. A table that
the lake lacks, because the bank has no such relation or nothing was ever retired, gets neither. No data are written.

**Params.** None: database, workgroup and roles are the installation's settings, so that whoever may trigger the run
cannot grant anything to anybody else. Run it by hand, after the first night and after each new version of the code.

**What a retry does.** The same again: a workgroup that is as the settings say and a database that exists are left, a
view is replaced by the same view, a named query is changed only where the file differs, a permission that is held is
granted again without effect. What AWS could not do now is tried again three times; what it refuses fails at once.

**Impact of a failure.** What was made before stands. Nights do not depend on it: readers of Athena keep the views,
queries and permissions that they had.

**How to triage.** The run's *Outcome* tab has the sentence. The workgroup fails: the role that deploys may not make or
change it, or the settings name no place for its results. A view fails: its table is not in the Glue catalog, or
lacks a column of this version; publish a night with this version first. A grant is refused: the role that deploys must
be a data lake administrator, or hold the permission with the grant option. Masked readers may read more than they
should: revoke in Lake Formation what the sentence lists, then clear the task.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow.providers.amazon.aws.hooks.athena import AthenaHook
from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from airflow.providers.amazon.aws.operators.athena import AthenaOperator
from airflow.sdk import Context, dag, task
from airflow.sdk.exceptions import AirflowException

from include.orchestration import DEFAULT_ARGS, Tag, TaskResult, run_by_settings
from include.settings import Settings

# A definition takes Athena about a second.
POLL_SECONDS = 2
# Athena runs twenty definitions of an account at once, and those of others are among them.
VIEWS_AT_ONCE = 4


class DeployStatement(AthenaOperator):
    """Runs one statement of the files in Athena, by its name.

    Nothing that runs is taken from params or from another task's XCom, which users may write: they name a statement,
    and a name that is none is refused.

    Parameters
    ----------
    statement
        Name of the statement: `database`, or that of a view.
    """

    template_fields = ()

    def __init__(self, *, statement: str, **kwargs: Any) -> None:  # noqa: ANN401 - Airflow's own keywords, passed on
        super().__init__(query="", sleep_time=POLL_SECONDS, deferrable=False, log_query=False, **kwargs)
        self.statement = statement

    def execute(self, context: Context) -> str | None:
        """Run the statement, and wait for its end."""
        return run_by_settings(lambda settings: self._run(context, settings))

    def _run(self, context: Context, settings: Settings) -> str | None:
        from include.athena import refused_statement, statement, told_by_aws

        found = statement(self.statement, settings.namespace)
        self.query, self.database = found.sql, found.database or None
        self.workgroup, self.output_location = settings.athena_workgroup, settings.athena_output_uri or None
        with told_by_aws(found.name):
            try:
                return super().execute(context)
            except AirflowException as error:
                if not self.query_execution_id:
                    raise
                raise refused_statement(found.name, self._status()) from error

    def _status(self) -> dict[str, Any]:
        """What Athena says of the statement that it ended."""
        execution: dict[str, Any] = self.hook.get_query_info(self.query_execution_id)["QueryExecution"]
        return dict(execution["Status"])


@dag(
    schedule=None,
    start_date=datetime(1993, 1, 1),
    catchup=False,
    # Two deployments at once would each find the other's named queries missing.
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=1),
    default_args={**DEFAULT_ARGS, "execution_timeout": timedelta(minutes=10)},
    doc_md=__doc__,
    tags=[Tag.SETTLEMENT],
)
def athena_deployment() -> None:
    """The table of contents of a deployment."""

    @task
    def make_workgroup() -> str:
        """Make the workgroup as the settings say, or set it right."""
        return run_by_settings(_workgroup)

    @task
    def name_views() -> list[str]:
        """Name the views, one for each table that people may read and the lake has."""
        return run_by_settings(_view_names)

    @task
    def keep_named_queries() -> TaskResult:
        """Keep each named query once in the workgroup, as its file has it."""
        return run_by_settings(_named_queries)

    @task
    def grant_permissions() -> TaskResult:
        """Grant what the files say, and see that masked readers may read nothing else."""
        return run_by_settings(_granted)

    database = DeployStatement(task_id="create_database", statement="database", doc="Make the database once.")
    names = name_views()
    make_workgroup() >> database >> names
    views = DeployStatement.partial(
        task_id="create_views",
        doc="Make or replace each view.",
        map_index_template="{{ task.statement }}",
        max_active_tis_per_dagrun=VIEWS_AT_ONCE,
    ).expand(statement=names)
    views >> keep_named_queries() >> grant_permissions()


def _view_names(settings: Settings) -> list[str]:
    from include.athena import statements

    return [each.name for each in statements(settings.namespace, _absent(settings)) if each.database]


def _workgroup(settings: Settings) -> str:
    from include.athena import deploy_workgroup

    return deploy_workgroup(_client("athena", AthenaHook()), settings)


def _named_queries(settings: Settings) -> TaskResult:
    from include.athena import deploy_named_queries

    athena = _client("athena", AthenaHook())
    return {**deploy_named_queries(athena, settings.athena_workgroup, settings.namespace)}


def _granted(settings: Settings) -> TaskResult:
    from include.athena import deploy_grants

    permissions = _client("lakeformation", AwsBaseHook(client_type="lakeformation"))
    roles = (settings.athena_masked_role, settings.athena_full_role)
    return deploy_grants(permissions, settings.namespace, *roles, _absent(settings))


def _absent(settings: Settings) -> frozenset[str]:
    from include.athena import absent_tables

    return absent_tables(_client("glue", AwsBaseHook(client_type="glue")), settings.namespace)


def _client(service: str, hook: AwsBaseHook) -> Any:  # noqa: ANN401 - boto3 makes its clients' classes while it runs
    from include.athena import told_by_aws
    from include.aws.endpoints import require_tls

    with told_by_aws(f"the client of {service}"):
        client = hook.get_conn()
    require_tls(service, client.meta.endpoint_url, hook.verify)
    return client


athena_deployment()
