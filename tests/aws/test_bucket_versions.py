"""Whether a bucket keeps what an erasure deletes."""

from __future__ import annotations

import pytest

from include.aws import bucket as buckets
from include.aws.bucket import keeps_versions
from include.aws.clients import client
from tests.aws.faults import answering, upon


def test_a_bucket_keeps_versions_once_it_was_told_to(bucket: str) -> None:
    assert not keeps_versions(f"s3://{bucket}/lake")
    for status in ("Enabled", "Suspended"):
        client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})
        assert keeps_versions(f"s3://{bucket}/lake")


def test_where_nobody_may_see_it_a_bucket_counts_as_one_that_does(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    s3 = client("s3")
    upon(s3, "GetBucketVersioning", answering("AccessDenied", 403))
    monkeypatch.setattr(buckets, "client", lambda _: s3)
    assert keeps_versions(f"s3://{bucket}/lake")
