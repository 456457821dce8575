"""Takes in analysts' reviews as JSON and writes them as a file into the drop, which the next night reads.

Whoever has the right of an investigator may review: a review changes what the following nights publish.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self, get_args

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, HTTPException, Request
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import from_json

from include.errors import PublishError, SettlementError
from include.settings import Settings
from plugins.settlement_console.dependencies import InstalledSettings
from plugins.settlement_console.lake_says import is_made
from plugins.settlement_console.tally import Tally

MOST_REVIEWS = 500
"""Largest number of reviews in one request: a person decides as many in two days; more come as a file."""
MOST_BYTES = 1 << 20
"""Largest size of a request in bytes: room for `MOST_REVIEWS` reviews with the longest reasons allowed."""
MOST_FAULTS = 20
"""Largest number of faults of a request that the answer names; once these are fixed, the next answer names others."""
LONGEST_REASON = 1000
"""Largest number of characters of a reason, the same as in `include.reviews.drop`."""

_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""Earliest time of a decision: an earlier one is a slip, such as 0 for 1970. Years near 1 and 9999 have no UTC."""


def _from_digits(value: object) -> object:
    """The number in a text of digits, as JavaScript cannot hold numbers beyond 2^53 without losing digits."""
    return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value


_DIGITS = re.compile(r"-?[0-9]{1,19}")
_Identifier = Annotated[int, BeforeValidator(_from_digits), Field(ge=-(2**63), lt=2**63)]
"""An identifier as a number or as a text of its digits; zero is allowed, as some banks begin with it."""


class Review(BaseModel):
    """One decision; the console itself, not the caller, sets who decided and when it became known."""

    model_config = ConfigDict(extra="forbid", strict=True)

    trans_id: _Identifier | None = None
    account_id: _Identifier | None = None
    check_code: Annotated[str, Field(max_length=60)] | None = None
    decision: Literal["confirmed", "dismissed", "unsure"]
    reason: Annotated[str, Field(max_length=LONGEST_REASON)] = ""
    decided_at: Annotated[AwareDatetime, Field(strict=False, gt=_EARLIEST)] | None = None
    finding_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None

    @model_validator(mode="after")
    def names_a_finding(self) -> Self:
        """Check that the review names a finding, a posting, or an account and the check that it broke."""
        # The server loads this module at its start; what is told apart by its reason is imported when somebody reviews.
        from include.casework.second_looks import MARK

        if self.reason.startswith(MARK):
            raise ValueError(f"a reason that begins with {MARK!r} is an answer on the page Work: begin it otherwise")
        others = (self.trans_id, self.account_id, self.check_code)
        if self.finding_id is not None:
            if any(other is not None for other in others):
                raise ValueError("name the finding (finding_id) or what it is about, not both")
            return self
        if self.trans_id is None and (self.account_id is None or not self.check_code):
            raise ValueError("name the finding_id, the posting (trans_id), or the account_id and check_code of a break")
        # The server loads this module at its start; the checks are imported only when somebody reviews.
        from include.settlement.findings import CheckCode

        if self.check_code is not None and self.check_code not in get_args(CheckCode):
            raise ValueError(f"check_code is none of {', '.join(get_args(CheckCode))}")
        return self


def asking_user(user: GetUserDep, settings: InstalledSettings) -> str:
    """The user who sends the request; the request counts towards the limit whatever its outcome.

    Raises
    ------
    HTTPException
        429 when the user sent too many within a minute.
    """
    name, most = str(user.get_name()), settings.reviews_per_minute
    if Tally.of_this_server().take("requests", name, 1, most, time.time() - 60) is None:
        raise _too_many(60, f"at most {most} requests a minute: send up to {MOST_REVIEWS} reviews with each")
    return name


