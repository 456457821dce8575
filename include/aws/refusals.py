"""Failures of AWS as the project's own errors: which service refused what, and what mends it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, SSLError
from botocore.parsers import ResponseParserError

from include.errors import SettlementError, TerminalError, TransientError

# Codes of what may pass: throttling, a busy service, a conflict (botocore's own list of what it tries again, and S3's).
PASSING = frozenset(
    {
        "BandwidthLimitExceeded",
        "ConcurrentModificationException",
        "ConditionalRequestConflict",
        "InternalError",
        "InternalFailure",
        "InternalServerException",
        "InternalServiceException",
        "KMSInternalException",
        "KMSThrottling",
        "LimitExceededException",
        "OperationTimeoutException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "SlowDown",
        "Throttled",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
# Credentials end in the middle of a run; the next try takes new ones.
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})

UNANSWERED = (BotoCoreError, ResponseParserError)
"""What botocore raises where no answer came, or one that breaks off, which is none of its other errors."""


@contextmanager
def told(
    what: str,
    remedy: str,
    *,
    terminal: type[SettlementError] = TerminalError,
    passing: type[SettlementError] = TransientError,
) -> Iterator[None]:
    """Raise what AWS answers as an error of the project's.

    Parameters
    ----------
    what
        Noun phrase for what was asked and of whom, which the message begins with.
    remedy
        Sentence that says what mends a refusal, with the permission that may lack.
    terminal, passing
        Kinds of the error where AWS refuses for good, and where the same request may succeed later.
    """
    try:
        yield
    except ClientError as error:
        code, words = code_of(error), error.response.get("Error", {}).get("Message", "no reason given")
        if is_passing(error):
            raise passing(f"{what}: AWS could not do it now ({code}: {words}). Run it again later") from error
        raise terminal(f"{what}: AWS refused it ({code}: {words}). {remedy}") from error
    except UNANSWERED as error:
        if distrusts(error):
            raise terminal(
                f"{what}: the service's certificate is not trusted ({error}). Set AWS_CA_BUNDLE, or mend the endpoint"
            ) from error
        raise passing(
            f"{what}: AWS could not be asked ({error}). See that region, credentials and network are there, and run "
            "it again"
        ) from error


def distrusts(error: BaseException) -> bool:
    """Whether a service's certificate was refused; botocore calls a handshake that broke off by the same name."""
    return isinstance(error, SSLError) and "certificate verify failed" in str(error)


def code_of(error: ClientError) -> str:
    """The code of an answer, such as `AccessDenied`."""
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def is_passing(error: ClientError) -> bool:
    """Whether the same request may succeed later."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code_of(error) in PASSING | EXPIRED or status >= 500
