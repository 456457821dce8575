"""Whether a lake's bucket is seen to encrypt what is written into it."""

from __future__ import annotations

import pytest

from include.aws.clients import client
from include.security.volume import doubt_of


def test_a_bucket_under_a_kms_key_leaves_no_doubt(bucket: str, kms_key: str) -> None:
    by_kms = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": kms_key}
    rules = [{"ApplyServerSideEncryptionByDefault": by_kms, "BucketKeyEnabled": True}]
    client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules})
    assert doubt_of(f"s3://{bucket}/lake") == ""


def test_a_bucket_with_the_keys_that_s3_has_by_itself_is_doubted(bucket: str) -> None:
    assert f"{bucket} encrypts by default with S3's own keys (AES256)" in doubt_of(f"s3://{bucket}/lake")


def test_a_bucket_that_says_nothing_is_doubted_and_stops_no_night(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "s3:GetEncryptionConfiguration" in doubt_of(f"s3://{bucket}-none/lake")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    assert "s3:GetEncryptionConfiguration" in doubt_of(f"s3://{bucket}/lake")
