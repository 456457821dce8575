"""How a bucket of the bank is kept: encrypted with its own key, spoken to through TLS, closed to the public.

Nothing here runs in a night: whoever sets an account up applies it, or does the same with tools of their own. An
erasure asks whether the bucket keeps what it deletes.
"""

from __future__ import annotations

import json
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from include.aws.clients import client

POLICY_FILE = Path(__file__).with_name("bucket_policy.json")
"""Policy of a bucket, with `${bucket}` and `${key}` (an ARN) in place of its name and its key.

An upload that says nothing of encryption gets the bucket's own, as the lake's uploads do. One that asks for anything
else is denied: a condition that is not to hold needs the key's presence beside it, as it would also hold without it.
"""
# The largest upload takes minutes; what is left after a day belongs to a process that died.
_DAYS_OF_LEFT_PARTS = 1


def bucket_policy(bucket: str, key: str) -> dict[str, Any]:
    """The policy of a bucket.

    Parameters
    ----------
    bucket
        Name of the bucket.
    key
        ARN of its KMS key.
    """
    return dict(json.loads(Template(POLICY_FILE.read_text(encoding="utf-8")).substitute(bucket=bucket, key=key)))


def keep_safe(bucket: str, key: str) -> None:
    """Set a bucket up: SSE-KMS with bucket keys, the policy, no public access, and an end for parts of uploads.

    Parameters
    ----------
    bucket
        Name of a bucket that exists.
    key
        ARN of its KMS key.
    """
    s3 = client("s3")
    by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": True}]
        },
    )
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    left = {"DaysAfterInitiation": _DAYS_OF_LEFT_PARTS}
    rule = {"ID": "left parts", "Status": "Enabled", "Filter": {"Prefix": ""}, "AbortIncompleteMultipartUpload": left}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(bucket_policy(bucket, key)))


def keeps_versions(uri: str) -> bool:
    """Whether the bucket of an address keeps what is deleted or replaced in it, or nobody here may see whether it does.

    Parameters
    ----------
    uri
        Address of an object or prefix.
    """
    try:
        found = client("s3").get_bucket_versioning(Bucket=urlsplit(uri).netloc)
    except ClientError:
        return True
    # A bucket whose versioning was suspended keeps the versions from before.
    return "Status" in found
