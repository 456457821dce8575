"""What analysts decide, taken in by the console: JSON in, a file of the drop out, which the next night reads.

Who may change the settlement DAG's runs may review (Airflow's role *User* and those above it; the *Viewer* may not):
a review changes what the following nights publish, and so it takes the right to write, not the one to look.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self, get_args
from urllib.parse import urlsplit

from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.configuration import conf
from fastapi import Depends, HTTPException, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from include.errors import PublishError
from include.settings import get_settings

MOST_REVIEWS = 500
"""In one request: what a person decides in two days; more comes as a file."""
MOST_BYTES = 1 << 20
"""Of a request: so many reviews with the longest reasons allowed."""
LONGEST_REASON = 1000
"""Characters, as `include.sources.reviews` takes them."""

_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""No analyst decided before: such a time is a slip, as 0 is for 1970. Years near 1 and 9999 have no UTC."""
# Zero is a number like any other, and some banks begin at it.
_Identifier = Annotated[int, Field(ge=-(2**63), lt=2**63)]


class Review(BaseModel):
    """One decision. Who decided and when it became known are not the caller's to say."""

    model_config = ConfigDict(extra="forbid", strict=True)

    trans_id: _Identifier | None = None
    account_id: _Identifier | None = None
    check_code: Annotated[str, Field(max_length=60)] | None = None
    decision: Literal["confirmed", "dismissed", "unsure"]
    reason: Annotated[str, Field(max_length=LONGEST_REASON)] = ""
    decided_at: Annotated[AwareDatetime, Field(strict=False, gt=_EARLIEST)] | None = None

    @model_validator(mode="after")
    def names_a_finding(self) -> Self:
        """A posting, or an account and the check that it broke."""
        if self.trans_id is None and (self.account_id is None or not self.check_code):
            raise ValueError("name the posting (trans_id), or the account_id and check_code of a break")
        # The server loads this module at start; the checks' room only once somebody reviews.
        from include.settlement.findings import CheckCode

        if self.check_code is not None and self.check_code not in get_args(CheckCode):
            raise ValueError(f"check_code is none of {', '.join(get_args(CheckCode))}")
        return self


class Reviews(BaseModel):
    """The body of a request."""

    model_config = ConfigDict(extra="forbid")

    reviews: Annotated[list[Review], Field(min_length=1, max_length=MOST_REVIEWS)]


async def json_of_our_own(request: Request) -> bytes:
    """The body of a request that no other site can have sent with the user's cookie.

    A form of another site cannot send JSON; a script of another site says where it comes from.
    """
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "send the reviews as application/json")
    if not _is_same_site(request.headers, _own_hosts(request)):
        raise HTTPException(403, "reviews are taken from Airflow's own pages and from programs, not from other sites")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise HTTPException(413, f"at most {MOST_BYTES} bytes at once: drop a file for more")
    return body


def take_reviews(body: Annotated[bytes, Depends(json_of_our_own)], user: GetUserDep) -> dict[str, Any]:
    """Write the reviews into the lake's drop, known from now on.

    The first night that is played after its midnight takes them in.
    """
    known_at = datetime.now(UTC)
    rows = [_row(review, str(user.get_name()), known_at) for review in _read(body).reviews]
    # The server loads this module at start; what writes files only once somebody reviews.
    from include.sources.reviews import drop_reviews, inbox_of

    try:
        name = drop_reviews(inbox_of(get_settings().lake_uri), rows)
    except PublishError as error:
        raise HTTPException(503, "the drop of reviews cannot be written to: nothing was taken, try again") from error
    return {"taken": len(rows), "file": name, "known_at": known_at.isoformat()}


def _read(body: bytes) -> Reviews:
    try:
        return Reviews.model_validate_json(body)
    except ValidationError as error:
        # Without the input: an answer is not to repeat what somebody sent.
        raise HTTPException(422, error.errors(include_input=False, include_url=False, include_context=False)) from error


def _row(review: Review, who: str, known_at: datetime) -> dict[str, Any]:
    decided_at = review.decided_at or known_at
    if decided_at > known_at:
        raise HTTPException(422, f"decided_at {decided_at.isoformat()} lies after now, {known_at.isoformat()}")
    said = review.model_dump()
    return {**said, "who": who[:200], "decided_at": decided_at.astimezone(UTC), "known_at": known_at}


def _own_hosts(request: Request) -> set[str]:
    """What the browser may know this server as: by its own address, and by the configured one in front of it."""
    return {request.headers.get("host", ""), urlsplit(conf.get("api", "base_url", fallback="")).netloc} - {""}


def _is_same_site(headers: Mapping[str, str], own: set[str]) -> bool:
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc in own
