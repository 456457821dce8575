"""What S3's refusals and failures mean: a sentence with bucket, permission and remedy, and whether time may mend it.

Lake and sources raise errors of their own, from this one translation.
"""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from botocore import exceptions as boto

from include.aws.refusals import EXPIRED, PASSING, distrusts
from include.errors import ObjectConflictError, ObjectStoreError, ObjectStoreUnavailableError

NOT_THERE = frozenset({"404", "NoSuchKey", "NotFound"})
"""Codes that say that there is no such object; the bucket is there, as far as is known."""
LOST_RACE = frozenset({"412", "PreconditionFailed", "ConditionalRequestConflict"})
"""Codes that say that a condition on what lies there did not hold, or that another request is writing it right now."""

# What each request needs to be allowed, after the service authorization reference of S3.
_PERMISSIONS = {
    "get_object": "s3:GetObject",
    "head_object": "s3:GetObject",
    "list_objects_v2": "s3:ListBucket",
    "head_bucket": "s3:ListBucket",
    "delete_object": "s3:DeleteObject",
    "delete_objects": "s3:DeleteObject",
    "abort_multipart_upload": "s3:AbortMultipartUpload",
}
_ON_THE_BUCKET = ("s3:ListBucket",)
_BROKEN_ANSWERS = frozenset({"ClientPayloadError", "IncompleteReadError", "IncompleteRead", "ResponseParserError"})


class _Meaning(NamedTuple):
    """What some of S3's codes mean, as a sentence with fields, and whether time may mend it."""

    sentence: str
    may_pass: bool
    codes: frozenset[str] = frozenset()


