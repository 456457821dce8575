"""What a bucket's policy denies, on a stand-in that holds everybody to it, and what of S3's refusals is told."""

from __future__ import annotations

import json

import pytest

from include.aws.bucket import bucket_policy, keep_safe
from include.aws.clients import client
from include.aws.object_store import object_store
from include.errors import ObjectStoreError, SourceError
from include.paths import names_in, path_of
from include.sources import open_source
from include.whole_file import put_whole, read_whole, write_whole
from tests.aws.conftest import make_bucket
from tests.aws.roles import act_as

KEY = "arn:aws:kms:eu-central-1:000000000000:key/11111111-2222-3333-4444-555555555555"


def allowed_everything(*buckets):
    resources = [arn for bucket in buckets for arn in (f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*")]
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": resources}]}


@pytest.fixture
def policed(guarded, monkeypatch):
    """A bucket with the whole set-up but for TLS, which the stand-in does not speak, and a user who may do all."""
    bucket = make_bucket("policed")
    keep_safe(bucket, KEY)
    policy = bucket_policy(bucket, KEY)
    policy["Statement"] = [each for each in policy["Statement"] if each["Sid"] != "OnlyTls"]
    client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    act_as(monkeypatch, allowed_everything(bucket))
    return bucket


def test_what_the_lake_writes_gets_the_buckets_own_encryption(policed, tmp_path):
    path = path_of(f"s3://{policed}/lake/record")
    write_whole(path, b"content")
    draft = tmp_path / "draft"
    draft.write_bytes(b"x" * 100)
    put_whole(path.parent / "extract.hyper", draft)
    assert read_whole(path).content == b"content"
    assert client("s3").head_object(Bucket=policed, Key="lake/record")["ServerSideEncryption"] == "aws:kms"
    assert client("s3").head_object(Bucket=policed, Key="lake/record")["SSEKMSKeyId"] == KEY


@pytest.mark.parametrize(
    "encryption",
    [
        {"ServerSideEncryption": "AES256"},
        {"ServerSideEncryption": "aws:kms:dsse"},
        # No stand-in holds an upload to the condition on the key, `NoOtherKey`.
    ],
)
def test_an_upload_that_asks_for_another_encryption_is_denied(policed, encryption):
    asked = {"Bucket": policed, "Key": "record", "Body": b"content"}
    with pytest.raises(ObjectStoreError, match=r"record may not be used .*kms:GenerateDataKey"):
        object_store()._ask("put_object", **asked, **encryption)
    assert names_in(path_of(f"s3://{policed}/")) == []
    own = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KEY}
    object_store()._ask("put_object", **asked, **own)


def test_without_tls_nothing_is_done(guarded, monkeypatch):
    bucket = make_bucket("tls")
    keep_safe(bucket, KEY)
    act_as(monkeypatch, allowed_everything(bucket))
    with pytest.raises(ObjectStoreError, match="may not be used"):
        write_whole(path_of(f"s3://{bucket}/record"), b"content")
    with pytest.raises(ObjectStoreError, match="may not be used"):
        names_in(path_of(f"s3://{bucket}/lake"))


def test_a_bucket_is_closed_and_forgets_left_parts(aws):
    bucket = make_bucket("safe")
    keep_safe(bucket, KEY)
    s3 = client("s3")
    rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["BucketKeyEnabled"]
    (lifecycle,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert lifecycle["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())


@pytest.mark.parametrize(
    ("action", "use"),
    [
        ("s3:GetObject", lambda path: path.read_bytes()),
        ("s3:GetObject", lambda path: read_whole(path)),
        ("s3:GetObject", lambda path: path.exists()),
        ("s3:PutObject", lambda path: write_whole(path, b"")),
        ("s3:ListBucket", lambda path: names_in(path.parent)),
        ("s3:DeleteObject", lambda path: path.unlink()),
    ],
)
def test_a_role_that_lacks_a_permission_is_told_which(guarded, monkeypatch, action, use):
    bucket = make_bucket("denied")
    write_whole(path_of(f"s3://{bucket}/lake/record"), b"content")
    act_as(monkeypatch, None)
    with pytest.raises(ObjectStoreError, match=f"grant the role {action} on arn:aws:s3:::{bucket}"):
        use(path_of(f"s3://{bucket}/lake/record"))


def test_a_source_that_may_not_be_read_says_so(guarded, monkeypatch):
    bucket = make_bucket("denied")
    act_as(monkeypatch, None)
    with pytest.raises(SourceError, match=f"s3://{bucket}/bank cannot be read: .*grant the role s3:"):
        open_source(f"s3://{bucket}/bank")


def test_credentials_that_nobody_knows_are_said(guarded, monkeypatch):
    bucket = make_bucket("unknown")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIANOBODYKNOWSTHIS1")
    with pytest.raises(ObjectStoreError, match="does not know the credentials"):
        names_in(path_of(f"s3://{bucket}/lake"))