async def json_of_our_own(request: Request, _: Annotated[str, Depends(asking_user)]) -> bytes:
    """The body of a request; a form of another site cannot send JSON."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "send the reviews as application/json")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise HTTPException(413, f"at most {MOST_BYTES} bytes at once: drop a file for more")
    return body


def take_reviews(
    body: Annotated[bytes, Depends(json_of_our_own)],
    user: Annotated[str, Depends(asking_user)],
    settings: InstalledSettings,
) -> dict[str, Any]:
    """Write the reviews into the lake's drop, known from now on.

    The first night that is played after its midnight takes them in.
    """
    known_at = datetime.now(UTC)
    rows = [_row(review, user, known_at) for review in _resolved(_read(body), settings)]
    ticket = _counted(user, len(rows), known_at, settings.reviews_per_night)
    # The server loads this module at its start; code that writes files is imported only when somebody reviews.
    from include.reviews.drop import drop_reviews, inbox_of

    try:
        name = drop_reviews(inbox_of(settings.lake_uri, settings.reviews_uri), rows)
    except PublishError as error:
        Tally.of_this_server().give_back(ticket)
        raise HTTPException(503, "the drop of reviews cannot be written to: nothing was taken, try again") from error
    return {"taken": len(rows), "file": name, "known_at": known_at.isoformat()}


def _resolved(reviews: list[Review], settings: Settings) -> list[Review]:
    """The reviews, in which those that name a finding name what it is about.

    Raises
    ------
    HTTPException
        422 with the first findings on which nothing can be decided; 503 when the lake does not answer.
    """
    named = _findings({review.finding_id for review in reviews if review.finding_id}, settings)
    faults = [
        _unknown(number) for number, each in enumerate(reviews) if each.finding_id and each.finding_id not in named
    ]
    if faults:
        raise HTTPException(422, faults[:MOST_FAULTS])
    return [each.model_copy(update=named[each.finding_id]) if each.finding_id else each for each in reviews]


def _findings(ids: set[str], settings: Settings) -> dict[str, dict[str, Any]]:
    if not ids or not is_made(settings):
        return {}
    # The server loads this module at its start; the lake's libraries are imported only when somebody names a finding.
    from include.lake import Lake
    from include.reviews.named_findings import named_findings

    try:
        return named_findings(Lake.open(settings.lake_uri, settings), ids)
    except SettlementError as error:
        raise HTTPException(503, "the lake cannot be asked about findings: nothing was taken, try again") from error


def _unknown(number: int) -> dict[str, Any]:
    sentence = "no finding of the last nights that anything can be decided on has this id"
    return {"type": "unknown_finding", "loc": ["reviews", number, "finding_id"], "msg": sentence}


def _counted(user: str, reviews: int, known_at: datetime, most: int) -> int:
    """A ticket that counts the reviews among those of the night, which is a day in UTC."""
    midnight = datetime.combine(known_at.date(), datetime.min.time(), UTC)
    ticket = Tally.of_this_server().take("reviews", user, reviews, most, midnight.timestamp())
    if ticket is None:
        wait = int((midnight + timedelta(days=1) - known_at).total_seconds()) + 1
        raise _too_many(wait, f"at most {most} reviews for one night: send the rest after midnight UTC, or drop a file")
    return ticket


def _too_many(seconds: int, sentence: str) -> HTTPException:
    return HTTPException(429, f"{sentence}. Nothing was taken", {"Retry-After": str(seconds)})


def _read(body: bytes) -> list[Review]:
    """The reviews of a body.

    Raises
    ------
    HTTPException
        422 with the first faults, without repeating what was sent.
    """
    reviews, faults = [], []
    for number, said in enumerate(_said(body)):
        try:
            reviews.append(Review.model_validate(said))
        except ValidationError as error:
            faults += [_fault(number, each) for each in error.errors(include_input=False, include_url=False)]
    if faults:
        raise HTTPException(422, faults[:MOST_FAULTS])
    return reviews


def _said(body: bytes) -> list[Any]:
    """The items of a body, not validated yet, as a single body may have a hundred thousand faults."""
    try:
        said = from_json(body)
    except ValueError as error:
        raise HTTPException(422, "the body is no JSON") from error
    if not isinstance(said, dict) or said.keys() != {"reviews"} or not isinstance(said["reviews"], list):
        raise HTTPException(422, 'send an object with a list: {"reviews": [...]}')
    if not 1 <= len(said["reviews"]) <= MOST_REVIEWS:
        raise HTTPException(422, f"{len(said['reviews'])} reviews were sent: send 1 to {MOST_REVIEWS} at once")
    if any(isinstance(review, dict) and len(review) > len(Review.model_fields) for review in said["reviews"]):
        raise HTTPException(422, f"a review has at most the fields {', '.join(Review.model_fields)}")
    return said["reviews"]


def _fault(number: int, error: Mapping[str, Any]) -> dict[str, Any]:
    """One fault in short form, as a field's name may be of any length."""
    place = ["reviews", number, *(str(part)[:60] for part in error["loc"][:3])]
    return {"type": error["type"], "loc": place, "msg": str(error["msg"])[:300]}


def _row(review: Review, who: str, known_at: datetime) -> dict[str, Any]:
    decided_at = review.decided_at or known_at
    if decided_at > known_at:
        raise HTTPException(422, f"decided_at {decided_at.isoformat()} lies after now, {known_at.isoformat()}")
    said = review.model_dump(exclude={"finding_id"})
    return {**said, "who": who[:200], "decided_at": decided_at.astimezone(UTC), "known_at": known_at}
