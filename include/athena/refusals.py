"""Failures of Athena and Lake Formation as the project's own errors, told apart by whether asking again may help."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from include.aws.refusals import told
from include.errors import AthenaError, AthenaUnavailableError, SettlementError

_REMEDY = (
    "See that the role that deploys may do this (include/aws/policies/deployer.json), and that workgroup and database "
    "are those of this account and region and are enabled"
)
_RUNNING = frozenset({"QUEUED", "RUNNING"})
# The reason that Athena gives for a query that the limit of its workgroup ended.
_LIMIT = "Bytes scanned limit"


def told_by_aws(what: str) -> AbstractContextManager[None]:
    """Raise what AWS answers as an error of the project's.

    Parameters
    ----------
    what
        Noun phrase for what was asked, which the message begins with.

    Raises
    ------
    AthenaError
        When AWS refuses it.
    AthenaUnavailableError
        When it may succeed later.
    """
    return told(what, _REMEDY, terminal=AthenaError, passing=AthenaUnavailableError)


def refused_statement(name: str, status: Mapping[str, Any]) -> SettlementError:
    """The error for a statement that Athena ended without success, or did not end in time.

    Parameters
    ----------
    name
        Name of the statement.
    status
        `Status` of the query execution, as Athena answers it.
    """
    said = status.get("AthenaError", {})
    why = status.get("StateChangeReason") or said.get("ErrorMessage") or "no reason given"
    state = status.get("State", "unknown")
    if said.get("Retryable") or state in _RUNNING:
        return AthenaUnavailableError(f"{name}: Athena could not run it ({state}: {why}). Run the deployment again")
    if _LIMIT in why:
        return AthenaError(
            f"{name}: Athena ended it as {state}, since it reads more than the workgroup lets one query ({why}). Name "
            "fewer nights, or raise ADS_ATHENA_SCAN_LIMIT and deploy again"
        )
    return AthenaError(
        f"{name}: Athena ended it as {state} ({why}). See that the table it reads stands in the Glue catalog, with "
        "the columns of this version, and run the deployment again"
    )
