"""The faults that a night on S3 and Glue meets, and what it says, leaves and does when it is tried again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from include.errors import ObjectStoreError, ObjectStoreUnavailableError, PublishError, SettlementError, TerminalError


@dataclass(frozen=True)
class Fault:
    """One fault and its consequences.

    Attributes
    ----------
    name
        What happens, for the page.
    rule
        The proxy's rule.
    kind, said
        Kind of the error that is raised, and a part of its sentence; None and empty where the night is published.
    """

    name: str
    rule: Mapping[str, Any]
    kind: type[SettlementError] | None = None
    said: str = ""

    @property
    def is_published(self) -> bool:
        """Whether readers see the new night afterwards."""
        return self.kind is None

    def row(self) -> str:
        """The row of the page's table."""
        says = f"`{self.kind.__name__}`: ...{self.said}..." if self.kind else "nothing, the night is published"
        state = "what was published before" if self.kind else "the new night, whole"
        again = "replaces it, once" if self.kind else "changes nothing"
        return f"| {self.name} | {says} | {state} | {again} |"


def _s3(code: str, status: int, operation: str = "PutObject", **more: Any) -> dict[str, Any]:
    return {"service": "s3", "operation": operation, "error": {"code": code, "status": status}, **more}


def _glue(**fault: Any) -> dict[str, Any]:
    return {"service": "glue", "operation": "UpdateTable", **fault}


FAULTS = (
    Fault("S3 throttles once", _s3("SlowDown", 503, times=1)),
    Fault("S3 throttles on and on", _s3("SlowDown", 503, "GetObject"), ObjectStoreUnavailableError, "S3 is busy"),
    Fault(
        "S3 fails by itself (500)", _s3("InternalError", 500, "GetObject"), ObjectStoreUnavailableError, "S3 is busy"
    ),
    Fault(
        "connections are reset before S3 gets a write",
        {"service": "s3", "operation": "PutObject", "reset": True},
        PublishError,
        "did not answer",
    ),
    Fault(
        "S3 denies a write", _s3("AccessDenied", 403), ObjectStoreError, "grant the role s3:PutObject on arn:aws:s3:::"
    ),
    Fault(
        "S3 denies a read", _s3("AccessDenied", 403, "GetObject"), ObjectStoreError, "grant the role s3:GetObject on"
    ),
    Fault("the bucket is gone", _s3("NoSuchBucket", 404), ObjectStoreError, "there is no bucket"),
    Fault("credentials expire in the middle", _s3("ExpiredToken", 400), PublishError, "the credentials have expired"),
    Fault("the clock is wrong", _s3("RequestTimeTooSkewed", 403, "GetObject"), ObjectStoreError, "set it, with NTP"),
    Fault(
        "Glue throttles",
        _glue(error={"code": "ThrottlingException", "status": 400}),
        PublishError,
        "Run it again later",
    ),
    Fault(
        "Glue fails by itself (500)",
        _glue(error={"code": "InternalServiceException", "status": 500}),
        PublishError,
        "later",
    ),
    Fault("connections are reset before Glue gets a commit", _glue(reset=True), PublishError, "AWS could not be asked"),
    Fault("the answer to a commit is lost once", _glue(response={"abort_bytes": 0}, times=1)),
    Fault("every answer to a commit is lost", _glue(response={"abort_bytes": 0})),
    Fault(
        "Glue denies a commit",
        _glue(error={"code": "AccessDeniedException", "status": 400}),
        TerminalError,
        "glue:UpdateTable",
    ),
)
