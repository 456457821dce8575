"""Lake Formation permissions: who may read masked tables, and who full ones, from the files of `include/aws`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from include.athena.definitions import view_name
from include.athena.refusals import told_by_aws
from include.errors import AthenaError, SettingsError

GRANTS_FOLDER = Path(__file__).resolve().parent.parent / "aws" / "lake_formation"
MASKED, FULL = "masked_readers", "full_readers"
"""Names of the files, each after the readers it is for."""
READ = ("DESCRIBE", "SELECT")
# Whoever IAM lets in, which Lake Formation grants of new tables unless its settings are changed; and the group of all
# roles and users of an account, whose name begins with the account's number.
_EVERYBODY, _ALL_OF_AN_ACCOUNT = "IAM_ALLOWED_PRINCIPALS", ":IAMPrincipals"
# What one call of BatchGrantPermissions takes.
_BATCH = 20


@dataclass(frozen=True)
class Grant:
    """What one role may read.

    Attributes
    ----------
    role
        ARN of the role.
    table
        Name of the table or view; empty for the database itself, which may then be described.
    columns
        Names of the columns; all of them where there are none.
    """

    role: str
    table: str = ""
    columns: tuple[str, ...] = ()

    def entry(self, number: int, database: str) -> dict[str, Any]:
        """The grant as an entry of BatchGrantPermissions."""
        return {
            "Id": str(number),
            "Principal": {"DataLakePrincipalIdentifier": self.role},
            "Resource": self._resource(database),
            "Permissions": self._permissions(),
        }

    def sentence(self) -> str:
        """The grant as people read it."""
        columns = f" ({', '.join(self.columns)})" if self.columns else ""
        return f"grant {' and '.join(self._permissions())} on {self.table or 'the database'}{columns} to {self.role}"

    def _permissions(self) -> list[str]:
        # Lake Formation grants single columns to be selected, and nothing else.
        return ["SELECT"] if self.columns else list(READ) if self.table else ["DESCRIBE"]

    def _resource(self, database: str) -> dict[str, Any]:
        if not self.table:
            return {"Database": {"Name": database}}
        named = {"DatabaseName": database, "Name": self.table}
        return {"TableWithColumns": {**named, "ColumnNames": list(self.columns)}} if self.columns else {"Table": named}


def grants(masked_role: str, full_role: str, absent: frozenset[str] = frozenset()) -> list[Grant]:
    """Every grant of the files to the two roles; a role that is empty is granted nothing.

    Parameters
    ----------
    masked_role
        ARN of the role of those who may not see whom.
    full_role
        ARN of the role of those who may; it reads the masked tables besides.
    absent
        Names of the tables that the lake lacks, of which nothing can be granted.

    Raises
    ------
    SettingsError
        When both are the same.
    """
    if masked_role and masked_role == full_role:
        raise SettingsError(
            f"masked and full readers are one role, {masked_role}: give ADS_ATHENA_MASKED_ROLE and "
            "ADS_ATHENA_FULL_ROLE a role each, or leave one empty",
            setting="athena_masked_role",
        )
    to_masked = _granted(masked_role, MASKED) if masked_role else []
    every = [*to_masked, *(_granted(full_role, MASKED, FULL) if full_role else [])]
    left_out = {*absent, *map(view_name, absent)}
    return [grant for grant in every if grant.table not in left_out]


def _granted(role: str, *files: str) -> list[Grant]:
    found = [Grant(role), *(grant for file in files for grant in _grants_of(role, file))]
    whole = {grant.table for grant in found if not grant.columns}
    # Where one file grants some columns and another the table, the table is granted.
    return [grant for grant in found if not grant.columns or grant.table not in whole]


def _grants_of(role: str, file: str) -> Iterator[Grant]:
    said = granted_in(file)
    for table in said["tables"]:
        yield Grant(role, table)
        # Athena opens a view with the reader's own rights, so that both are granted.
        yield Grant(role, view_name(table))
    for table, columns in said["columns"].items():
        yield Grant(role, table, tuple(columns))


@cache
def granted_in(file: str) -> dict[str, Any]:
    """What a file grants: `tables` as a whole, each with its view, and single `columns` by table."""
    said: dict[str, Any] = json.loads((GRANTS_FOLDER / f"{file}.json").read_text(encoding="utf-8"))
    return said


def deploy_grants(
    lake_formation: Any,  # noqa: ANN401 - boto3 makes its clients' classes while it runs
    database: str,
    masked_role: str,
    full_role: str,
    absent: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """Grant what the files say, and see that masked readers may read nothing else; a second time changes nothing.

    Parameters
    ----------
    lake_formation
        Client of Lake Formation.
    database
        Name of the database of tables and views.
    masked_role, full_role, absent
        As `grants` takes them.

    Returns
    -------
    dict
        `granted`, the number of grants by role.

    Raises
    ------
    AthenaError
        When AWS refuses a grant, or masked readers may read more than their file says.
    AthenaUnavailableError
        When AWS cannot answer now.
    """
    wanted = grants(masked_role, full_role, absent)
    entries = [grant.entry(number, database) for number, grant in enumerate(wanted)]
    for first in range(0, len(entries), _BATCH):
        with told_by_aws("the Lake Formation permissions"):
            answer = lake_formation.batch_grant_permissions(Entries=entries[first : first + _BATCH])
        _check_granted(answer.get("Failures", []))
    if masked_role:
        check_separation(lake_formation, database, masked_role)
    return {"granted": {role: sum(grant.role == role for grant in wanted) for role in (masked_role, full_role) if role}}


def _check_granted(failures: Sequence[Mapping[str, Any]]) -> None:
    if not failures:
        return
    told = "; ".join(f"{_named(each['RequestEntry']['Resource'])}: {_reason(each['Error'])}" for each in failures)
    raise AthenaError(
        f"Lake Formation refused {len(failures)} of the grants: {told}. The role that deploys must be a data lake "
        "administrator or hold each of these with the grant option, and table and view must stand in the catalog"
    )


def _named(resource: Mapping[str, Any]) -> str:
    found = resource.get("Table") or resource.get("TableWithColumns") or resource.get("Database") or {}
    return str(found.get("Name") or "all tables")


def _reason(error: Mapping[str, Any]) -> str:
    return f"{error.get('ErrorCode', 'unknown')} ({error.get('ErrorMessage', 'no reason given')})"


def check_separation(lake_formation: Any, database: str, masked_role: str) -> None:  # noqa: ANN401
    """See that masked readers may read what their file says, and nothing else in the database.

    Raises
    ------
    AthenaError
        When an earlier grant gives them more, or everybody whom IAM lets in may read.
    """
    own = {grant.table: set(grant.columns) for grant in grants(masked_role, "")}
    with told_by_aws("the permissions held in Lake Formation"):
        excess = sorted(_excess(_held(lake_formation, database), own, masked_role))
    if excess:
        raise AthenaError(
            f"masked readers may read more of the database {database} than their file grants: {'; '.join(excess)}. "
            "Revoke these in Lake Formation, empty its setting CreateTableDefaultPermissions, which grants new tables "
            "to everybody, and run the deployment again"
        )


def _held(lake_formation: Any, database: str) -> Iterator[tuple[str, str, set[str]]]:  # noqa: ANN401
    """Role, table and columns (none for all) of every permission to read in the database."""
    for held in _permissions(lake_formation):
        resource = held["Resource"].get("Table") or held["Resource"].get("TableWithColumns") or {}
        if resource.get("DatabaseName") == database and {"SELECT", "ALL"} & set(held["Permissions"]):
            role = held["Principal"]["DataLakePrincipalIdentifier"]
            yield role, resource.get("Name", "all tables"), set(resource.get("ColumnNames", ()))


def _permissions(lake_formation: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401
    """Every permission on a table, page by page: boto3 has no paginator for them."""
    more: dict[str, str] = {}
    while True:
        page = lake_formation.list_permissions(ResourceType="TABLE", **more)
        yield from page["PrincipalResourcePermissions"]
        if not page.get("NextToken"):
            return
        more = {"NextToken": page["NextToken"]}


def _excess(held: Iterator[tuple[str, str, set[str]]], own: Mapping[str, set[str]], masked_role: str) -> Iterator[str]:
    for role, table, columns in held:
        is_own = table in own and (not own[table] or (columns and columns <= own[table]))
        if _is_everybody(role) or (role == masked_role and not is_own):
            yield f"{role} may read {table}"


def _is_everybody(role: str) -> bool:
    return role == _EVERYBODY or role.endswith(_ALL_OF_AN_ACCOUNT)
