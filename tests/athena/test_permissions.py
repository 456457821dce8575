"""Masked readers are granted masked tables and nothing else; what is granted is granted as Lake Formation asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from include.athena.definitions import view_name
from include.athena.permissions import FULL, MASKED, check_separation, deploy_grants, granted_in, grants
from include.athena.readable import is_masked
from include.errors import AthenaError, AthenaUnavailableError, SettingsError
from include.lake import Table
from include.lake.tables import VERSION_TABLE

MASKED_ROLE, FULL_ROLE = (f"arn:aws:iam::123456789012:role/{name}" for name in ("masked-readers", "full-readers"))


NOWHERE = {"region_name": "eu-central-1", "aws_access_key_id": "none", "aws_secret_access_key": "none"}


@pytest.fixture
def client() -> Any:
    return boto3.client("lakeformation", **NOWHERE)


@pytest.fixture
def stub(client: Any) -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def test_every_table_is_granted_by_exactly_one_file(tables: dict[str, Table]) -> None:
    granted = [*granted_in(MASKED)["tables"], *granted_in(FULL)["tables"]]
    assert sorted(granted) == sorted(tables)


def test_no_masked_role_is_granted_a_full_table_or_a_column_of_one(tables: dict[str, Table]) -> None:
    shown = {name for name, table in tables.items() if is_masked(table)} | {VERSION_TABLE.name}
    for grant in grants(MASKED_ROLE, ""):
        assert grant.role == MASKED_ROLE
        if grant.columns:
            # What their views join: which run is published.
            assert (grant.table, grant.columns) == ("night_manifest", ("settlement_date", "run_key"))
        else:
            assert grant.table in {"", *shown, *map(view_name, shown)}


def test_full_readers_read_every_table_and_view(tables: dict[str, Table]) -> None:
    found = grants("", FULL_ROLE)
    assert {grant.table for grant in found} == {"", *tables, *map(view_name, tables)}
    assert all(grant.role == FULL_ROLE and not grant.columns for grant in found)


def test_of_a_table_that_the_lake_lacks_nothing_is_granted(tables: dict[str, Table]) -> None:
    absent = frozenset({"fin_loan", "fin_loan_masked"})
    every, some = grants(MASKED_ROLE, FULL_ROLE), grants(MASKED_ROLE, FULL_ROLE, absent)
    left_out = {grant.table for grant in set(every) - set(some)}
    assert left_out == {*absent, *map(view_name, absent)}


def test_a_role_that_is_not_given_is_granted_nothing() -> None:
    assert grants("", "") == []


def test_one_role_for_both_is_refused() -> None:
    with pytest.raises(SettingsError, match="masked and full readers are one role"):
        grants(MASKED_ROLE, MASKED_ROLE)


def test_a_grant_is_an_entry_as_lake_formation_takes_it() -> None:
    database, table, *_, columns = grants(MASKED_ROLE, "")
    principal = {"DataLakePrincipalIdentifier": MASKED_ROLE}
    assert database.entry(0, "ads") == {
        "Id": "0",
        "Principal": principal,
        "Resource": {"Database": {"Name": "ads"}},
        "Permissions": ["DESCRIBE"],
    }
    assert table.entry(1, "ads") == {
        "Id": "1",
        "Principal": principal,
        "Resource": {"Table": {"DatabaseName": "ads", "Name": "fin_account_masked"}},
        "Permissions": ["DESCRIBE", "SELECT"],
    }
    names = ["settlement_date", "run_key"]
    assert columns.entry(2, "ads") == {
        "Id": "2",
        "Principal": principal,
        "Resource": {"TableWithColumns": {"DatabaseName": "ads", "Name": "night_manifest", "ColumnNames": names}},
        "Permissions": ["SELECT"],
    }


def _stub_grants(stub: Stubber, *roles: str, failures: list[dict[str, Any]] | None = None) -> None:
    entries = [grant.entry(number, "ads") for number, grant in enumerate(grants(*roles))]
    for first in range(0, len(entries), 20):
        answer = {"Failures": failures or []}
        stub.add_response("batch_grant_permissions", answer, {"Entries": entries[first : first + 20]})
        if failures:
            return


def _held(role: str, name: str | None, columns: list[str] | None = None, database: str = "ads") -> dict[str, Any]:
    table: dict[str, Any] = {"DatabaseName": database, **({"Name": name} if name else {"TableWildcard": {}})}
    resource = {"TableWithColumns": {**table, "ColumnNames": columns}} if columns else {"Table": table}
    return {"Principal": {"DataLakePrincipalIdentifier": role}, "Resource": resource, "Permissions": ["SELECT"]}


def _stub_held(stub: Stubber, *held: dict[str, Any]) -> None:
    pages = [list(held[:1]), list(held[1:])]
    stub.add_response(
        "list_permissions", {"PrincipalResourcePermissions": pages[0], "NextToken": "more"}, {"ResourceType": "TABLE"}
    )
    stub.add_response(
        "list_permissions",
        {"PrincipalResourcePermissions": pages[1]},
        {"ResourceType": "TABLE", "NextToken": "more"},
    )


def test_grants_are_given_twenty_at_once_and_again_without_another_call(client: Any, stub: Stubber) -> None:
    for _ in range(2):
        _stub_grants(stub, MASKED_ROLE, FULL_ROLE)
        _stub_held(
            stub,
            _held(MASKED_ROLE, "alerts_masked"),
            _held(MASKED_ROLE, "night_manifest", ["run_key", "settlement_date"]),
            _held(FULL_ROLE, "alerts"),
            _held(MASKED_ROLE, "anything", database="another"),
        )
        done = deploy_grants(client, "ads", MASKED_ROLE, FULL_ROLE)
        assert done["granted"] == {
            MASKED_ROLE: len(grants(MASKED_ROLE, "")),
            FULL_ROLE: len(grants("", FULL_ROLE)),
        }


def test_without_roles_nothing_is_asked(client: Any, stub: Stubber) -> None:
    assert deploy_grants(client, "ads", "", "") == {"granted": {}}


def test_a_grant_that_is_refused_is_named(client: Any, stub: Stubber) -> None:
    entry = grants(MASKED_ROLE, "")[1].entry(1, "ads")
    error = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "Table not found"}
    _stub_grants(stub, MASKED_ROLE, "", failures=[{"RequestEntry": entry, "Error": error}])
    with pytest.raises(AthenaError, match=r"1 of the grants: fin_account_masked: EntityNotFoundException \(Table not"):
        deploy_grants(client, "ads", MASKED_ROLE, "")


@pytest.mark.parametrize(
    ("held", "told"),
    [
        (_held(MASKED_ROLE, "alerts"), f"{MASKED_ROLE} may read alerts"),
        (_held(MASKED_ROLE, "published_alerts"), f"{MASKED_ROLE} may read published_alerts"),
        (_held(MASKED_ROLE, None), f"{MASKED_ROLE} may read all tables"),
        (_held(MASKED_ROLE, "alerts", ["account_id"]), f"{MASKED_ROLE} may read alerts"),
        (_held(MASKED_ROLE, "night_manifest"), f"{MASKED_ROLE} may read night_manifest"),
        (_held(MASKED_ROLE, "night_manifest", ["summary"]), f"{MASKED_ROLE} may read night_manifest"),
        (_held("IAM_ALLOWED_PRINCIPALS", "alerts"), "IAM_ALLOWED_PRINCIPALS may read alerts"),
        (_held("123456789012:IAMPrincipals", "alerts"), "123456789012:IAMPrincipals may read alerts"),
    ],
)
def test_masked_readers_who_may_read_more_are_found(
    client: Any, stub: Stubber, held: dict[str, Any], told: str
) -> None:
    _stub_held(stub, _held(FULL_ROLE, "alerts"), held)
    with pytest.raises(AthenaError, match="may read more of the database ads") as found:
        check_separation(client, "ads", MASKED_ROLE)
    assert told in str(found.value)
    assert FULL_ROLE not in str(found.value)


def test_lake_formation_that_is_busy_may_be_asked_again(client: Any, stub: Stubber) -> None:
    stub.add_client_error("batch_grant_permissions", "OperationTimeoutException", "later")
    with pytest.raises(AthenaUnavailableError, match="AWS could not do it now"):
        deploy_grants(client, "ads", MASKED_ROLE, "")


def test_who_may_not_grant_is_told(client: Any, stub: Stubber) -> None:
    stub.add_client_error("batch_grant_permissions", "AccessDeniedException", "not an administrator")
    with pytest.raises(AthenaError, match="AWS refused it"):
        deploy_grants(client, "ads", MASKED_ROLE, "")
