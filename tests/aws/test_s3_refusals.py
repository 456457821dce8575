"""What S3's refusals and failures are told as, from answers as AWS documents them, over the real client."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore import exceptions as boto
from upath import UPath

from include.aws.leave import guarded_by
from include.aws.s3_refusals import refusal_of
from include.errors import (
    LockLostError,
    ObjectStoreError,
    ObjectStoreUnavailableError,
    SourceError,
    SourceUnavailableError,
)
from include.paths import path_of
from include.sources.files.folder import Folder
from include.whole_file import read_whole, write_whole

PLACE = "s3://bank-lake/lake/record"


class Answers(BaseHTTPRequestHandler):
    """Gives every request the same answer; HEAD has no body, as at S3."""

    # A client that offers its body first waits to be asked for it, which version 1.1 does.
    protocol_version = "HTTP/1.1"
    status, headers_given, body = 200, {}, b""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.status)
        for name, value in {"Content-Length": str(len(self.body)), **self.headers_given}.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(self.body)

    do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = _answer  # noqa: N815 - names of http.server

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def answer(monkeypatch) -> Iterator[type[Answers]]:
    """A store on this machine that answers what a test sets."""
    kind = type("AnswersOfOneTest", (Answers,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    yield kind
    server.shutdown()
    server.server_close()


def refusing(answer, code, status, headers=None):
    answer.status, answer.headers_given = status, headers or {}
    words = "as AWS says it"
    answer.body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{words}</Message></Error>".encode()


TOLD = [
    ("AccessDenied", 403, {}, False, r"may not be used \(AccessDenied.*grant the role s3:"),
    ("NoSuchBucket", 404, {}, False, "there is no bucket bank-lake"),
    ("ExpiredToken", 400, {}, True, "credentials have expired"),
    ("InvalidAccessKeyId", 403, {}, False, "does not know the credentials"),
    ("RequestTimeTooSkewed", 403, {}, False, "clock is wrong"),
    (
        "PermanentRedirect",
        301,
        {"x-amz-bucket-region": "us-east-1"},
        False,
        "lies in another region, us-east-1 .*AWS_REGION",
    ),
    ("NoSuchUpload", 404, {}, True, "begin it anew"),
    ("KMS.DisabledException", 400, {}, False, r"KMS key cannot be used \(KMS.DisabledException"),
    ("KMS.KMSInvalidStateException", 400, {}, False, "cancel its deletion"),
    ("SlowDown", 503, {}, True, "S3 is busy"),
    ("InternalError", 500, {}, True, "S3 is busy"),
    ("BadDigest", 400, {}, True, "altered on the way"),
    ("InvalidRequest", 400, {}, False, r"S3 refused it \(InvalidRequest"),
]


@pytest.mark.parametrize(("code", "status", "headers", "may_pass", "words"), TOLD, ids=[case[0] for case in TOLD])
def test_a_refusal_is_told_with_its_remedy_to_lake_and_source(answer, code, status, headers, may_pass, words):
    refusing(answer, code, status, headers)
    of_lake, of_source = (
        (ObjectStoreUnavailableError, SourceUnavailableError) if may_pass else (ObjectStoreError, SourceError)
    )
    uses = (read_whole, lambda path: write_whole(path, b"1"), UPath.exists, UPath.is_dir, UPath.read_bytes)
    for use in uses:
        with pytest.raises(of_lake, match=words):
            use(path_of(PLACE))
    # A drop may be a whole bucket, and one that fails is no empty one.
    with pytest.raises(of_lake, match=words):
        path_of("s3://bank-lake").exists()
    with pytest.raises(of_source, match=words):
        Folder.at("s3://bank-lake/bank").entries()
    with pytest.raises(of_source, match=words):
        Folder.at("s3://bank-lake/bank").read("fin_account.csv", (7, '"etag"'))


def test_bytes_that_do_not_fit_their_checksum_are_not_taken(answer):
    answer.headers_given, answer.body = {"x-amz-checksum-crc32": "AAAAAA==", "ETag": '"1"'}, b"content"
    for read in (read_whole, UPath.read_bytes):
        with pytest.raises(ObjectStoreUnavailableError, match="do not fit their checksum"):
            read(path_of(PLACE))
    with pytest.raises(SourceUnavailableError, match="do not fit their checksum"):
        Folder.at("s3://bank-lake/bank").read("fin_account.csv", (7, '"1"'))


def test_an_answer_that_breaks_off_is_not_taken_for_the_whole(answer):
    answer.headers_given, answer.body = {"Content-Length": "100", "ETag": '"1"'}, b"content"
    for read in (read_whole, UPath.read_bytes):
        with pytest.raises(ObjectStoreUnavailableError, match="did not answer"):
            read(path_of(PLACE))


def test_a_write_is_not_repeated_once_its_lock_is_lost(answer, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "3")
    refusing(answer, "SlowDown", 503)
    asked = []

    def lost_after_the_first() -> None:
        asked.append(1)
        if len(asked) > 1:
            raise LockLostError("another process holds it")

    with guarded_by(lost_after_the_first), pytest.raises(LockLostError):
        write_whole(path_of(PLACE), b"1")
    assert len(asked) == 2
    with guarded_by(lost_after_the_first), pytest.raises(ObjectStoreUnavailableError, match="SlowDown"):
        read_whole(path_of(PLACE))


@pytest.mark.parametrize(
    ("error", "may_pass"),
    [
        (boto.NoCredentialsError(), False),
        (boto.ParamValidationError(report="Invalid bucket name"), False),
        (boto.SSLError(endpoint_url="https://store", error="certificate verify failed"), False),
        (boto.SSLError(endpoint_url="https://store", error="EOF occurred in violation of protocol"), True),
        (boto.EndpointConnectionError(endpoint_url="http://store"), True),
        (boto.ReadTimeoutError(endpoint_url="http://store"), True),
        (boto.CredentialRetrievalError(provider="iam-role", error_msg="no answer"), True),
        (TimeoutError(), True),
        (ValueError("Invalid endpoint: notaurl"), False),
    ],
)
def test_what_never_reached_the_store_is_told_apart_too(error, may_pass):
    assert refusal_of(error, "get_object", "bank-lake", "record").may_pass is may_pass


@pytest.mark.parametrize(("kind", "may_pass"), [("EAI_NONAME", False), ("EAI_AGAIN", True)])
def test_a_store_whose_name_nobody_knows_is_terminal_and_one_that_was_not_asked_is_not(kind, may_pass):
    failed = boto.EndpointConnectionError(endpoint_url="http://store")
    failed.__cause__ = socket.gaierror(getattr(socket, kind), "Name or service not known")
    assert refusal_of(failed, "get_object", "bank-lake").may_pass is may_pass