_BUSY = _Meaning(
    "{place}: S3 is busy or failed by itself ({code}: {words}): try again later",
    True,
    # Where an answer has no body, botocore gives its status as the code.
    (PASSING | {"500", "502", "503", "504", "OperationAborted"}) - LOST_RACE,
)
_KEY_REFUSED = _Meaning(
    "{place}: the bucket's KMS key cannot be used ({code}: {words}): enable the key, cancel its deletion, or grant the "
    "role kms:GenerateDataKey and kms:Decrypt on it",
    False,
)
_OTHER = _Meaning("{place}: S3 refused it ({code}: {words})", False)
_MEANINGS = (
    _BUSY,
    _Meaning(
        "{place} may not be used ({code}: {words}): {grant}",
        False,
        frozenset({"403", "AccessDenied", "AllAccessDisabled", "AccountProblem", "InvalidObjectState"}),
    ),
    _Meaning(
        "{place}: the credentials have expired ({code}). A role's are renewed by themselves, and a retry will have new "
        "ones; a token in AWS_SESSION_TOKEN or a profile must be replaced",
        True,
        EXPIRED,
    ),
    _Meaning(
        "{place}: S3 does not know the credentials ({code}: {words}): set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
        "a profile or a role that exists",
        False,
        frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "InvalidSecurity", "NotSignedUp"}),
    ),
    _Meaning(
        "{place}: this machine's clock is wrong by more than S3 allows ({words}): set it, with NTP",
        False,
        frozenset({"RequestTimeTooSkewed"}),
    ),
    _Meaning(
        "there is no bucket {bucket}, which {place} names: name one that exists, or create it",
        False,
        frozenset({"NoSuchBucket"}),
    ),
    _Meaning(
        "{place}: the bucket {bucket} lies in another region{region} ({code}): set AWS_REGION to it",
        False,
        frozenset(
            {
                "301",
                "307",
                "AuthorizationHeaderMalformed",
                "IllegalLocationConstraintException",
                "PermanentRedirect",
                "Redirect",
                "TemporaryRedirect",
            }
        ),
    ),
    _Meaning(
        "{place} was written by another process since it was read ({code}), and nothing of this replaced it: try "
        "again, which reads what is there now",
        True,
        LOST_RACE,
    ),
    _Meaning(
        "{place}: the parts of its upload are gone ({code}), joined by a request whose answer was lost or removed by a "
        "rule of the bucket: try again, which will begin it anew",
        True,
        frozenset({"NoSuchUpload"}),
    ),
    _Meaning(
        "{place}: the bytes were altered on the way ({code}), and S3 kept nothing of them: try again",
        True,
        frozenset({"BadDigest", "IncompleteBody", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"}),
    ),
)
_TOO_MANY_REQUESTS, _SERVERS_FAULT = 429, 500
# How S3 and KMS name what a role lacks in the message of a refusal.
_LACKING = re.compile(r"perform: (?P<action>[\w:*]+)(?: on resource: \"?(?P<resource>arn:[^\s\"]+))?")
# "When uploading part for key 'k' in bucket 'b': AWS Error CODE during Request operation: words".
_ARROW = re.compile(
    r"AWS Error (?P<code>[A-Z_]+)(?: \(HTTP status (?P<status>\d+)\))? during (?P<request>\w+) operation: "
    r"(?P<words>.*)",
    re.DOTALL,
)
_ARROWS_UNKNOWN = re.compile(r"Unable to parse ExceptionName: (?P<code>\w+)")
_BUCKET, _KEY = re.compile(r"bucket '([^']+)'"), re.compile(r"key '([^']+)'")
_WITHIN_A_NAME = re.compile(r"(?<!^)(?=[A-Z])")
_ARROWS_UNREACHED = frozenset({"NETWORK_CONNECTION", "REQUEST_TIMEOUT"})
# What a disk, a network or a store may be over in a minute; anything else stays as it is until somebody mends it.
PASSING_ERRNOS = frozenset(
    {
        errno.EIO,
        errno.EAGAIN,
        errno.EBUSY,
        errno.EINTR,
        errno.ENOMEM,
        errno.EMFILE,
        errno.ENFILE,
        errno.ESTALE,
        errno.ETIMEDOUT,
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.ECONNABORTED,
        errno.EPIPE,
        errno.EHOSTUNREACH,
        errno.EHOSTDOWN,
        errno.ENETUNREACH,
        errno.ENETDOWN,
        errno.ENETRESET,
    }
)


@dataclass(frozen=True)
class Refusal:
    """What an error of S3 means.

    Attributes
    ----------
    sentence
        What failed, why, and the remedy.
    may_pass
        Whether the same call may succeed later, as nothing but time has to mend it.
    code
        S3's code, or the error's type where S3 did not answer.
    """

    sentence: str
    may_pass: bool
    code: str

    def as_error(self) -> Exception:
        """The error to raise: FileNotFoundError where there is no such object, else one of the project's."""
        if self.code in NOT_THERE:
            return FileNotFoundError(self.sentence)
        if self.code in LOST_RACE:
            return ObjectConflictError(self.sentence)
        return ObjectStoreUnavailableError(self.sentence) if self.may_pass else ObjectStoreError(self.sentence)


def refusal_of(error: BaseException, request: str, bucket: str, key: str = "") -> Refusal:
    """The meaning of an error.

    Parameters
    ----------
    error
        What botocore, s3fs or the network raised; the first error of botocore among its causes counts.
    request
        Name of the request, as botocore's client calls it.
    bucket, key
        What it was about.
    """
    place = f"s3://{bucket}/{key}".rstrip("/")
    for cause in _causes(error):
        if isinstance(cause, boto.ClientError):
            return _of_answer(cause.response, request, bucket, key)
        if isinstance(cause, boto.BotoCoreError):
            return _without_answer(cause, place)
    passing = isinstance(error, TimeoutError | ConnectionError) or _is_broken_answer(error)
    if passing or getattr(error, "errno", None) in PASSING_ERRNOS:
        return Refusal(_unreached(place, error), may_pass=True, code=type(error).__name__)
    sentence = f"{place} failed ({type(error).__name__}: {error}): mend the address or the settings of the store"
    return Refusal(sentence, may_pass=False, code=type(error).__name__)


def arrow_refusal(error: BaseException) -> Refusal | None:
    """The meaning of what Arrow's own client of S3 raised; None where S3 is not what failed.

    Arrow raises an OSError whose text names the code (`ACCESS_DENIED`), the request, and mostly bucket and key.
    """
    found = _ARROW.search(str(error))
    if found is None:
        return None
    request = _WITHIN_A_NAME.sub("_", found["request"]).lower()
    bucket, key = (named[1] if (named := pattern.search(str(error))) else "" for pattern in (_BUCKET, _KEY))
    if found["code"] in _ARROWS_UNREACHED:
        return Refusal(_unreached(f"s3://{bucket}/{key}".rstrip("/"), error), may_pass=True, code=found["code"])
    said = {"Code": _code_named(found["code"], found["words"]), "Message": found["words"]}
    status = int(found["status"] or 0)
    return _of_answer({"Error": said, "ResponseMetadata": {"HTTPStatusCode": status}}, request, bucket, key)


def _code_named(code: str, words: str) -> str:
    """S3's own spelling of a code; one that Arrow does not know stands in the words."""
    named = _ARROWS_UNKNOWN.search(words)
    return named["code"] if named else code.title().replace("_", "")


def _of_answer(response: Any, request: str, bucket: str, key: str) -> Refusal:  # noqa: ANN401 - botocore's dictionary
    said = response.get("Error", {})
    code, words = str(said.get("Code", "unknown")), str(said.get("Message", "no reason given"))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    meaning = _meaning_of(code, status)
    sentence = meaning.sentence.format(
        place=f"s3://{bucket}/{key}".rstrip("/"),
        bucket=bucket,
        code=code,
        words=words,
        grant=_grant(words, request, bucket, key),
        region=_region_of(response),
    )
    return Refusal(sentence, meaning.may_pass, code)


def _meaning_of(code: str, status: int) -> _Meaning:
    found = next((meaning for meaning in _MEANINGS if code in meaning.codes), None)
    if found is not None:
        return found
    if code.startswith("KMS."):
        return _KEY_REFUSED
    return _BUSY if status >= _SERVERS_FAULT or status == _TOO_MANY_REQUESTS else _OTHER


def _grant(words: str, request: str, bucket: str, key: str) -> str:
    """What would allow a request; S3 names it itself where a policy of the own account is in the way."""
    named = _LACKING.search(words)
    action = named["action"] if named else _PERMISSIONS.get(request, "s3:PutObject")
    arn = f"arn:aws:s3:::{bucket}" + ("" if action in _ON_THE_BUCKET else f"/{key}")
    wanted = f"grant the role {action} on {(named['resource'] if named else None) or arn}"
    if action == "s3:PutObject":
        return (
            f"{wanted}, and kms:GenerateDataKey on the bucket's key; the bucket's policy also refuses other encryption"
        )
    if action == "s3:GetObject":
        # S3 answers so for an object that is not there, too, where the role may not list.
        return f"{wanted}, kms:Decrypt on the bucket's key, and s3:ListBucket on the bucket"
    return wanted


def _region_of(response: Any) -> str:  # noqa: ANN401 - botocore's dictionary
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = headers.get("x-amz-bucket-region") or response.get("Error", {}).get("Region")
    return f", {region}" if region else ""


def _without_answer(error: boto.BotoCoreError, place: str) -> Refusal:
    code = type(error).__name__
    if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError | boto.ProfileNotFound):
        sentence = f"{place}: there are no credentials for S3 ({error}): set a role, a profile or AWS_ACCESS_KEY_ID"
        return Refusal(sentence, may_pass=False, code=code)
    if isinstance(error, boto.FlexibleChecksumError):
        sentence = f"{place}: the bytes that came do not fit their checksum ({error}): nothing was kept, try again"
        return Refusal(sentence, may_pass=True, code=code)
    if distrusts(error):
        sentence = f"{place}: the store's certificate is not trusted ({error}): set AWS_CA_BUNDLE, or mend the endpoint"
        return Refusal(sentence, may_pass=False, code=code)
    if names_no_host(error):
        sentence = f"{place}: no host has the name of S3's endpoint ({error}): mend AWS_ENDPOINT_URL or AWS_REGION"
        return Refusal(sentence, may_pass=False, code=code)
    if isinstance(error, boto.HTTPClientError | boto.ConnectionError | boto.CredentialRetrievalError):
        return Refusal(_unreached(place, error), may_pass=True, code=code)
    if _is_broken_answer(error):
        return Refusal(_unreached(place, error), may_pass=True, code=code)
    sentence = f"{place}: S3 could not be asked ({code}: {error}): mend the address or AWS's settings"
    return Refusal(sentence, may_pass=False, code=code)


def _unreached(place: str, error: BaseException) -> str:
    return f"{place}: S3 did not answer ({type(error).__name__}: {error}): see that the network is there, and try again"


def _is_broken_answer(error: BaseException) -> bool:
    """Whether an answer broke off, which the two HTTP clients each call by a name of their own."""
    return type(error).__name__ in _BROKEN_ANSWERS


def names_no_host(error: BaseException) -> bool:
    """Whether the resolver knows that there is no such host, rather than not getting an answer."""
    found = next((cause for cause in _causes(error) if isinstance(cause, socket.gaierror)), None)
    return found is not None and found.errno != socket.EAI_AGAIN


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
