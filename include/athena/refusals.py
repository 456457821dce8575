"""Failures of AWS as the project's own errors, told apart by whether asking again may help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.errors import AthenaError, AthenaUnavailableError, SettlementError

# Common errors of AWS's interfaces, and those that Athena and Lake Formation declare for what may pass.
_PASSING = frozenset(
    {
        "InternalServerException",
        "InternalServiceException",
        "OperationTimeoutException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "ConcurrentModificationException",
    }
)


@contextmanager
def told_by_aws(what: str) -> Iterator[None]:
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
    try:
        yield
    except ClientError as error:
        raise _of_answer(what, error.response["Error"]) from error
    except BotoCoreError as error:
        raise AthenaUnavailableError(
            f"{what}: AWS could not be asked ({error}). See that region, credentials and network are there, then run "
            "the deployment again; what stands already is left as it is"
        ) from error


def _of_answer(what: str, said: Mapping[str, Any]) -> SettlementError:
    code, words = said.get("Code", "unknown"), said.get("Message", "no reason given")
    if code in _PASSING:
        return AthenaUnavailableError(f"{what}: AWS is busy ({code}: {words}). Run the deployment again later")
    return AthenaError(
        f"{what}: AWS refused it ({code}: {words}). See that the role that deploys may do this "
        "(docs/downstream.md, Athena), and that workgroup and database are those of this account and region"
    )


def refused_statement(name: str, status: Mapping[str, Any]) -> SettlementError:
    """The error for a statement that Athena ended without success.

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
    if said.get("Retryable"):
        return AthenaUnavailableError(f"{name}: Athena could not run it ({state}: {why}). Run the deployment again")
    return AthenaError(
        f"{name}: Athena ended it as {state} ({why}). See that the table it reads stands in the Glue catalog, with "
        "the columns of this version, and run the deployment again"
    )
